// What the page says, in the language of the site.

const ENGLISH = {
  title: { drill: "Drill", real: "EVACUATION" },
  warden: (name) => `Warden: ${name}`,
  age: (time, minutes) => `As of ${time} (${minutes === 0 ? "now" : `${minutes} min ago`})`,
  offline: "Offline: marks are kept and sent later.",
  ended: "The muster has ended: marks are shown as late.",
  waiting: (number) => `${number} waiting to be sent`,
  refused: (number) => `${number} could not be stored. Tell the front desk.`,
  counts: (counts) =>
    `${counts.unaccounted} of ${counts.total} unaccounted for · ${counts.safe} safe · ` +
    `${counts.needs_help} need help · ${counts.missing} missing · ${counts.left_earlier} left earlier`,
  search: "Search",
  print: "Print",
  add: "Somebody is not on the list",
  name: "Name",
  note: "Note",
  addButton: "Add",
  over: "This link no longer works. The list was removed from this device.",
  never: "The list cannot be loaded: there is no network. The page tries again.",
  host: "Host",
  cameIn: "In",
  late: "late",
  states: {
    unknown: "Unknown",
    safe: "Safe",
    needs_help: "Needs help",
    missing: "Missing",
    left_earlier: "Left earlier",
  },
  confidence: {
    inside: "",
    away: "went out, may be back",
    unconfirmed: "unconfirmed: look for them",
    added: "added by hand",
  },
};

const GERMAN = {
  title: { drill: "Übung", real: "EVAKUIERUNG" },
  warden: (name) => `Räumungshelfer: ${name}`,
  age: (time, minutes) => `Stand ${time} (${minutes === 0 ? "jetzt" : `vor ${minutes} min`})`,
  offline: "Offline: Markierungen werden gespeichert und später gesendet.",
  ended: "Die Räumung ist beendet: Markierungen gelten als verspätet.",
  waiting: (number) => `${number} noch nicht gesendet`,
  refused: (number) => `${number} nicht gespeichert. Bitte den Empfang informieren.`,
  counts: (counts) =>
    `${counts.unaccounted} von ${counts.total} ungeklärt · ${counts.safe} in Sicherheit · ` +
    `${counts.needs_help} brauchen Hilfe · ${counts.missing} vermisst · ${counts.left_earlier} vorher gegangen`,
  search: "Suchen",
  print: "Drucken",
  add: "Jemand fehlt auf der Liste",
  name: "Name",
  note: "Bemerkung",
  addButton: "Hinzufügen",
  over: "Dieser Link gilt nicht mehr. Die Liste wurde von diesem Gerät entfernt.",
  never: "Die Liste kann nicht geladen werden: kein Netz. Die Seite versucht es weiter.",
  host: "Gastgeber",
  cameIn: "Seit",
  late: "verspätet",
  states: {
    unknown: "Ungeklärt",
    safe: "In Sicherheit",
    needs_help: "Braucht Hilfe",
    missing: "Vermisst",
    left_earlier: "Vorher gegangen",
  },
  confidence: {
    inside: "",
    away: "hinausgegangen, evtl. zurück",
    unconfirmed: "unbestätigt: bitte suchen",
    added: "von Hand hinzugefügt",
  },
};

export function textsIn(language) {
  return language.startsWith("de") ? GERMAN : ENGLISH;
}
