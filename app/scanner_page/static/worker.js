// Cache the page, so that it opens offline. API responses are never cached.

const CACHE = "scanner";
const PATIENCE_MS = 3_000;
const FILES = [
  "./",
  "camera.js",
  "decoder.js",
  "icon.svg",
  "main.js",
  "scanner.css",
  "screen.js",
  "sender.js",
  "service.js",
  "store.js",
  "vendor/zxing-wasm/reader/index.js",
  "vendor/zxing-wasm/reader/zxing_reader.wasm",
  "vendor/zxing-wasm/share.js",
  "words-de.json",
  "words-en.json",
  "words.js",
];

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && event.request.url.startsWith(self.registration.scope)) {
    event.respondWith(newestOf(event.request));
  }
});

// Return the file from the network, or from the cache if offline.
async function newestOf(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) {
      throw new Error(answer.statusText);
    }
    await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept === undefined) {
      throw error;
    }
    return kept;
  }
}
