// The rows of people, changed in place, so that a tap or the focus is never lost.

const rows = new Map();

export function showRows(list, entries, texts, zone, onMark) {
  const shown = new Set(entries.map((entry) => entry.id));
  for (const [id, row] of rows) {
    if (!shown.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  let before = null;
  for (const entry of entries) {
    const row = rows.get(entry.id) ?? made(entry.id, onMark);
    fill(row, entry, texts, zone);
    const next = before === null ? list.firstChild : before.nextSibling;
    if (next !== row) {
      list.insertBefore(row, next);
    }
    before = row;
  }
}

export function filterRows(words) {
  const wanted = words.trim().toLowerCase();
  rows.forEach((row) => row.classList.toggle("other", !row.dataset.words.includes(wanted)));
}

function made(id, onMark) {
  const row = document.createElement("li");
  for (const name of ["name", "facts", "said"]) {
    const part = document.createElement("p");
    part.className = name;
    part.dir = "auto";
    row.append(part);
  }
  const buttons = document.createElement("div");
  buttons.className = "states";
  for (const state of ["safe", "needs_help", "missing", "left_earlier", "unknown"]) {
    const button = document.createElement("button");
    button.type = "button";
    button.value = state;
    button.addEventListener("click", () => onMark(id, state));
    buttons.append(button);
  }
  row.append(buttons);
  rows.set(id, row);
  return row;
}

function fill(row, entry, texts, zone) {
  const time = (at) =>
    new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short", timeZone: zone })
      .format(new Date(at));
  const host = [entry.host_name, entry.host_phone].filter(Boolean).join(", ");
  const came = [entry.in_at && time(entry.in_at), entry.gate].filter(Boolean).join(", ");
  const facts = [
    entry.company,
    host && `${texts.host}: ${host}`,
    came && `${texts.cameIn}: ${came}`,
    texts.confidence[entry.confidence],
  ];
  const said = [texts.states[entry.state], entry.marked_by, entry.is_late && texts.late, entry.note];
  const [name, place, state, buttons] = row.children;
  set(name, entry.name);
  set(place, facts.filter(Boolean).join(" · "));
  set(state, said.filter(Boolean).join(" · "));
  row.dataset.state = entry.state;
  row.dataset.words = [entry.name, entry.company, entry.host_name].join(" ").toLowerCase();
  for (const button of buttons.children) {
    set(button, texts.states[button.value]);
    button.setAttribute("aria-pressed", String(button.value === entry.state));
    button.setAttribute("aria-label", `${texts.states[button.value]}: ${entry.name}`);
  }
}

function set(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
