// The model's files, packed as text so that a page without any connection has them -> bytes.

/** Parts of texts by name, handed over by the scripts of a folder: petmoodAsset(name, number, text). */
const arrived = new Map();
globalThis.petmoodAsset = (name, number, text) => arrived.set(`${name}-${number}`, text);

/**
 * Where assets come from. Each is (name, number) -> base64 text, and rejects on what is missing:
 * `inPage` reads them out of the document, `byScripts` loads scripts of a folder, `byFetch` asks for these files' text.
 */
export const sources = {
  inPage: async (name, number) => document.getElementById(`asset-${name}-${number}`).textContent,
  byScripts: (base, tag) => async (name, number) => {
    const script = document.createElement("script");
    script.src = new URL(`assets/${name}-${number}.js?v=${tag}`, base).href;
    await new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () => reject(new Error(`assets/${name}-${number}.js cannot be loaded`));
      document.head.append(script);
    });
    script.remove();
    return taken(name, number);
  },
  byFetch: (base, tag) => async (name, number) => {
    const response = await fetch(new URL(`assets/${name}-${number}.js?v=${tag}`, base));
    if (!response.ok) throw new Error(`assets/${name}-${number}.js cannot be loaded (${response.status})`);
    const text = await response.text();
    return text.slice(text.lastIndexOf(",") + 2, text.lastIndexOf('"'));
  },
};

function taken(name, number) {
  const key = `${name}-${number}`, text = arrived.get(key);
  arrived.delete(key);
  return text;
}

/** All assets by name: {bytes as a Uint8Array}; onProgress gets the share that has arrived, 0 to 1. */
export async function unpackAll(assets, source, onProgress) {
  const total = Object.values(assets).reduce((sum, { parts }) => sum + parts, 0);
  const found = {};
  let done = 0;
  for (const [name, facts] of Object.entries(assets)) {
    const parts = [];
    for (let number = 0; number < facts.parts; number++) {
      parts.push(fromBase64(await source(name, number)));
      onProgress(++done / total);
    }
    const bytes = new Uint8Array(await inflated(parts));
    found[name] = (facts.planes ? interleaved(bytes) : bytes).subarray(0, facts.bytes);
  }
  return found;
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

async function inflated(parts) {
  return new Response(new Blob(parts).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// Bytes were sorted by their place within a group of four, which packs numbers better.
function interleaved(planes) {
  const n = planes.length / 4, bytes = new Uint8Array(planes.length);
  for (let j = 0; j < 4; j++) for (let i = 0; i < n; i++) bytes[4 * i + j] = planes[j * n + i];
  return bytes;
}
