// The page: a photo -> its reading, by the model that runs here. Everything stays in this tab.
import * as ort from "./ort/ort.wasm.min.mjs";
import { judge, sentence } from "./judge.js";
import { prepare } from "./pixels.js";

const at = (id) => document.getElementById(id);
const percent = (share) => `${Math.round(100 * share)} %`;
// one thread needs no cross-origin isolation, so that any static server will do
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;

const fetched = async (name) => {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} is missing on this server`);
  return response;
};
const ready = load();
ready.then(({ model }) => { at("answer").textContent = "Ready for a photo."; tell(model); },
  (error) => { at("answer").textContent = `The model cannot be loaded: ${error.message}. Reload the page.`; });

async function load() {
  const [model, rules] = await Promise.all(["model.json", "rules.json"].map(async (name) => (await fetched(name)).json()));
  const unit = rules.photos ? new Float32Array(await (await fetched("neighbours.bin")).arrayBuffer()) : null;
  const session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
  return { model, rules, unit, session };
}

function tell(model) {
  const tested = model.evaluation[0];
  if (!tested) return;
  const [low, high] = tested.accuracy_ci;
  at("facts").textContent = `${tested.title}: right for ${tested.correct} of ${tested.n} photos ` +
    `(${tested.protocol}; 95 % interval ${Math.round(100 * low)} to ${percent(high)}).`;
}

let latest = 0; // number of the newest photo, so that a slow reading cannot overwrite a newer one

async function read(blob) {
  const turn = ++latest;
  at("answer").textContent = "Reading…";
  at("bars").replaceChildren();
  at("cautions").replaceChildren();
  at("species").textContent = "";
  try {
    const { model, rules, unit, session } = await ready;
    const size = model.input.size;
    const picture = await prepare(blob, size).catch(() => {
      throw new Error("This file is no picture that the browser can read. Choose another one.");
    });
    const found = await session.run({ pixels: new ort.Tensor("uint8", picture.pixels, [1, size, size, 3]) });
    const outputs = Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, tensor.data]));
    const reading = judge(model, rules, unit, picture, outputs);
    if (turn === latest) show(reading, blob);
  } catch (error) {
    if (turn === latest) at("answer").textContent = error.message;
  }
}

function show(reading, blob) {
  const photo = at("photo");
  URL.revokeObjectURL(photo.src);
  photo.src = URL.createObjectURL(blob);
  photo.hidden = false;
  at("species").textContent = reading.species && reading.species !== "other" ? reading.species : "";
  const held = new Set(reading.prediction_set ?? [reading.mood]);
  const sorted = Object.entries(reading.probabilities).sort((a, b) => b[1] - a[1]);
  at("bars").replaceChildren(...sorted.map(([name, share]) => bar(name, share, held.has(name))));
  at("cautions").replaceChildren(...reading.cautions.map(({ message }) => {
    const item = document.createElement("li");
    item.textContent = message;
    return item;
  }));
  document.body.dataset.reading = JSON.stringify(reading);
  at("answer").textContent = sentence(reading);
}

function bar(name, share, inSet) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  label.textContent = name;
  label.className = inSet ? "in" : "out";
  const meter = document.createElement("progress");
  meter.max = 1;
  meter.value = share;
  meter.setAttribute("aria-label", `${name}: ${percent(share)}`);
  const value = document.createElement("span");
  value.textContent = percent(share);
  item.append(label, meter, value);
  return item;
}

const first = (files) => files[0] && read(files[0]);
at("file").addEventListener("change", (event) => first(event.target.files));
document.addEventListener("paste", (event) => first(event.clipboardData.files));
document.addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  first(event.dataTransfer.files);
});
