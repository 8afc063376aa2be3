// Rendering only.

import { adviceOn, clock, day, gettext, reasonOf } from "./words.js";

const element = (id) => document.getElementById(id);
const GREEN_FOR_MS = 6_000;

let hiding = null;

// Show the form for the key, with an error, or the scanner.
export function showKeyForm(fault = "") {
  element("work").hidden = true;
  element("key-form").hidden = false;
  element("key-fault").textContent = fault;
  element("key").focus();
}

export function showWork() {
  element("key-form").hidden = true;
  element("work").hidden = false;
  element("code").focus();
}

export function showPlace(device) {
  element("place").textContent = [device?.gate, device?.site_name].filter(Boolean).join(" · ");
}

export function showNetwork() {
  element("network").textContent = navigator.onLine ? "" : gettext("Offline");
}

export function showOpened({ verdict, visitor }) {
  const title = verdict === "checked_out" ? gettext("Goodbye") : gettext("Welcome");
  show("green", "✓", title, { name: visitor.name, facts: factsOf(visitor, visitor.visit_time) });
  hiding = setTimeout(hideVerdict, GREEN_FOR_MS);
}

// The name is there to be compared with a document.
export function showRefused(refusal, direction) {
  const { code, title, visitor } = refusal;
  const advice = adviceOn(code) ?? { title };
  const when = visitor?.visit_date && `${day(visitor.visit_date)}, ${visitor.visit_time}`;
  show("red", "✗", advice.title, {
    name: visitor?.name,
    facts: visitor && factsOf(visitor, when),
    reason: reasonOf(refusal),
    advice: advice[direction] ?? gettext("Call reception."),
  });
}

function factsOf({ company, host_name: host }, when) {
  return [company, host && gettext("to see {host}", { host }), when].filter(Boolean).join(" · ");
}

export function showAsking() {
  show("grey", "…", gettext("One moment"));
}

// No verdict: a person decides. `before` is when a person last let this code through.
export function showUndecided(direction, before) {
  show("amber", "?", gettext("Not checked"), {
    reason: gettext("The service cannot be reached."),
    advice: before ? passedBefore(direction, clock(before)) : gettext("Decide by the rules of the site."),
  });
  element("let-in").firstChild.textContent = direction === "in" ? gettext("Let in") : gettext("Let out");
  element("verdict-choice").hidden = false;
  element("next").hidden = true;
}

function passedBefore(direction, time) {
  return direction === "in"
    ? gettext("This code was let in here at {time}.", { time })
    : gettext("This code was let out here at {time}.", { time });
}

export function showHint(text) {
  element("verdict-advice").textContent = text;
}

export function showFault(title, reason) {
  show("red", "✗", title, { reason });
}

export function hideVerdict() {
  clearTimeout(hiding);
  element("verdict").hidden = true;
  element("verdict").className = "";
}

export function showQueue(count) {
  const waiting = count === 1 ? gettext("One scan waiting to be sent.") : gettext("{count} scans waiting to be sent.", { count });
  element("queue-state").textContent = count ? waiting : "";
}

export function showNotes(notes) {
  element("notes").hidden = notes.length === 0;
  element("notes-list").replaceChildren(...notes.map(noteItem));
}

function noteItem({ scanned_at, direction, message }) {
  const item = document.createElement("li");
  const way = direction === "in" ? gettext("in") : gettext("out");
  item.textContent = `${clock(scanned_at)}, ${way}: ${message}`;
  return item;
}

export function showCamera(isOn, state = "") {
  element("picture").hidden = !isOn;
  element("picture").setAttribute("aria-label", gettext("Camera picture"));
  element("camera-button").setAttribute("aria-pressed", String(isOn));
  element("camera-button").textContent = isOn ? gettext("Stop the camera") : gettext("Use the camera");
  element("camera-state").textContent = state;
}

function show(colour, mark, title, { name = "", facts = "", reason = "", advice = "" } = {}) {
  clearTimeout(hiding);
  const texts = { mark, title, name, facts, reason, advice };
  for (const [part, text] of Object.entries(texts)) {
    element(`verdict-${part}`).textContent = text;
  }
  element("verdict-choice").hidden = true;
  element("next").hidden = colour === "grey";
  element("verdict").className = colour;
  element("verdict").hidden = false;
}
