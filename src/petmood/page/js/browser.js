// The model inside this page: the same answers as a server's, and nothing leaves the device.
import { sources, unpackAll } from "./assets.js";
import { judge, nearest } from "./judge.js";
import { GRID, backgroundOf, covered, hidden, occlusionOf } from "./probes.js";

const NEIGHBOURS = 5;

/** A host for the page's facts; source: one of `sources`. */
export function browserHost(facts, source = null) {
  let session = null, photos = null, near = null, opening = null;
  const { size, classes } = { ...facts.model, size: facts.model.input.size };

  async function open(onProgress) {
    const from = source ?? (facts.host.inline ? sources.inPage : sources.byScripts(document.baseURI, facts.host.tag));
    const assets = await unpackAll(facts.host.assets, from, onProgress);
    const { ort } = globalThis;
    // one thread needs no cross-origin isolation, so that any static server will do, and so will a file
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = assets.wasm.slice().buffer;
    ort.env.logLevel = "error";
    session = await ort.InferenceSession.create(assets.model, { executionProviders: ["wasm"] });
    if (assets.photos) {
      const unit = new Float32Array(assets.photos.slice().buffer);
      photos = { unit, n: unit.length / facts.model.features };
    }
    if (assets.near) near = JSON.parse(new TextDecoder().decode(assets.near));
  }

  async function infer(pixels) {
    const found = await session.run({ pixels: new globalThis.ort.Tensor("uint8", pixels, [1, size, size, 3]) });
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, tensor]));
  }

  const valuesOf = (tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));

  function camOf(tensor, column) {
    if (!tensor) return null;
    const [, , rows, columns] = tensor.dims, from = column * rows * columns;
    return Array.from({ length: rows }, (_, y) => [...tensor.data.subarray(from + y * columns, from + (y + 1) * columns)]);
  }

  function neighboursOf(features) {
    if (!photos || !near) return [];
    return nearest(features, photos, NEIGHBOURS).map(({ index, distance }) => ({ index, distance, ...near[index] }));
  }

  return {
    kind: "browser",
    ready(onProgress = () => {}) {
      opening ??= open(onProgress);
      return opening;
    },
    async glance(picture) {
      await this.ready();
      return judge(facts, picture, valuesOf(await infer(picture.pixels)), photos);
    },
    async read(picture) {
      await this.ready();
      const tensors = await infer(picture.pixels), outputs = valuesOf(tensors);
      const prediction = judge(facts, picture, outputs, photos);
      return {
        prediction,
        mood: prediction.mood,
        cam: camOf(tensors.cam, classes.indexOf(prediction.mood)),
        occlusion: null,
        background: null,
        neighbours: neighboursOf(outputs.features),
      };
    },
    /** What covering and hiding parts tells; null if `signal`, an AbortSignal, says that nobody looks at it any more. */
    async deepen(picture, answer, signal = null) {
      const column = classes.indexOf(answer.mood), rows = [];
      const whole = classes.map((name) => answer.prediction.probabilities[name]);
      const tell = async (pixels) => {
        rows.push([...(await infer(pixels)).probabilities.data]);
        await pause();
      };
      for (let place = 0; place < GRID * GRID && !signal?.aborted; place++) await tell(covered(picture.pixels, size, place));
      for (const pixels of hidden(picture.pixels, size)) if (!signal?.aborted) await tell(pixels);
      if (signal?.aborted) return null;
      return {
        occlusion: occlusionOf(whole, rows.slice(0, GRID * GRID), column),
        background: backgroundOf(whole, rows.slice(GRID * GRID), column),
      };
    },
  };
}

// lets the page paint and answer between two inferences
const pause = () => new Promise((resolve) => setTimeout(resolve));
