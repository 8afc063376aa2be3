// Send waiting scans in batches.

import { report } from "./service.js";
import { notes, queue } from "./store.js";
import { gettext, reasonOf } from "./words.js";

const MOST_SCANS = 500;
const FIRST_PAUSE_SECONDS = 15;
const LONGEST_PAUSE_SECONDS = 300;

export class Sender {
  #sending = null;
  #timer = null;
  #pause = FIRST_PAUSE_SECONDS;
  #most = MOST_SCANS;
  #changed;
  #stopped;

  // Calls `changed` after changes of the queue or the notes, `stopped` when the key is refused.
  constructor({ changed, stopped }) {
    this.#changed = changed;
    this.#stopped = stopped;
  }

  // Send all waiting scans. A call during another one waits for it.
  flush() {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  async #sendAll() {
    clearTimeout(this.#timer);
    while (queue.all().length) {
      if (!(await this.#sendSome())) {
        return;
      }
    }
  }

  async #sendSome() {
    const scans = queue.all().slice(0, this.#most);
    const answer = await report(scans);
    switch (answer.kind) {
      case "settled":
        this.#settle(scans, answer.results);
        return true;
      case "unreadable":
        answer.places.forEach((place) => this.#setAside(scans[place]));
        this.#changed();
        return true;
      case "too_many":
        return this.#sendFewer(scans);
      case "stopped":
        this.#stopped();
        return false;
      default:
        this.#tryLater(answer.seconds);
        return false;
    }
  }

  #settle(scans, results) {
    scans.forEach((scan, place) => {
      const { code, message, visitor } = results[place];
      if (code === "scan_id_reused") {
        // Not recorded: send it under a new id.
        queue.add({ ...scan, scan_id: crypto.randomUUID() });
      } else if (code !== null) {
        notes.add({ scanned_at: scan.scanned_at, direction: scan.direction, message: reasonOf({ code, detail: message, visitor }) });
      }
      queue.remove(scan.scan_id);
    });
    this.#pause = FIRST_PAUSE_SECONDS;
    this.#changed();
  }

  #setAside({ scan_id, scanned_at, direction }) {
    notes.add({ scanned_at, direction, message: gettext("The service could not read this scan") });
    queue.remove(scan_id);
  }

  #sendFewer(scans) {
    if (scans.length === 1) {
      this.#setAside(scans[0]);
      this.#changed();
    }
    this.#most = Math.max(1, Math.floor(scans.length / 2));
    return true;
  }

  #tryLater(seconds) {
    this.#timer = setTimeout(() => this.flush(), (seconds ?? this.#pause) * 1_000);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_SECONDS);
  }
}
