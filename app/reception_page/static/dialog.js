// Dialogs: the browser's own, which keep the focus inside and close on Escape.

import { html } from "./html.js";
import { lettersAreOff } from "./kept.js";
import { useLayoutEffect, useRef } from "./vendor/preact/hooks.js";
import { texts } from "./words.js";

/**
 * @typedef {import("preact").ComponentChildren} Children
 * @param {{title: string, onClose: () => void, children?: Children}} props
 */
export function Dialog({ title, onClose, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // Before the next key, which belongs to the dialog already.
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    const first = /** @type {HTMLElement | null | undefined} */ (dialog.current?.querySelector("[data-first]"));
    first?.focus();
    return () => {
      if (before?.isConnected) {
        before.focus();
      }
    };
  }, []);
  return html`<dialog ref=${dialog} aria-label=${title} onCancel=${cancel(onClose)}>
    <header><h2>${title}</h2>
      <button type="button" class="plain" aria-label=${texts().close} onClick=${onClose}>✕</button></header>
    ${children}
  </dialog>`;
}

/** @param {() => void} onClose */
function cancel(onClose) {
  return (/** @type {Event} */ event) => {
    event.preventDefault(); // the page closes it, by drawing it no more
    onClose();
  };
}

/** @param {(form: HTMLFormElement) => unknown} work */
export function submitted(work) {
  return (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    work(/** @type {HTMLFormElement} */ (event.currentTarget));
  };
}

/**
 * Ask for a yes, and for a reason where one is kept.
 * @param {{title: string, text: string, reasons?: string[], button: string, needsReason?: boolean,
 *   isDanger?: boolean, onYes: (reason: string) => void, onClose: () => void}} props
 */
export function Ask({ title, text, reasons = [], button, needsReason = false, isDanger = false, onYes, onClose }) {
  const t = texts();
  const answer = submitted((form) => onYes(needsReason ? String(new FormData(form).get("reason")).trim() : ""));
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${answer}>
      <p>${text}</p>
      ${reasons.length > 0 && html`<ul class="reasons">${reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`}
      ${needsReason && html`<label>${t.reason}
        <input name="reason" data-first required minlength="3" maxlength="200" autocomplete="off" aria-describedby="reason-hint" />
        <small id="reason-hint">${t.reasonHint}</small></label>`}
      <p class="buttons">
        <button class=${isDanger ? "danger" : "main"} data-first=${!needsReason || undefined}>${button}</button>
        <button type="button" onClick=${onClose}>${t.cancel}</button>
      </p>
    </form>
  <//>`;
}

/** @param {{onClose: () => void}} props */
export function Help({ onClose }) {
  const t = texts();
  return html`<${Dialog} title=${t.keysTitle} onClose=${onClose}>
    <dl class="keys">${t.keys.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <label class="tick"><input type="checkbox" defaultChecked=${lettersAreOff.get() !== true}
      onChange=${(/** @type {any} */ event) => lettersAreOff.set(!event.currentTarget.checked)} /> ${t.lettersAct}</label>
    <p class="buttons"><button type="button" class="main" data-first onClick=${onClose}>${t.close}</button></p>
  <//>`;
}
