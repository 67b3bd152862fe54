// Runs a bundle's graph in the browser: a photo -> calibrated probabilities. Everything stays in this tab.
import * as ort from "./ort/ort.wasm.min.mjs";

const at = (id) => document.getElementById(id);
// one thread needs no cross-origin isolation, so that any static server will do
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;

const model = await (await fetch("model.json")).json();
const session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
const size = model.input.size;
at("answer").textContent = "Ready.";
const tested = model.evaluation[0];
if (tested) {
  at("facts").textContent =
    `${tested.title}: right for ${tested.correct} of ${tested.n} photos (${tested.protocol}; 95 % interval ` +
    `${Math.round(100 * tested.accuracy_ci[0])} to ${Math.round(100 * tested.accuracy_ci[1])} %).`;
}

async function read(blob) {
  at("answer").textContent = "Reading…";
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      imageOrientation: "from-image", resizeWidth: size, resizeHeight: size, resizeQuality: "high",
    });
  } catch {
    at("answer").textContent = "This file is no picture that the browser can read. Choose another one.";
    return;
  }
  const canvas = at("photo");
  canvas.width = canvas.height = size;
  canvas.hidden = false;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, size, size);
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, size, size).data;
  const rgb = new Uint8Array(size * size * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from];
    rgb[to++] = rgba[from + 1];
    rgb[to++] = rgba[from + 2];
  }
  const outputs = await session.run({ pixels: new ort.Tensor("uint8", rgb, [1, size, size, 3]) });
  show(Array.from(outputs.probabilities.data));
}

function show(probabilities) {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
  const percent = (i) => `${Math.round(100 * probabilities[i])} %`;
  at("answer").textContent = sentence(probabilities, order, percent);
  at("bars").replaceChildren(...order.flatMap((i) => {
    const name = document.createElement("dt");
    name.textContent = model.classes[i];
    const bar = document.createElement("dd");
    const meter = document.createElement("meter");
    meter.value = probabilities[i];
    bar.append(meter);
    const share = document.createElement("dd");
    share.textContent = percent(i);
    return [name, bar, share];
  }));
}

function sentence(probabilities, order, percent) {
  const first = model.classes[order[0]];
  const sets = model.conformal;
  if (!sets) return `${first} (${percent(order[0])})`;
  const level = sets.levels.find((l) => Math.abs(l.coverage - sets.default) < 1e-9);
  const held = order.filter((i, rank) => {
    const limit = level.thresholds[model.classes[i]];
    return rank === 0 || limit === null || 1 - probabilities[i] <= limit;
  });
  if (held.length === 1) return `${first} (${percent(order[0])}).`;
  return `Not sure: ${held.map((i) => model.classes[i]).join(" or ")} (most likely ${first}, ${percent(order[0])}).`;
}

at("file").addEventListener("change", (event) => event.target.files[0] && read(event.target.files[0]));
document.addEventListener("paste", (event) => event.clipboardData.files[0] && read(event.clipboardData.files[0]));
document.addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
});
