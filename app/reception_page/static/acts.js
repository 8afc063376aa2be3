// What the desk does to one visit. Refusals that may be overridden are asked about, never assumed.

import { Problem, ask, fileName, post, save } from "./api.js";
import { label, texts } from "./words.js";

/**
 * @typedef {import("visitor-management-client").DeskCard} DeskCard
 * @typedef {import("visitor-management-client").Override} Override
 * @typedef {import("visitor-management-client").Undone} Undone
 * @typedef {{id: string, name: string}} Somebody
 * @typedef {{done: string} | {refused: string[]}} Outcome
 */

/** A QR code of a visit; some scanners send the AIM identifier (ISO/IEC 15424) before it. */
const TOKEN = /^V1[A-Z2-7]{40}$/;
const SCANNERS_NAME = /^\]Q[0-9]\s*/;

/**
 * @param {string} text
 * @returns {string | null}
 */
export function tokenIn(text) {
  const token = text.trim().toUpperCase().replace(SCANNERS_NAME, "");
  return TOKEN.test(token) ? token : null;
}

/**
 * The codes that may be overridden; throws the error if there are none.
 * @param {unknown} error
 * @returns {string[]}
 */
export function refusalsOf(error) {
  if (error instanceof Problem && error.status === 409) {
    const codes = error.body.refusals ?? (error.body.overridable ? [error.code] : []);
    const isAnswer = error.body.overridable === true || error.code === "override_mismatch";
    if (codes.length > 0 && isAnswer) {
      return codes;
    }
  }
  throw error;
}

/**
 * @param {Somebody} visitor
 * @param {Override} [override]
 * @returns {Promise<Outcome>}
 */
export async function checkIn(visitor, override) {
  try {
    await post(`visitors/${visitor.id}/check-in/`, override && { override }, crypto.randomUUID());
    return { done: texts().done.check_in(visitor.name) };
  } catch (error) {
    return { refused: refusalsOf(error) };
  }
}

/**
 * @param {Somebody} visitor
 * @returns {Promise<Outcome>}
 */
export async function checkOut(visitor) {
  const { presence } = await post(`visitors/${visitor.id}/check-out/`, undefined, crypto.randomUUID());
  return { done: presence === "away" ? texts().done.away(visitor.name) : texts().done.check_out(visitor.name) };
}

/**
 * @param {Somebody} visitor
 * @returns {Promise<Outcome>}
 */
export async function complete(visitor) {
  await post(`visitors/${visitor.id}/complete/`);
  return { done: texts().done.complete(visitor.name) };
}

/**
 * @param {Somebody} visitor
 * @param {string} intent
 * @returns {Promise<string>} What to say, with the mails that nobody can take back.
 */
export async function undo(visitor, intent) {
  /** @type {Undone} */
  const { undone, consequences } = await post(`visitors/${visitor.id}/undo/`, undefined, intent);
  const gone = [...new Set(consequences.map((mail) => mail.recipient))];
  return [texts().undone[undone](visitor.name), gone.length > 0 && texts().mailsSent(gone.join(", "))]
    .filter(Boolean)
    .join(" · ");
}

/**
 * Let in by a scanned code, as a gate would.
 * @param {string} token
 * @returns {Promise<{done: string, visitor: Somebody} | {refused: Somebody} | {inside: true}>}
 */
export async function scan(token) {
  const body = { token, scan_id: crypto.randomUUID(), scanned_at: new Date().toISOString(), direction: "in" };
  try {
    const { visitor } = await post("visitors/verify-qr/", body);
    return { done: texts().done.check_in(visitor.name), visitor };
  } catch (error) {
    if (error instanceof Problem && error.code === "already_inside") {
      return { inside: true };
    }
    if (error instanceof Problem && error.body.overridable === true && error.body.visitor) {
      return { refused: error.body.visitor };
    }
    throw error;
  }
}

/**
 * The end of the day: everybody who is inside has left. `count` is how many the desk was shown.
 * @param {string} site
 * @param {number} count
 * @param {string} reason
 * @returns {Promise<string>}
 */
export async function checkOutAll(site, count, reason) {
  /** @type {import("visitor-management-client").CheckedOutAll} */
  const { checked_out } = await post(`sites/${site}/check-out-all/`, { expected_count: count, reason });
  return texts().closed(checked_out);
}

/**
 * Open the badge to be printed; where the browser allows no window, it is saved.
 * @param {Somebody} visitor
 */
export async function printBadge(visitor) {
  const tab = window.open("", "_blank"); // at once: later, browsers take it for an advertisement
  try {
    const answer = await ask("GET", `visitors/${visitor.id}/badge.pdf`);
    const file = await answer.blob();
    if (tab === null) {
      save(file, fileName(answer));
    } else {
      tab.location.href = URL.createObjectURL(file);
    }
  } catch (error) {
    tab?.close();
    throw error;
  }
}

/** @param {string[]} codes */
export const reasonsOf = (codes) => codes.map((code) => label("problem_code", code));
