// Cache the page, so that it opens offline. Answers of the API are never cached here.

const CACHE = "reception";
const PATIENCE_MS = 3_000;
const FILES = [
  "./",
  "acts.js",
  "api.js",
  "card.js",
  "desk.js",
  "dialog.js",
  "figures.js",
  "groups.js",
  "html.js",
  "icon.svg",
  "kept.js",
  "keys.js",
  "live.js",
  "main.js",
  "muster.js",
  "reception.css",
  "session.js",
  "sign_in.js",
  "texts_de.js",
  "texts_en.js",
  "today.js",
  "upload.js",
  "use_desk.js",
  "vendor/htm/htm.js",
  "vendor/preact/hooks.js",
  "vendor/preact/preact.js",
  "walk_in.js",
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
    // `?…` belongs to no file of the page.
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept === undefined) {
      throw error;
    }
    return kept;
  }
}
