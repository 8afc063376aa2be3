// What the device keeps of a link, in localStorage: the last roster, and what is to be sent.

export const link = location.pathname.split("/").at(-1);
const PREFIX = `vms.muster.${link}.`;
const ROSTER = `${PREFIX}roster`;
const REFUSED = `${PREFIX}refused`;
const LIVES_FOR_MS = 24 * 3_600_000;

// Items have an entry each, so that two tabs never overwrite each other's.
function queue(kind, id) {
  const prefix = `${PREFIX}${kind}.`;
  return {
    put: (item) => localStorage.setItem(prefix + item[id], JSON.stringify(item)),
    remove: (item) => localStorage.removeItem(prefix + item[id]),
    // Oldest first.
    all: () =>
      Object.keys(localStorage)
        .filter((name) => name.startsWith(prefix))
        .map((name) => JSON.parse(localStorage.getItem(name)))
        .sort((one, other) => one.number - other.number),
  };
}

export const marks = queue("mark", "mark_id");
export const people = queue("person", "person_id");

export const refused = {
  number: () => Number(localStorage.getItem(REFUSED)),
  add: () => localStorage.setItem(REFUSED, refused.number() + 1),
};

export const kept = {
  get: () => JSON.parse(localStorage.getItem(ROSTER)),
  set: (roster) => localStorage.setItem(ROSTER, JSON.stringify({ roster, at: Date.now() })),
};

// Orders what was made within the same millisecond, even by two tabs.
export function nextNumber() {
  return Math.max(Date.now(), ...[...marks.all(), ...people.all()].map((item) => item.number + 1));
}

export function wipe() {
  for (const name of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
    localStorage.removeItem(name);
  }
}

// Links are dead 24 hours after the start: remove what was left of them, of this link or others.
export function wipePast() {
  const names = Object.keys(localStorage);
  for (const name of names.filter((name) => /^vms\.muster\.[^.]+\.roster$/.test(name))) {
    const { roster } = JSON.parse(localStorage.getItem(name));
    if (Date.now() >= Date.parse(roster.started_at) + LIVES_FOR_MS) {
      const prefix = name.slice(0, -"roster".length);
      names.filter((other) => other.startsWith(prefix)).forEach((other) => localStorage.removeItem(other));
    }
  }
}
