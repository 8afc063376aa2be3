// The keyboard: single letters, unless somebody types or a dialog asks.

import { lettersAreOff } from "./kept.js";

/** What a scanner types first: a code, or its name for one (see `tokenIn`). */
const SCANNED = /^[vV\]]$/;

/** @typedef {Record<string, (() => unknown) | undefined>} Keys */

/**
 * @param {() => Keys} keys
 * @returns {() => void} Unbinds them.
 */
export function bindKeys(keys) {
  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) {
      return;
    }
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input, select, textarea") && !(event.key === "Escape" && target.id === "search")) {
      return;
    }
    if (event.key === "Enter" && target.closest("button, a, summary")) {
      return;
    }
    const isLetter = event.key.length === 1 && lettersAreOff.get() === true;
    const work = isLetter ? undefined : keys()[event.key];
    if (work !== undefined) {
      event.preventDefault();
      work();
    } else if (SCANNED.test(event.key)) {
      keys().scan?.(); // the letter itself then lands in the field
    }
  }
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

const rows = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll("li.row")]);

/**
 * @param {Element | null} element
 * @returns {number | null} The position of the row that it is in.
 */
export function rowAt(element) {
  const row = element?.closest("li.row");
  const position = row ? rows().indexOf(/** @type {HTMLElement} */ (row)) : -1;
  return position < 0 ? null : position;
}

/**
 * Move to a row, at once, since the next key is about it; without rows, to the field.
 * @param {number} position
 * @param {HTMLElement | null} field
 */
export function focusRow(position, field) {
  const all = rows();
  (all[Math.min(Math.max(position, 0), all.length - 1)] ?? field)?.focus();
}
