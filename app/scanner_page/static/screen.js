// Rendering only.

const element = (id) => document.getElementById(id);
const GREEN_FOR_MS = 6_000;

const refusals = await (await fetch("refusals.json")).json();
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

export function showNetwork() {
  element("network").textContent = navigator.onLine ? "" : "Offline";
}

export function showOpened({ message, visitor }) {
  const facts = [visitor.company, visitor.host_name && `to see ${visitor.host_name}`, visitor.visit_time];
  show("green", "✓", message, visitor.name, facts.filter(Boolean).join(" · "));
  hiding = setTimeout(hideVerdict, GREEN_FOR_MS);
}

export function showRefused({ code, title, detail }, direction) {
  const words = refusals[code] ?? { title };
  show("red", "✗", words.title, "", detail, words[direction] ?? "Call reception.");
}

export function showAsking() {
  show("grey", "…", "One moment");
}

// No verdict: a person decides. `before` is when a person last let this code through.
export function showUndecided(direction, before) {
  const passed = before && `This code was let ${direction} here at ${clock(before)}.`;
  const what = direction === "in" ? "Let in" : "Let out";
  show("amber", "?", "Not checked", "", "The service cannot be reached.", passed || "Decide by the rules of the site.");
  element("let-in").firstChild.data = `${what} `;
  element("verdict-choice").hidden = false;
  element("next").hidden = true;
}

export function showHint(text) {
  element("verdict-advice").textContent = text;
}

export function showFault(title, detail) {
  show("red", "✗", title, "", detail);
}

export function hideVerdict() {
  clearTimeout(hiding);
  element("verdict").hidden = true;
  element("verdict").className = "";
}

export function showQueue(count) {
  const scans = count === 1 ? "One scan" : `${count} scans`;
  element("queue-state").textContent = count ? `${scans} waiting to be sent.` : "";
}

export function showNotes(notes) {
  element("notes").hidden = notes.length === 0;
  element("notes-list").replaceChildren(...notes.map(noteItem));
}

function noteItem({ scanned_at, direction, message }) {
  const item = document.createElement("li");
  item.textContent = `${clock(scanned_at)}, ${direction}: ${message}`;
  return item;
}

export function showCamera(isOn, state = "") {
  element("picture").hidden = !isOn;
  element("camera-button").setAttribute("aria-pressed", String(isOn));
  element("camera-button").textContent = isOn ? "Stop the camera" : "Use the camera";
  element("camera-state").textContent = state;
}

function show(colour, mark, title, name = "", reason = "", advice = "") {
  clearTimeout(hiding);
  const texts = { mark, title, name, reason, advice };
  for (const [part, text] of Object.entries(texts)) {
    element(`verdict-${part}`).textContent = text;
  }
  element("verdict-choice").hidden = true;
  element("next").hidden = colour === "grey";
  element("verdict").className = colour;
  element("verdict").hidden = false;
}

function clock(instant) {
  const today = new Date().toDateString() === new Date(instant).toDateString();
  const time = { hour: "2-digit", minute: "2-digit" };
  return new Date(instant).toLocaleString([], today ? time : { ...time, day: "numeric", month: "short" });
}
