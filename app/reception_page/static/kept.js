// What the browser keeps: the last answers of the desk, for when the network is away.

const PREFIX = "vms.reception.";
const LIVES_FOR_MS = 24 * 3_600_000;

/**
 * @typedef {import("visitor-management-client").Desk} Desk
 * @typedef {import("visitor-management-client").OwnAccount} Account
 * @typedef {import("visitor-management-client").Site} Site
 * @typedef {import("visitor-management-client").Meta} Meta
 */

/**
 * @template T
 * @param {string} name
 */
function entry(name) {
  return {
    /** @returns {T | null} */
    get: () => JSON.parse(localStorage.getItem(PREFIX + name) ?? "null"),
    /** @param {T} value */
    set(value) {
      try {
        localStorage.setItem(PREFIX + name, JSON.stringify(value));
      } catch {
        localStorage.removeItem(PREFIX + name); // full: older names must not stay in its stead
      }
    },
  };
}

/** @type {ReturnType<typeof entry<{desk: Desk, at: number}>>} */
export const lastDesk = entry("desk");
/** @type {ReturnType<typeof entry<{account: Account, sites: Site[]}>>} */
export const lastAccount = entry("account");
/** @type {ReturnType<typeof entry<string>>} */
export const chosenSite = entry("site");
/** @type {ReturnType<typeof entry<string>>} */
export const chosenLanguage = entry("language");
/** Whether single letters do nothing: speech input types them by accident (WCAG 2.2, 2.1.4). */
/** @type {ReturnType<typeof entry<boolean>>} */
export const lettersAreOff = entry("letters-off");
/** @type {ReturnType<typeof entry<Meta>>} */
export const lastWords = entry("words");

/** Remove everything about people; language, keys and words may stay. */
export function wipe() {
  for (const name of ["desk", "account", "site"]) {
    localStorage.removeItem(PREFIX + name);
  }
  sessionStorage.clear();
}

/** @param {number} at */
export const isPast = (at) => Date.now() - at > LIVES_FOR_MS;

export function wipePast() {
  const last = lastDesk.get();
  if (last !== null && isPast(last.at)) {
    localStorage.removeItem(`${PREFIX}desk`);
  }
}
