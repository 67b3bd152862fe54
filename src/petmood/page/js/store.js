// The diary in this browser's own storage (IndexedDB): photos of pets and their readings; nothing is sent anywhere.

const NAME = "petmood-diary";
const ENTRIES = "entries";
const FULL = "The storage of this browser is full. Export the diary, then remove photos.";

function opened() {
  return new Promise((resolve, reject) => {
    if (!globalThis.indexedDB) reject(new Error("This browser keeps nothing here."));
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ENTRIES, { keyPath: "id", autoIncrement: true }).createIndex("pet", "pet");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function through(mode, work) {
  const database = await opened();
  try {
    const transaction = database.transaction(ENTRIES, mode);
    const request = work(transaction.objectStore(ENTRIES));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error?.name === "QuotaExceededError" ? new Error(FULL) : transaction.error ?? new Error("The browser ended it."));
    });
    return request?.result;
  } finally {
    database.close();
  }
}

/** All entries, oldest first: {id, pet, at (ISO date), mood, verdict, probabilities, prediction_set, sentence, picture (data URI), model}. */
export async function allEntries() {
  const found = await through("readonly", (store) => store.getAll());
  return found.sort((a, b) => a.at.localeCompare(b.at) || a.id - b.id);
}

/** Keep entries; those from an export come without ids. */
export async function keep(...entries) {
  await through("readwrite", (store) => { for (const { id, ...entry } of entries) store.add(entry); });
}

/** Delete entries by their ids. */
export async function forget(ids) {
  await through("readwrite", (store) => { for (const id of ids) store.delete(id); });
}
