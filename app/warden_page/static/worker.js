// Cache the page, so that every link opens offline. Links and rosters are never cached here.

const CACHE = "muster";
const PATIENCE_MS = 3_000;
const PAGE = "static/index.html";
const FILES = [
  PAGE,
  "static/icon.svg",
  "static/main.js",
  "static/rows.js",
  "static/sender.js",
  "static/store.js",
  "static/texts.js",
  "static/view.js",
  "static/warden.css",
];
const STATIC = new URL("static/", self.registration.scope).href;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") {
    event.respondWith(newestOf(event.request, PAGE, [404, 410]));
  } else if (event.request.method === "GET" && event.request.url.startsWith(STATIC)) {
    event.respondWith(newestOf(event.request, event.request, []));
  }
});

// Return the file from the network, or from the cache if that fails.
async function newestOf(request, name, expected) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok || expected.includes(answer.status)) {
      return answer;
    }
    throw new Error(answer.statusText);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(name);
    if (kept === undefined) {
      throw error;
    }
    return kept;
  }
}
