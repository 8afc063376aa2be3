// Read codes with the camera, each one once.

import { makeDecoder } from "./decoder.js";

const LOOK_EVERY_MS = 120;
// A code that was out of sight for this long is a new one.
const GONE_AFTER_MS = 3_000;

export class Camera {
  #video;
  #seen;
  #stream = null;
  #decoder = null;
  #last = { text: null, at: 0 };

  // `seen` is called with the text of each code.
  constructor(video, seen) {
    this.#video = video;
    this.#seen = seen;
  }

  get isOn() {
    return this.#stream !== null;
  }

  // Throws the browser's error if there is no camera or no permission to use it.
  async start() {
    this.#decoder ??= await makeDecoder();
    this.#stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 } },
    });
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    this.#look();
  }

  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
  }

  async #look() {
    while (this.isOn) {
      if (this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
        this.#note(await this.#decoder.read(this.#video).catch(() => null));
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  #note(text) {
    const now = performance.now();
    const isNew = text !== this.#last.text || now - this.#last.at > GONE_AFTER_MS;
    if (text !== null) {
      this.#last = { text, at: now };
      if (isNew) {
        this.#seen(text);
      }
    }
  }
}
