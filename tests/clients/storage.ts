// What a browser has and Node.js has not: what its tabs share.
export const kept = new Map<string, unknown>();
let last: Promise<unknown> = Promise.resolve();

const store = {
  get: (name: string) => ({ result: kept.get(name) }),
  put: (value: unknown, name: string) => ({ result: kept.set(name, value) }),
  delete: (name: string) => ({ result: kept.delete(name) }),
};

const database = {
  transaction: () => {
    const transaction = { objectStore: () => store, oncomplete: () => undefined };
    queueMicrotask(() => transaction.oncomplete());
    return transaction;
  },
};

const browser = {
  BroadcastChannel: class {
    postMessage(): void {}
  },
  indexedDB: {
    open: () => {
      const opening = { result: database, onsuccess: () => undefined };
      queueMicrotask(() => opening.onsuccess());
      return opening;
    },
  },
  navigator: {
    locks: {
      request: <T>(_: string, work: () => Promise<T>): Promise<T> => {
        const mine = last.then(work);
        last = mine.catch(() => undefined);
        return mine;
      },
    },
  },
};

for (const [name, value] of Object.entries(browser)) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}
