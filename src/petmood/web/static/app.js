// The page: pictures in (chosen, dropped, pasted, taken), answers shown. Nothing is stored beyond this tab's memory.
"use strict";

const byId = (id) => document.getElementById(id);
const part = Object.fromEntries(
  ["drop", "file", "snap", "choose", "camera", "problem", "result", "photo", "heat", "wait", "where", "views", "species",
    "mood", "sentence", "bars", "leaning", "cautions", "near", "neighbours", "gallery", "shelf", "viewfinder", "video", "shoot",
    "cancel", "token"].map((id) => [id, byId(id)]));
const limit = Number(document.body.dataset.maxMb) * 2 ** 20;
const shelfSize = 24;
const seen = []; // newest first: {url, file, name, answer, deeper}; `deeper` is a promise once it was asked for
let latest = 0; // number of the newest request, so that a slow answer cannot overwrite a newer one
let shown = null; // the entry of `seen` that is on display
const maps = {
  cam: (mood) => `Bright: what spoke for “${mood}”.`,
  occlusion: (mood) => `Bright: where covering the photo costs “${mood}” most.`,
  none: () => "",
};

const percent = (share) => `${Math.round(100 * share)} %`;

function make(tag, text, ...classes) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  element.classList.add(...classes);
  return element;
}

function complain(text) {
  part.problem.textContent = text.charAt(0).toUpperCase() + text.slice(1);
  part.problem.hidden = false;
}

function sentenceOf(reading) {
  if (reading.verdict === "no-pet-face") return "There seems to be no pet's face in this picture.";
  if (reading.verdict === "sure") return `Fairly sure: at ${percent(reading.coverage)} certainty no other mood is left.`;
  const set = reading.prediction_set;
  if (!set) return `Most likely ${reading.mood}, at ${percent(reading.probability)}.`;
  const listed = set.length > 1 ? `${set.slice(0, -1).join(", ")} or ${set.at(-1)}` : set[0];
  return `Not sure: at ${percent(reading.coverage)} certainty it could be ${listed}.`;
}

function headline(reading) {
  if (reading.verdict === "no-pet-face") return "No pet face?";
  return reading.verdict === "sure" ? reading.mood : `${reading.mood}, perhaps`;
}

async function read(file) {
  part.problem.hidden = true;
  if (file.size > limit) {
    complain(`${file.name || "The picture"} has ${(file.size / 2 ** 20).toFixed(1)} MB; the limit is ${limit / 2 ** 20} MB. Choose a smaller one.`);
    return;
  }
  const request = ++latest;
  const url = URL.createObjectURL(file);
  waiting(url);
  try {
    // what takes one inference first, so that the answer never waits for the rest
    const answer = await ask(file, "maps=cam&background=false");
    const entry = { url, file, name: file.name || "picture", answer, deeper: null };
    seen.unshift(entry);
    while (seen.length > shelfSize) URL.revokeObjectURL(seen.pop().url);
    if (request === latest) show(entry);
    shelve();
  } catch (error) {
    if (request !== latest) return;
    part.result.hidden = seen.length === 0;
    if (seen.length) show(seen[0]);
    complain(error instanceof TypeError ? "The server cannot be reached. Is it still running?" : error.message);
    URL.revokeObjectURL(url);
  } finally {
    if (request === latest) done();
  }
}

async function ask(file, options) {
  const form = new FormData();
  form.append("images", file, file.name || "picture");
  const token = part.token && part.token.value.trim();
  const response = await fetch(`v1/explain?${options}`, {
    method: "POST", body: form, headers: token ? { Authorization: `Bearer ${token}` } : {},
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.error.what} (${body.error.got}). ${body.error.next}`);
  return body.explanations[0];
}

// Cover and hide parts of the photo on show: slow, so it is asked for once, and only for what is looked at.
async function deepen(entry) {
  entry.deeper ??= ask(entry.file, "maps=occlusion&background=true").then(
    ({ occlusion, background }) => Object.assign(entry.answer, { occlusion, background }),
    () => Object.assign(entry, { failed: true }),
  );
  await entry.deeper;
  if (entry === shown) look(entry);
}

function waiting(url) {
  part.result.hidden = false;
  part.result.setAttribute("aria-busy", "true");
  part.wait.hidden = false;
  part.heat.classList.add("off");
  part.photo.src = url;
  part.drop.classList.add("small-drop");
  for (const name of ["species", "mood", "sentence", "where"]) part[name].textContent = "";
  for (const name of ["bars", "cautions", "neighbours"]) part[name].replaceChildren();
  part.leaning.textContent = "";
  part.near.hidden = part.views.hidden = true;
  part.result.scrollIntoView({ block: "nearest" });
}

function done() {
  part.wait.hidden = true;
  part.result.setAttribute("aria-busy", "false");
}

function show(entry) {
  shown = entry;
  const { prediction: reading, neighbours } = entry.answer;
  part.photo.src = entry.url;
  part.photo.alt = `The picture ${entry.name}`;
  part.species.textContent = reading.species && reading.species !== "other" ? reading.species : "";
  part.mood.textContent = headline(reading);
  part.sentence.textContent = sentenceOf(reading);
  part.bars.replaceChildren(...bars(reading));
  part.cautions.replaceChildren(...reading.cautions.map((caution) => make("li", caution.message)));
  part.neighbours.replaceChildren(...neighbours.map(neighbour));
  part.near.hidden = neighbours.length === 0;
  look(entry);
  done();
}

const chosenMap = () => part.views.querySelector("input:checked").value;

// Where it looked, as far as that is known by now.
function look(entry) {
  const { answer } = entry;
  const known = Boolean(answer.background);
  part.leaning.textContent = known
    ? answer.background.sentence
    : entry.failed ? "" : "Testing how much the background counts…";
  const choices = [...part.views.querySelectorAll("input")];
  for (const choice of choices) {
    choice.parentElement.hidden = choice.value === "cam" && !answer.cam;
    choice.disabled = choice.value === "occlusion" && !answer.occlusion;
  }
  // a model without a map of its own shows what covering tells, as soon as that is known
  if (chosenMap() === "cam" && !answer.cam) choices.find((choice) => choice.value === "occlusion").checked = true;
  part.views.hidden = !answer.cam && !answer.occlusion;
  const map = chosenMap();
  const values = map === "none" ? null : answer[map];
  part.where.textContent = values ? maps[map](answer.mood)
    : map === "occlusion" && !entry.failed ? "Covering one part after another…" : "";
  const paint = () => drawHeat(values);
  if (part.photo.complete) paint(); else part.photo.addEventListener("load", paint, { once: true });
}

function bars(reading) {
  const inSet = new Set(reading.prediction_set || [reading.mood]);
  const sorted = Object.entries(reading.probabilities).sort((a, b) => b[1] - a[1]);
  return sorted.map(([name, share]) => {
    const item = make("li");
    const meter = make("progress");
    meter.max = 1;
    meter.value = share;
    meter.setAttribute("aria-label", `${name}: ${percent(share)}`);
    item.append(make("span", name, "name", inSet.has(name) ? "in" : "out"), meter, make("span", percent(share), "share"));
    return item;
  });
}

function neighbour(near) {
  const item = make("li");
  if (near.thumbnail) {
    const picture = make("img");
    picture.src = near.thumbnail;
    picture.alt = "";
    item.classList.add("pictured");
    item.append(picture);
  }
  item.append(make("span", near.label));
  item.title = near.path;
  return item;
}

function drawHeat(values) {
  const canvas = part.heat;
  canvas.classList.toggle("off", !values);
  if (!values) return;
  const most = Math.max(1e-12, ...values.flat());
  const heat = values.map((line) => line.map((value) => Math.max(0, value) / most));
  const small = document.createElement("canvas");
  small.height = heat.length;
  small.width = heat[0].length;
  const brush = small.getContext("2d");
  heat.forEach((line, y) => line.forEach((value, x) => {
    // dark where nothing spoke for the mood, clear where much did: the face stays visible
    brush.fillStyle = `rgb(10 24 28 / ${(0.62 * (1 - value)).toFixed(3)})`;
    brush.fillRect(x, y, 1, 1);
  }));
  canvas.width = part.photo.clientWidth;
  canvas.height = part.photo.clientHeight;
  const view = canvas.getContext("2d");
  view.imageSmoothingEnabled = true;
  view.imageSmoothingQuality = "high";
  // the picture may be letterboxed inside its element
  const { naturalWidth: w, naturalHeight: h } = part.photo;
  const scale = Math.min(canvas.width / w, canvas.height / h);
  view.drawImage(small, (canvas.width - w * scale) / 2, (canvas.height - h * scale) / 2, w * scale, h * scale);
}

function shelve() {
  part.gallery.hidden = seen.length < 2;
  part.shelf.replaceChildren(...seen.map((entry) => {
    const item = make("li");
    const button = make("button");
    button.type = "button";
    const picture = make("img");
    picture.src = entry.url;
    picture.alt = "";
    button.append(picture, make("span", headline(entry.answer.prediction)));
    button.addEventListener("click", () => {
      show(entry);
      deepen(entry);
      part.result.focus();
    });
    item.append(button);
    return item;
  }));
}

async function readAll(files) {
  const pictures = [...files].filter((file) => file.type.startsWith("image/") || file.type === "");
  if (!pictures.length) {
    complain("That is no picture. Choose a JPEG, PNG or WebP file.");
    return;
  }
  for (const file of pictures) await read(file);
  if (shown) deepen(shown);
}

let stream = null;

async function openCamera() {
  if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) {
    part.snap.click(); // a phone without a secure connection still offers its camera here
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    part.snap.click();
    return;
  }
  part.video.srcObject = stream;
  part.viewfinder.showModal();
  await part.video.play();
}

function closeCamera() {
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
  part.video.srcObject = null;
  if (part.viewfinder.open) part.viewfinder.close();
}

function shoot() {
  const canvas = document.createElement("canvas");
  canvas.width = part.video.videoWidth;
  canvas.height = part.video.videoHeight;
  canvas.getContext("2d").drawImage(part.video, 0, 0);
  closeCamera();
  canvas.toBlob((blob) => readAll([new File([blob], "camera.jpg", { type: "image/jpeg" })]), "image/jpeg", 0.95);
}

part.choose.addEventListener("click", () => part.file.click());
part.camera.addEventListener("click", openCamera);
part.shoot.addEventListener("click", shoot);
part.cancel.addEventListener("click", closeCamera);
part.viewfinder.addEventListener("close", closeCamera);
for (const input of [part.file, part.snap]) {
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) await readAll(files);
  });
}
part.views.addEventListener("change", () => look(shown));
let depth = 0;
window.addEventListener("dragenter", () => { depth += 1; part.drop.classList.add("over"); });
window.addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) part.drop.classList.remove("over"); });
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  part.drop.classList.remove("over");
  if (event.dataTransfer.files.length) readAll(event.dataTransfer.files);
});
window.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) readAll(files);
});
window.addEventListener("resize", () => {
  if (shown) look(shown);
});
