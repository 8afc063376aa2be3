// The roster as the warden sees it: as last read, with what was marked here since.

const ALARMS = ["needs_help", "missing"];
const ADDED = {
  company: null, host_name: null, host_phone: null, gate: null, in_at: null, confidence: "added",
  state: "unknown", alarms: [], marked_by: null, is_late: false,
};

export function seenHere(roster, marks, people) {
  const known = new Set(roster.entries.map((entry) => entry.id));
  const added = people
    .filter((person) => !known.has(person.person_id))
    .map((person) => ({ ...ADDED, id: person.person_id, name: person.name, note: person.note }));
  return [...roster.entries, ...added]
    .map((entry) => marked(entry, marks.filter((mark) => mark.entry === entry.id)))
    .sort((one, other) => one.name.localeCompare(other.name, roster.language));
}

// As the service does it: an alarm holds until a mark names it as seen.
function marked(entry, marks) {
  const alarms = new Set(entry.alarms);
  let { state } = entry;
  for (const mark of marks) {
    mark.seen.forEach((seen) => alarms.delete(seen));
    if (ALARMS.includes(mark.state)) {
      alarms.add(mark.mark_id);
    }
    if (ALARMS.includes(mark.state) || alarms.size === 0) {
      state = mark.state;
    }
  }
  return { ...entry, state, alarms: [...alarms] };
}

export function countsOf(entries) {
  const counts = { unknown: 0, safe: 0, needs_help: 0, missing: 0, left_earlier: 0 };
  entries.forEach((entry) => (counts[entry.state] += 1));
  return { ...counts, total: entries.length, unaccounted: counts.unknown + counts.missing };
}
