// The desk as last read: kept up by the stream, and by asking now and then.

import { Away, Problem, ask } from "./api.js";
import { isPast, lastDesk, wipePast } from "./kept.js";
import { follow } from "./live.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";

const WHEN_LIVE_MS = 30_000; // time alone makes people overdue
const OTHERWISE_MS = 5_000;
const TOGETHER_MS = 80; // a group that arrives is one question

/**
 * @typedef {import("visitor-management-client").Desk} Desk
 * @typedef {{desk: Desk | null, at: number, isAway: boolean, isLive: boolean}} Seen
 */

/**
 * @param {string} site
 * @param {(before: Desk, now: Desk) => void} onChange
 * @param {(error: unknown) => void} onFault
 * @returns {Seen & {reload: () => Promise<void>, happenings: number}}
 */
export function useDesk(site, onChange, onFault) {
  const [seen, setSeen] = useState(() => keptOf(site));
  const [happenings, setHappenings] = useState(0);
  const reload = useRef(async () => {});
  const heard = useRef({ onChange, onFault });
  heard.current = { onChange, onFault };

  useEffect(() => {
    let now = keptOf(site);
    let isStopped = false;
    /** @type {Promise<void> | null} */
    let reading = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let next;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let together;

    /** @param {Partial<Seen>} change */
    function show(change) {
      now = { ...now, ...change };
      if (!isStopped) {
        setSeen(now);
      }
    }

    async function read() {
      try {
        const headers = now.desk === null ? {} : { "If-None-Match": `"${now.desk.version}"` };
        const answer = await ask("GET", "desk/", { query: { site }, headers: /** @type {Record<string, string>} */ (headers) });
        const desk = answer.status === 304 ? now.desk : /** @type {Desk} */ (await answer.json());
        if (isStopped) {
          return; // nothing is kept after signing out
        }
        const before = now.desk;
        const at = Date.now();
        if (desk !== null) {
          lastDesk.set({ desk, at });
        }
        show({ desk, at, isAway: false });
        if (before !== null && desk !== null && desk !== before) {
          heard.current.onChange(before, desk);
        }
      } catch (error) {
        if (error instanceof Away || (error instanceof Problem && (error.status >= 500 || error.status === 429))) {
          wipePast();
          show({ isAway: true, ...(now.desk !== null && isPast(now.at) ? { desk: null, at: 0 } : {}) });
        } else if (!isStopped) {
          heard.current.onFault(error);
        }
      }
    }

    // A reading that began before an act may not have seen it.
    async function load() {
      while (reading !== null) {
        await reading;
      }
      clearTimeout(next);
      reading = read().finally(() => {
        reading = null;
        clearTimeout(next);
        if (!isStopped) {
          next = setTimeout(load, now.isLive ? WHEN_LIVE_MS : OTHERWISE_MS);
        }
      });
      await reading;
    }

    reload.current = load;
    setSeen(now);
    const leave = follow(site, {
      happened() {
        clearTimeout(together);
        together = setTimeout(() => {
          setHappenings((number) => number + 1);
          load();
        }, TOGETHER_MS);
      },
      live(isLive) {
        const isLost = now.isLive && !isLive;
        show({ isLive });
        if (isLost) {
          load(); // says at once whether the network is away
        }
      },
    });
    const offline = () => show({ isAway: true });
    addEventListener("offline", offline);
    addEventListener("online", load);
    // A session that ran out over lunch is renewed before anybody presses a button.
    const awake = () => document.visibilityState === "visible" && load();
    document.addEventListener("visibilitychange", awake);
    load();
    return () => {
      isStopped = true;
      leave();
      clearTimeout(next);
      clearTimeout(together);
      removeEventListener("offline", offline);
      removeEventListener("online", load);
      document.removeEventListener("visibilitychange", awake);
    };
  }, [site]);
  return { ...seen, happenings, reload: () => reload.current() };
}

/**
 * @param {string} site
 * @returns {Seen}
 */
function keptOf(site) {
  const kept = lastDesk.get();
  const isOfSite = kept?.desk.site === site;
  return { desk: isOfSite ? kept.desk : null, at: isOfSite ? kept.at : 0, isAway: !navigator.onLine, isLive: false };
}
