// Requests to the service (docs/scanner.md).

import { deviceKey } from "./store.js";
import { gettext } from "./words.js";

const ASK_MS = 3_000;
const REPORT_MS = 30_000;
const PAUSES_MS = [300, 1_000];
const PATIENCE_MS = 3_000; // the longest `Retry-After` to wait for at a gate
const OPENED = ["admitted", "checked_out"];
const UNREADABLE = [400, 413, 415, 422];
const KEY_IS_REFUSED = [401, 403];

// Ask whether to open, with the same `scan_id` until there is a response.
// Returns `opened`, `refused`, `stopped` (the key was refused) or `undecided`.
export async function ask(scan) {
  for (const pause of [...PAUSES_MS, null]) {
    const verdict = await askOnce(scan);
    const waiting = Math.max(pause, verdict.retryAfter * 1_000);
    if (verdict.kind !== "undecided" || pause === null || waiting > PATIENCE_MS || !navigator.onLine) {
      return verdict;
    }
    await new Promise((resolve) => setTimeout(resolve, waiting));
  }
}

async function askOnce(scan) {
  const { status, body, retryAfter } = await post("verify-qr/", scan, ASK_MS);
  if (status === 200 && OPENED.includes(body.verdict)) {
    return { kind: "opened", body };
  }
  if (KEY_IS_REFUSED.includes(status)) {
    return { kind: "stopped", body };
  }
  if (status === 429 && body.code === "too_many_requests") {
    // The next code may be valid, so the guard need not wait.
    return { kind: "refused", body: { code: "unknown", detail: gettext("Too many unknown codes or too many scans.") } };
  }
  return { kind: isRefusal(status, body) ? "refused" : "undecided", body, retryAfter };
}

// Any other 404 means a wrong URL, any other 409 is not about the visitor.
function isRefusal(status, { code, verdict }) {
  return (
    (status === 404 && code === "unknown") ||
    (status === 409 && verdict === "refused") ||
    (UNREADABLE.includes(status) && typeof code === "string")
  );
}

// Report past scans. Returns `settled` with a result for each, `stopped`, `unreadable` with the
// positions of unreadable scans, `too_many`, or `later`.
export async function report(scans) {
  const { status, body, retryAfter } = await post("scans/batch/", { scans }, REPORT_MS);
  if (status === 200 && body.results?.length === scans.length) {
    return { kind: "settled", results: body.results };
  }
  if (KEY_IS_REFUSED.includes(status)) {
    return { kind: "stopped", body };
  }
  if (status === 413) {
    return { kind: "too_many" };
  }
  const places = status === 422 ? unreadable(body) : [];
  return places.length ? { kind: "unreadable", places } : { kind: "later", seconds: retryAfter };
}

// `scans.3.scanned_at` is the fourth scan.
function unreadable(body) {
  const fields = (body.errors ?? []).map((fault) => /^scans\.(\d+)\./.exec(fault.field));
  return [...new Set(fields.filter(Boolean).map((found) => Number(found[1])))];
}

// Return what the service says of this device: `known`, `stopped` (no scanner's key), or `later`.
export async function askForPlace() {
  const { status, body } = await send("/api/devices/me/", { method: "GET" }, ASK_MS);
  if (KEY_IS_REFUSED.includes(status) || (status === 200 && body.kind === "kiosk")) {
    return { kind: "stopped" };
  }
  return status === 200 && body.kind === "scanner" ? { kind: "known", device: body } : { kind: "later" };
}

function post(path, body, milliseconds) {
  const content = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return send(`/api/visitors/${path}`, content, milliseconds);
}

// Status 0 means no response, or one that is not from the service.
async function send(path, { method, headers = {}, body = undefined }, milliseconds) {
  try {
    const answer = await fetch(path, {
      method,
      headers: { ...headers, "X-Device-Key": deviceKey.get() },
      body,
      redirect: "error", // the service never redirects these
      signal: AbortSignal.timeout(milliseconds),
    });
    return {
      status: answer.status,
      body: await answer.json(),
      retryAfter: Number(answer.headers.get("Retry-After")) || null,
    };
  } catch {
    return { status: 0, body: {}, retryAfter: null };
  }
}
