// Requests to the service.

import { alone, forget, keep, tellOtherTabs, tokens } from "./session.js";

const PATIENCE_MS = 15_000;

/** The service said no; `code` is stable, the texts are English. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {Record<string, any>} body
   * @param {Response} answer
   */
  constructor(status, body, answer) {
    super(body.detail ?? body.title ?? `status ${status}`);
    this.status = status;
    /** Unread: an upload is answered with a workbook. */
    this.answer = answer;
    /** @type {string} */
    this.code = body.code ?? "unknown";
    this.body = body;
  }
}

/** There is no network, or no service. */
export class Away extends Error {}

let ended = () => {};

/** @param {() => void} listener Called when nobody is signed in any more. */
export function onEnd(listener) {
  ended = listener;
}

/**
 * @typedef {object} Options
 * @property {unknown} [body]
 * @property {Record<string, unknown>} [query] What is undefined, null or empty is left away.
 * @property {Record<string, string>} [headers]
 * @property {boolean} [isOpen] Needs nobody to be signed in.
 */

/**
 * Return the answer; throw `Problem` or `Away`. A 304 is an answer.
 * @param {string} method
 * @param {string} path Below `/api/`.
 * @param {Options} [options]
 */
export async function ask(method, path, options = {}) {
  const used = options.isOpen ? undefined : (await tokens())?.access;
  let answer = await send(method, path, options, used);
  if (answer.status === 401 && used !== undefined && (await codeOf(answer)) === "not_authenticated") {
    const fresh = await renewed(used);
    if (fresh !== undefined) {
      answer = await send(method, path, options, fresh);
    }
  }
  if (answer.ok || answer.status === 304) {
    return answer;
  }
  const problem = new Problem(answer.status, await answer.clone().json().catch(() => ({})), answer);
  if (problem.status === 401 && !options.isOpen) {
    ended();
  }
  throw answer.status === 502 || answer.status === 504 ? new Away() : problem;
}

/**
 * @param {string} path
 * @param {Record<string, unknown>} [query]
 * @returns {Promise<any>}
 */
export const get = async (path, query) => (await ask("GET", path, { query })).json();

/**
 * @param {string} path
 * @param {unknown} [body]
 * @param {string} [intent] Makes repeats safe.
 * @returns {Promise<any>}
 */
export async function post(path, body, intent) {
  /** @type {Record<string, string>} */
  const headers = intent === undefined ? {} : { "Idempotency-Key": intent };
  const answer = await ask("POST", path, { body, headers });
  return answer.status === 204 ? null : answer.json();
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 * @param {string} [access]
 */
async function send(method, path, { body, query = {}, headers = {} }, access) {
  const isForm = body instanceof FormData;
  const wanted = Object.entries(query).filter(([, value]) => !["", null, undefined].includes(/** @type {any} */ (value)));
  const search = new URLSearchParams(wanted.map(([name, value]) => [name, String(value)]));
  try {
    return await fetch(`/api/${path}${wanted.length ? `?${search}` : ""}`, {
      method,
      headers: {
        ...headers,
        ...(access === undefined ? {} : { Authorization: `Bearer ${access}` }),
        ...(isForm || body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: isForm ? body : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Away();
  }
}

/** @param {Response} answer */
async function codeOf(answer) {
  return (await answer.clone().json().catch(() => ({}))).code;
}

/**
 * Return a token to repeat a request with; undefined if nobody is signed in any more.
 * @param {string} used
 * @returns {Promise<string | undefined>}
 */
function renewed(used) {
  return alone(async () => {
    const now = await tokens();
    if (now === undefined || now.access !== used) {
      return now?.access; // another tab was faster
    }
    const answer = await send("POST", "auth/token/refresh/", { body: { refresh: now.refresh } });
    if (answer.ok) {
      const pair = await answer.json();
      await keep(pair);
      return pair.access;
    }
    if (answer.status !== 401) {
      throw new Away(); // not answered: keep the token for the next attempt
    }
    await forget();
    tellOtherTabs("out");
    return undefined;
  });
}

/**
 * Sign in by one of the ways in; throws the `Problem` `second_factor_required` with a ticket.
 * @param {"auth/login/" | "auth/login/second-factor/" | "auth/oidc/token/" | "auth/passkeys/sign-in/"} path
 * @param {unknown} body
 */
export async function signIn(path, body) {
  const pair = await (await ask("POST", path, { body, isOpen: true })).json();
  await alone(() => keep(pair));
  tellOtherTabs("in");
}

/** Ask the browser for a passkey; it throws a DOMException if the user cancels. */
export async function passkeyAnswer() {
  const options = await (await ask("POST", "auth/passkeys/sign-in/options/", { isOpen: true })).json();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }));
  return credential.toJSON();
}

export async function signOut() {
  await alone(async () => {
    const now = await tokens();
    await forget();
    tellOtherTabs("out");
    if (now !== undefined) {
      // The device forgets in any case; the session ends with its refresh token.
      await send("POST", "auth/logout/", { body: { refresh: now.refresh } }, now.access).catch(() => {});
    }
  });
}

/** Whether the service has a company's directory: without a challenge that is a 422, else a 404. */
export async function hasDirectory() {
  const answer = await send("GET", "auth/oidc/start/", {}).catch(() => null);
  return answer?.status === 422;
}

/**
 * @param {Response} answer
 * @returns {string}
 */
export function fileName(answer) {
  return /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "download";
}

/**
 * @param {Blob} file
 * @param {string} name
 */
export function save(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
