import { filterRows, showRows } from "./rows.js";
import { exchange, LinkIsDead } from "./sender.js";
import { kept, marks, nextNumber, people, refused, wipe, wipePast } from "./store.js";
import { textsIn } from "./texts.js";
import { countsOf, seenHere } from "./view.js";

const EVERY_MS = 5_000;
const MOST_SEEN = 100;
const STALE_MINUTES = 2;
const part = (id) => document.getElementById(id);
let texts = textsIn(navigator.language);
let entries = [];
let isDead = false;
let isOffline = false;
let isBusy = false;
let isWanted = false;

function show() {
  const last = kept.get();
  document.querySelector("main").hidden = last === null;
  part("over").hidden = last !== null || !(isDead || isOffline);
  part("over").textContent = isDead ? texts.over : texts.never;
  if (last === null) {
    part("people").replaceChildren();
    part("title").textContent = part("warden").textContent = "";
    return;
  }
  const { roster, at } = last;
  texts = textsIn(roster.language);
  document.documentElement.lang = roster.language;
  const waiting = [...marks.all(), ...people.all()].filter((item) => !item.is_sent).length;
  entries = seenHere(roster, marks.all(), people.all());
  showHead(roster, at);
  part("waiting").textContent = waiting === 0 ? "" : texts.waiting(waiting);
  part("refused").hidden = refused.number() === 0;
  part("refused").textContent = texts.refused(refused.number());
  part("counts").textContent = texts.counts(countsOf(entries));
  showRows(part("people"), entries, texts, roster.timezone, mark);
  filterRows(part("search").value);
}

function showHead(roster, at) {
  const format = { dateStyle: "short", timeStyle: "medium", timeZone: roster.timezone };
  const time = new Intl.DateTimeFormat(roster.language, format).format(at);
  const minutes = Math.max(0, Math.floor((Date.now() - at) / 60_000));
  const said = [texts.age(time, minutes)];
  if (isOffline) {
    said.push(texts.offline);
  }
  if (roster.status === "ended") {
    said.push(texts.ended);
  }
  part("title").textContent = document.title = `${texts.title[roster.kind]} · ${roster.site_name}`;
  part("warden").textContent = texts.warden(roster.warden);
  part("age").textContent = said.join(" · ");
  part("age").classList.toggle("stale", isOffline || minutes >= STALE_MINUTES);
  document.body.classList.toggle("real", roster.kind === "real");
  const labels = {
    "search-label": texts.search, print: texts.print, "add-title": texts.add,
    "add-name-label": texts.name, "add-note-label": texts.note, "add-button": texts.addButton,
  };
  Object.entries(labels).forEach(([id, text]) => (part(id).textContent = text));
}

function mark(entry, state) {
  const { alarms } = entries.find((each) => each.id === entry);
  marks.put({
    mark_id: crypto.randomUUID(),
    entry,
    state,
    marked_at: new Date().toISOString(),
    seen: alarms.slice(-MOST_SEEN),
    number: nextNumber(),
  });
  show();
  update();
}

function add(event) {
  event.preventDefault();
  const name = part("add-name").value.trim();
  if (name !== "") {
    const note = part("add-note").value.trim() || null;
    people.put({ person_id: crypto.randomUUID(), name, note, number: nextNumber() });
    part("add").reset();
    show();
    update();
  }
}

async function update() {
  if (isBusy || isDead) {
    isWanted = true; // what is added meanwhile must not wait for the next turn
    return;
  }
  isBusy = true;
  try {
    await exchange();
    isOffline = false;
  } catch (error) {
    isOffline = !(error instanceof LinkIsDead);
    if (error instanceof LinkIsDead) {
      isDead = true;
      wipe();
    }
  } finally {
    isBusy = false;
  }
  show();
  if (isWanted && !isOffline && !isDead) {
    isWanted = false;
    update();
  }
}

function turn() {
  wipePast();
  show();
  if (!isDead) {
    update();
  }
}

part("add").addEventListener("submit", add);
part("print").addEventListener("click", () => print());
part("search").addEventListener("input", (event) => filterRows(event.target.value));
addEventListener("online", turn);
addEventListener("offline", () => {
  isOffline = true;
  show();
});
addEventListener("storage", show);
navigator.serviceWorker?.register("worker.js");
navigator.storage?.persist?.();
setInterval(turn, EVERY_MS);
turn();
