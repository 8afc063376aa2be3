// Read a code, ask the service, turn the screen green or red.

import { Camera } from "./camera.js";
import * as screen from "./screen.js";
import { Sender } from "./sender.js";
import { ask, askForPlace } from "./service.js";
import { cameraWanted, device, deviceKey, direction, notes, queue } from "./store.js";
import { gettext, speak } from "./words.js";

const SHAPE = /^V1[A-Z2-7]{40}$/;
// The AIM identifier (ISO/IEC 15424) that many scanners send before the text.
const SCANNERS_NAME = /^\]Q[0-9]\s*/;
const REPORT_FIRST_MS = 3_000;
const missing = () => gettext("This device needs a key to check codes.");
const refused = () => gettext("The service refused this key: it is mistyped, revoked, or not for a scanner. Ask reception for a new one.");
const unreachable = () => gettext("The service cannot be reached. Check the network and try again.");

const element = (id) => document.getElementById(id);
const sender = new Sender({ changed: showWaiting, stopped: () => screen.showKeyForm(refused()) });
const camera = new Camera(element("picture"), take);

// The scan in progress, the one that a person has to decide on, and the last one turned away, which
// is repeated under its own id, since the service may have admitted it.
let asking = null;
let undecided = null;
let turnedAway = null;

async function take(text) {
  const token = text.trim().toUpperCase().replace(SCANNERS_NAME, "");
  if (!token || asking) {
    return;
  }
  if (undecided) {
    screen.showHint(gettext("Decide on this code first: Enter lets through, Esc turns away."));
    return;
  }
  if (!SHAPE.test(token)) {
    const detail = gettext("This is not a visitor code.");
    screen.showRefused({ code: "unknown", detail }, direction.get() ?? "in");
    return;
  }
  const way = direction.get() ?? "in";
  const isBack = turnedAway?.token === token && turnedAway.direction === way;
  asking = isBack ? turnedAway : newScan(token, way);
  screen.showAsking();
  await reportFirst(token);
  let verdict = await ask(asking);
  if (isBack && verdict.kind === "refused" && verdict.body.replayed) {
    asking = newScan(token, way); // ignore the replay of the earlier response
    verdict = await ask(asking);
  }
  const scan = asking;
  asking = null;
  answer(scan, verdict);
}

function newScan(token, way) {
  return { token, scan_id: crypto.randomUUID(), scanned_at: new Date().toISOString(), direction: way };
}

// Send the scans of this code that a person decided on before asking about it again; otherwise it
// would open twice, or not at all at the exit.
async function reportFirst(token) {
  if (queue.all().some((scan) => scan.token === token)) {
    await Promise.race([sender.flush(), new Promise((resolve) => setTimeout(resolve, REPORT_FIRST_MS))]);
  }
}

function answer(scan, { kind, body }) {
  turnedAway = null;
  switch (kind) {
    case "opened":
      screen.showOpened(body);
      sender.flush();
      break;
    case "refused":
      screen.showRefused(body, scan.direction);
      break;
    case "stopped":
      screen.hideVerdict();
      screen.showKeyForm(refused());
      break;
    default:
      undecided = scan;
      screen.showUndecided(scan.direction, letThroughBefore(scan));
      element("code").focus();
  }
}

function letThroughBefore({ token, direction: way }) {
  return queue.all().find((scan) => scan.token === token && scan.direction === way)?.scanned_at;
}

function decide(letsThrough) {
  const scan = undecided;
  undecided = null;
  screen.hideVerdict();
  if (letsThrough) {
    keep(scan);
  } else {
    turnedAway = scan;
  }
  element("code").focus();
}

function keep(scan) {
  try {
    queue.add(scan);
  } catch {
    screen.showFault(gettext("Not saved"), gettext("This device is full. Write down the name and the time."));
    return;
  }
  showWaiting();
  sender.flush();
}

function showWaiting() {
  screen.showQueue(queue.all().length);
  screen.showNotes(notes.all());
}

async function keepKey(event) {
  event.preventDefault();
  deviceKey.set(element("key").value.trim());
  const answer = await askForPlace();
  if (answer.kind === "known") {
    element("key").value = "";
    await settle(answer.device);
    begin();
  } else {
    deviceKey.clear();
    screen.showKeyForm(answer.kind === "later" ? unreachable() : refused());
  }
}

// Remember the place, and speak the language of its site.
async function settle(facts) {
  const isNew = facts.language !== device.get()?.language;
  device.set(facts);
  screen.showPlace(facts);
  if (isNew) {
    await speak(facts.language);
    screen.showNetwork();
    screen.showCamera(camera.isOn);
    showWaiting();
  }
}

// The gate, the site or its language may have changed; without a network the last ones stay.
async function refreshPlace() {
  const answer = await askForPlace();
  if (answer.kind === "known") {
    await settle(answer.device);
  }
}

function begin() {
  if (!deviceKey.get()) {
    screen.showKeyForm(missing());
    return;
  }
  screen.showWork();
  screen.showPlace(device.get());
  showWaiting();
  sender.flush();
  if (cameraWanted.get() && !camera.isOn) {
    useCamera();
  }
}

async function useCamera() {
  screen.showCamera(false, gettext("Starting the camera …"));
  try {
    await camera.start();
    cameraWanted.set("yes");
    screen.showCamera(true);
  } catch (error) {
    camera.stop();
    screen.showCamera(false, gettext("No camera: {reason}.", { reason: error.message }));
  }
}

function stopCamera() {
  camera.stop();
  cameraWanted.clear();
  screen.showCamera(false);
}

function typed(event) {
  event.preventDefault();
  const text = element("code").value;
  element("code").value = "";
  if (!text && undecided) {
    decide(true);
  } else {
    take(text);
  }
}

function onKey(event) {
  if (event.key === "Escape") {
    return undecided ? decide(false) : screen.hideVerdict();
  }
  if (isTyping(event) && !element("work").hidden) {
    element("code").focus();
  }
}

// Treat all typing as a code, since a USB scanner does not set the focus. The space bar is for the
// buttons.
function isTyping({ key, ctrlKey, altKey, metaKey }) {
  return key.length === 1 && key !== " " && !(ctrlKey || altKey || metaKey);
}

function listen() {
  element("key-form").addEventListener("submit", keepKey);
  element("code-form").addEventListener("submit", typed);
  element("camera-button").addEventListener("click", () => (camera.isOn ? stopCamera() : useCamera()));
  element("direction").addEventListener("change", (event) => direction.set(event.target.value));
  element("let-in").addEventListener("click", () => decide(true));
  element("turn-away").addEventListener("click", () => decide(false));
  element("next").addEventListener("click", () => {
    screen.hideVerdict();
    element("code").focus();
  });
  element("notes-clear").addEventListener("click", () => {
    notes.clear();
    showWaiting();
  });
  element("forget").addEventListener("click", () => {
    deviceKey.clear();
    device.clear();
    screen.showPlace(null);
    stopCamera();
    begin();
  });
  document.addEventListener("keydown", onKey);
  window.addEventListener("offline", screen.showNetwork);
  window.addEventListener("online", () => {
    screen.showNetwork();
    sender.flush();
  });
}

await speak(device.get()?.language ?? navigator.language);
screen.showCamera(false);
if (window.isSecureContext) {
  navigator.serviceWorker.register("worker.js");
  document.querySelector(`input[value=${direction.get() ?? "in"}]`).checked = true;
  listen();
  screen.showNetwork();
  begin();
  if (deviceKey.get()) {
    refreshPlace();
  }
} else {
  screen.showFault(gettext("This page needs HTTPS"), gettext("Without HTTPS, browsers block the camera, and the key would be sent unencrypted."));
}
