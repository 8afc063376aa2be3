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

/**
 * What to say of an error: in the user's language where the service has words for it.
 * @param {unknown} error
 */
export function complaint(error) {
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
  const fields = (error.body.errors ?? []).map((/** @type {{field?: string, message: string}} */ fault) => fault.message);
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
