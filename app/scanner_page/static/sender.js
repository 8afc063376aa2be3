// Sends the scans that wait, as batches, whenever there is hope that they arrive.

import { report } from "./service.js";
import { notes, queue } from "./store.js";

const MOST_SCANS = 500;
const FIRST_PAUSE_SECONDS = 15;
const LONGEST_PAUSE_SECONDS = 300;
const FITS = ["accepted", "duplicate"];

export class Sender {
  #busy = false;
  #timer = null;
  #pause = FIRST_PAUSE_SECONDS;
  #most = MOST_SCANS;
  #changed;
  #stopped;

  // `changed` is called when the queue or the notes have changed, `stopped` when the key is refused.
  constructor({ changed, stopped }) {
    this.#changed = changed;
    this.#stopped = stopped;
  }

  // Send what there is. A call while one is at work is no second one.
  async flush() {
    if (this.#busy) {
      return;
    }
    this.#busy = true;
    clearTimeout(this.#timer);
    try {
      while (queue.all().length && (await this.#sendSome()));
    } finally {
      this.#busy = false;
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
      const { result, verdict, message } = results[place];
      if (!FITS.includes(result) || verdict === "conflict") {
        notes.add({ scanned_at: scan.scanned_at, direction: scan.direction, message });
      }
      queue.remove(scan.scan_id);
    });
    this.#pause = FIRST_PAUSE_SECONDS;
    this.#changed();
  }

  #setAside({ scan_id, scanned_at, direction }) {
    notes.add({ scanned_at, direction, message: "The service could not read it" });
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
