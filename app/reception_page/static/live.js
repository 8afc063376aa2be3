// What happens, from the stream of events; without it the page asks more often.

import { Problem, get, post } from "./api.js";

const TYPES = [
  "visit.registered", "visit.updated", "visit.rescheduled", "visit.cancelled", "visit.checked_in",
  "visit.checked_out", "visit.undone", "visit.completed", "visit.expired", "visit.overdue",
  "visit.erased", "scan.refused", "scan.conflict", "mail.failed", "device.offline", "device.online",
  "muster.started", "muster.marked", "muster.ended", "import.completed",
];
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Follow the events of a site.
 * @param {string} site
 * @param {{happened: (type: string) => void, live: (isLive: boolean) => void}} page
 * @returns {() => void} Ends it.
 */
export function follow(site, page) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  /** @type {number | undefined} */
  let after;
  let pause = FIRST_PAUSE_MS;
  let isStopped = false;

  async function open() {
    try {
      after ??= /** @type {number} */ ((await get("events/", { limit: 1 })).head);
      const { ticket } = await post("events/stream-ticket/");
      if (!isStopped) {
        listen(ticket);
      }
    } catch (error) {
      if (!(error instanceof Problem && [401, 403].includes(error.status))) {
        again();
      }
    }
  }

  /** @param {string} ticket */
  function listen(ticket) {
    const query = new URLSearchParams({ ticket, after: String(after), site, types: TYPES.join(",") });
    source = new EventSource(`/api/events/stream/?${query}`);
    source.onopen = () => {
      pause = FIRST_PAUSE_MS;
      page.live(true);
      page.happened("open"); // what happened before it was open
    };
    source.onerror = again;
    source.addEventListener("reset", () => page.happened("reset"));
    source.addEventListener("end", () => {
      again();
      page.happened("end");
    });
    for (const type of TYPES) {
      source.addEventListener(type, (message) => {
        after = Number(message.lastEventId);
        page.happened(type);
      });
    }
  }

  function again() {
    source?.close();
    clearTimeout(waiting);
    if (isStopped) {
      return;
    }
    page.live(false);
    // Not every desk at once, if the service was away.
    waiting = setTimeout(open, pause * (0.5 + Math.random()));
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }

  function soon() {
    pause = FIRST_PAUSE_MS;
    again();
  }

  addEventListener("online", soon);
  open();
  return () => {
    isStopped = true;
    removeEventListener("online", soon);
    clearTimeout(waiting);
    source?.close();
  };
}
