// State in localStorage, which survives reloads and power cuts.

const KEY = "vms.key";
const DEVICE = "vms.device";
const DIRECTION = "vms.direction";
const CAMERA = "vms.camera";
const NOTES = "vms.notes";
const SCAN = "vms.scan.";
const MOST_NOTES = 100;

function kept(name) {
  return {
    get: () => localStorage.getItem(name),
    set: (value) => localStorage.setItem(name, value),
    clear: () => localStorage.removeItem(name),
  };
}

export const deviceKey = kept(KEY);
// What the service last said of this device, for work without a network.
export const device = {
  get: () => JSON.parse(localStorage.getItem(DEVICE) ?? "null"),
  set: (facts) => localStorage.setItem(DEVICE, JSON.stringify(facts)),
  clear: () => localStorage.removeItem(DEVICE),
};

export const direction = kept(DIRECTION);
export const cameraWanted = kept(CAMERA);

// Scans waiting to be sent, one entry each, so that two tabs never overwrite each other's.
export const queue = {
  add(scan) {
    localStorage.setItem(SCAN + scan.scan_id, JSON.stringify(scan));
  },

  remove(scanId) {
    localStorage.removeItem(SCAN + scanId);
  },

  // Oldest first.
  all() {
    return Object.keys(localStorage)
      .filter((name) => name.startsWith(SCAN))
      .map((name) => JSON.parse(localStorage.getItem(name)))
      .sort((one, other) => (one.scanned_at < other.scanned_at ? -1 : 1));
  },
};

// Scans to be checked: conflicts, and scans that could not be sent.
export const notes = {
  add(note) {
    const all = [note, ...this.all()].slice(0, MOST_NOTES);
    localStorage.setItem(NOTES, JSON.stringify(all));
  },

  // Newest first.
  all() {
    return JSON.parse(localStorage.getItem(NOTES) ?? "[]");
  },

  clear() {
    localStorage.removeItem(NOTES);
  },
};
