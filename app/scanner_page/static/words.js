// The words of the page, in the language of the site. English texts are the keys.

const LANGUAGES = ["en", "de"];
const originals = new Map();

let words = { language: "en", texts: {}, refusals: {} };

export async function speak(wanted) {
  const language = LANGUAGES.find((known) => wanted?.startsWith(known)) ?? "en";
  const { texts, refusals } = await (await fetch(`words-${language}.json`)).json();
  words = { language, texts, refusals };
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) {
    originals.set(element, originals.get(element) ?? element.textContent);
    element.textContent = gettext(originals.get(element));
  }
}

export function gettext(text, values = {}) {
  return filled(words.texts[text] ?? text, values);
}

export function adviceOn(code) {
  return words.refusals[code];
}

// Why a code was refused. The service says it in English; other languages are put together from
// the parts whose facts are known.
export function reasonOf({ code, detail, visitor, since, gate }) {
  const parts = words.refusals[code]?.reason ?? [];
  if (words.language === "en" || !parts.length) {
    return detail;
  }
  const facts = { date: visitor && day(visitor.visit_date), time: visitor?.visit_time, since: since && clock(since), gate };
  const known = parts.filter((part) => [...part.matchAll(/\{(\w+)\}/g)].every(([, name]) => facts[name]));
  return known.map((part) => filled(part, facts)).join(" · ");
}

export function clock(instant) {
  const today = new Date().toDateString() === new Date(instant).toDateString();
  const time = { hour: "2-digit", minute: "2-digit" };
  return new Date(instant).toLocaleString(locale(), today ? time : { ...time, day: "numeric", month: "short" });
}

export function day(date) {
  const form = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Date(date).toLocaleDateString(locale(), form);
}

function locale() {
  return words.language === "en" ? "en-GB" : words.language;
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
