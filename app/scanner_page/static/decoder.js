// Decode QR codes with the browser's BarcodeDetector, or with ZXing if there is none.

export async function makeDecoder() {
  return (await browserHasOne()) ? new Native() : new Bundled(await bundled());
}

async function browserHasOne() {
  return "BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code");
}

async function bundled() {
  const zxing = await import("./vendor/zxing-wasm/reader/index.js");
  const here = new URL("vendor/zxing-wasm/reader/", import.meta.url);
  await zxing.prepareZXingModule({
    overrides: { locateFile: (name) => new URL(name, here).href },
    fireImmediately: true,
  });
  return zxing;
}

class Native {
  #detector = new BarcodeDetector({ formats: ["qr_code"] });

  async read(video) {
    const [found] = await this.#detector.detect(video);
    return found?.rawValue ?? null;
  }
}

class Bundled {
  #zxing;
  #canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  constructor(zxing) {
    this.#zxing = zxing;
  }

  async read(video) {
    const { videoWidth: width, videoHeight: height } = video;
    Object.assign(this.#canvas.canvas, { width, height });
    this.#canvas.drawImage(video, 0, 0);
    const picture = this.#canvas.getImageData(0, 0, width, height);
    const [found] = await this.#zxing.readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
    return found?.text ?? null;
  }
}
