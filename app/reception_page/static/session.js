// Who is signed in: one session for all tabs, as docs/frontend.md explains.

/** @typedef {import("visitor-management-client").RefreshedTokens} Tokens */

const DIRECTORY_SECRET = "vms.reception.directory";

/** @type {Promise<IDBDatabase>} */
const opened = new Promise((done, failed) => {
  const opening = indexedDB.open("vms-reception");
  opening.onupgradeneeded = () => opening.result.createObjectStore("session");
  opening.onsuccess = () => done(opening.result);
  opening.onerror = () => failed(opening.error);
});
const others = new BroadcastChannel("vms-reception");

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(kept: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function stored(mode, work) {
  const transaction = (await opened).transaction("session", mode);
  const asked = work(transaction.objectStore("session"));
  return new Promise((done, failed) => {
    transaction.oncomplete = () => done(asked.result);
    transaction.onabort = () => failed(transaction.error);
  });
}

/** @returns {Promise<Tokens | undefined>} */
export const tokens = () => stored("readonly", (kept) => kept.get("tokens"));

/** @param {Tokens} pair */
export async function keep({ access, refresh }) {
  await stored("readwrite", (kept) => kept.put({ access, refresh }, "tokens"));
}

export async function forget() {
  await stored("readwrite", (kept) => kept.delete("tokens"));
}

/**
 * One at a time, over all tabs: a refresh token works once.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(work) {
  return await navigator.locks.request("vms-reception", work);
}

/** @param {"in" | "out"} what */
export const tellOtherTabs = (what) => others.postMessage(what);

/** @param {(what: "in" | "out") => void} listener */
export function onOtherTabs(listener) {
  others.onmessage = (event) => listener(event.data);
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** Leave for the company's directory, which leads back with `#code=…` or `#error=…`. */
export async function goToDirectory() {
  const secret = base64url(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.setItem(DIRECTORY_SECRET, secret);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  const query = { return_to: "/reception/", challenge: base64url(new Uint8Array(digest)) };
  location.assign(`/api/auth/oidc/start/?${new URLSearchParams(query)}`);
}

/** @returns {{code: string, verifier: string} | {error: string} | null} */
export function backFromDirectory() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const code = fragment.get("code");
  const error = fragment.get("error");
  if (code === null && error === null) {
    return null;
  }
  history.replaceState(null, "", location.pathname);
  const verifier = sessionStorage.getItem(DIRECTORY_SECRET) ?? "";
  sessionStorage.removeItem(DIRECTORY_SECRET);
  return code === null ? { error: error ?? "" } : { code, verifier };
}
