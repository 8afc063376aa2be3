// The language of the page: the chosen one, else that of the browser.

import { Away, Problem, get } from "./api.js";
import { chosenLanguage, lastWords } from "./kept.js";
import { GERMAN } from "./texts_de.js";
import { ENGLISH } from "./texts_en.js";

/** @typedef {"en" | "de"} Language */

export const LANGUAGES = /** @type {const} */ ({ en: "English", de: "Deutsch" });

/** @returns {Language} */
export function language() {
  const wanted = chosenLanguage.get() ?? navigator.language;
  return wanted.startsWith("de") ? "de" : "en";
}

/** The texts as they are when the module of the caller draws. */
export function texts() {
  return language() === "de" ? GERMAN : ENGLISH;
}

/** The labels of the service: enumerations and problems, in both languages. */
export async function loadWords() {
  lastWords.set(await get("meta/"));
}

/**
 * @param {string} kind
 * @param {string} value
 * @returns {string}
 */
export function label(kind, value) {
  const words = lastWords.get()?.enums[kind]?.find((word) => word.value === value);
  return words?.labels[language()] ?? value.replaceAll("_", " ");
}

/** @param {string} kind */
export const valuesOf = (kind) => lastWords.get()?.enums[kind]?.map((word) => word.value) ?? [];

/** @typedef {{code?: string, message: string, row?: number, column?: string, field?: string}} Fault */

/**
 * What to say of one field or cell: the validator speaks English.
 * @param {Fault} fault
 */
export function faultText({ code = "", message }) {
  const known = language() === "en" ? undefined : problemLabel(code);
  return texts().ofCode[code] ?? known ?? message;
}

/** @param {string} code */
const problemLabel = (code) =>
  lastWords.get()?.enums.problem_code?.find((word) => word.value === code)?.labels[language()];

/**
 * What to say of an error: in the user's language where the service has words for it.
 * @param {unknown} error
 * @param {boolean} [namesFields] False where they are shown beside.
 */
export function complaint(error, namesFields = true) {
  const t = texts();
  if (error instanceof Away) {
    return t.unreachable;
  }
  if (!(error instanceof Problem)) {
    return `${t.failed}: ${error instanceof Error ? error.message : error}`;
  }
  if (error.code === "forbidden") {
    return t.forbidden;
  }
  /** @type {string[]} */
  const fields = namesFields ? (error.body.errors ?? []).map(faultText) : [];
  const by = error.body.by ?? error.body.started_by;
  const isEnglish = language() === "en";
  const said = isEnglish ? error.message : label("problem_code", error.code);
  // The English text names them already.
  return [said, ...(isEnglish ? [] : fields.slice(0, 3)), by ? t.fasterDesk(typeof by === "string" ? by : by.name) : ""].filter(Boolean).join(" · ");
}

const locale = () => (language() === "de" ? "de-DE" : "en-GB");

/**
 * @param {string | number} instant
 * @param {string} [zone]
 */
export function clock(instant, zone) {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(new Date(instant));
}

/**
 * The day at a place, as the service writes it.
 * @param {number} instant
 * @param {string} zone
 */
export const dayAt = (instant, zone) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(instant);

/** @param {string} day */
export function weekday(day) {
  return new Intl.DateTimeFormat(locale(), { weekday: "short", day: "numeric", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}
