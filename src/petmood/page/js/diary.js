// The view of the diary: one pet at a time, its photos in order, and the newest against that animal's own earlier ones.
import { compared, comparedWords } from "./compare.js";
import { byId, called, capital, make, makeSvg } from "./parts.js";
import { canvasOf, sizeOf } from "./pixels.js";
import { allEntries, forget, keep } from "./store.js";
import { headline, sentence, share } from "./words.js";

const SIDE = 320; // of the pictures that are kept
const FORMAT = "petmood-diary-1";

export function diaryView(facts) {
  const part = Object.fromEntries(["diary", "export", "import", "delete", "diary-file", "diary-problem", "pets", "pet", "sure", "sure-text"].map((id) => [id, byId(id)]));
  let pet = null; // whose entries are shown
  let mood = null; // the mood of the chart; null for the pet's most usual one

  const problem = (error) => {
    part["diary-problem"].textContent = error ? capital(error.message) : "";
    part["diary-problem"].hidden = !error;
  };

  async function show() {
    let entries = [];
    try {
      entries = await allEntries();
    } catch (error) {
      problem(new Error(`this browser keeps no diary here (${error.message}). Use a window that is not private.`));
    }
    const pets = [...new Set(entries.map((entry) => entry.pet))].sort((a, b) => a.localeCompare(b));
    if (!pets.includes(pet)) pet = pets[0] ?? null;
    part.pets.replaceChildren(...pets.map((name) => new Option(name, name)));
    if (!part.pet.value && pet) part.pet.value = pet;
    part.export.disabled = part.delete.disabled = !pets.length;
    part.delete.textContent = pet ? `Delete ${pet}` : "Delete";
    const own = entries.filter((entry) => entry.pet === pet);
    part.diary.replaceChildren(...(pet ? [chooser(pets), summary(own), chart(own), strip(own)] : [empty()]));
  }

  function empty() {
    const card = make("div", null, "card", "empty");
    card.append(make("p", "No photos are kept yet."), make("p", "Read a photo, type your pet's name below the answer and press Keep.", "soft"));
    return card;
  }

  function chooser(pets) {
    const list = make("ul", null, "subjects");
    list.setAttribute("aria-label", "Pets");
    list.append(...pets.map((name) => {
      const item = make("li"), button = make("button", name, "slim");
      button.type = "button";
      button.setAttribute("aria-pressed", String(name === pet));
      button.addEventListener("click", () => {
        pet = name;
        mood = null;
        show();
      });
      item.append(button);
      return item;
    }));
    return list;
  }

  function summary(own) {
    const card = make("div", null, "card", "compared"), newest = own.at(-1);
    // answers of other models are no comparison
    const alike = own.filter((entry) => entry.model === newest.model);
    const faces = alike.filter((entry) => entry.verdict !== "no-pet-face");
    const words = newest.verdict === "no-pet-face" ? "Nothing to compare: the newest photo shows no pet face, as far as the model can tell."
      : comparedWords(compared(faces.map((entry) => entry.probabilities)));
    const cut = words.search(/[:.] /);
    const picture = make("img");
    picture.src = newest.picture;
    picture.alt = `The newest photo of ${pet}`;
    const text = make("div");
    text.append(make("p", `${pet}, ${day(newest.at)}`, "eyebrow"), make("h2", words.slice(0, cut)), make("p", capital(words.slice(cut + 2)), "sentence"),
      make("p", `Newest answer: ${newest.sentence}`, "soft"));
    if (alike.length < own.length) text.append(make("p", `Not compared, since another model read them: ${photos(own.length - alike.length)}.`, "soft", "small"));
    card.append(picture, text);
    return card;
  }

  function chart(own) {
    const names = Object.keys(own.at(-1).probabilities);
    const mean = (name) => own.reduce((sum, entry) => sum + (entry.probabilities[name] ?? 0), 0) / own.length;
    const chosen = names.includes(mood) ? mood : names.reduce((a, b) => (mean(b) > mean(a) ? b : a));
    const figure = make("figure", null, "card", "over-time"), picks = make("div", null, "subjects");
    picks.setAttribute("role", "group");
    picks.setAttribute("aria-label", "Mood of the chart");
    picks.append(...names.map((name) => {
      const button = make("button", name, "slim");
      button.type = "button";
      button.setAttribute("aria-pressed", String(name === chosen));
      button.addEventListener("click", async () => {
        mood = name;
        await show();
        [...part.diary.querySelectorAll(".over-time button")].find((other) => other.textContent === name)?.focus();
      });
      return button;
    }));
    figure.append(picks, dots(own, chosen));
    const earlier = own.slice(0, -1).map((entry) => entry.probabilities[chosen] ?? 0);
    const range = earlier.length > 1 ? ` The band is where the ${earlier.length} earlier lie: ${share(Math.min(...earlier))} to ${share(Math.max(...earlier))}.`
      : earlier.length ? ` The one before: ${share(earlier[0])}.` : "";
    figure.append(make("figcaption", `Probability of “${chosen}”, a dot a photo, oldest first; the newest is ${share(own.at(-1).probabilities[chosen] ?? 0)}.${range}`));
    return figure;
  }

  function strip(own) {
    const list = make("ol", null, "gallery", "entries");
    list.append(...[...own].reverse().map((entry) => {
      const item = make("li", null, "entry"), picture = make("img"), remove = make("button", "Remove", "slim");
      picture.src = entry.picture;
      picture.alt = "";
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove the photo of ${day(entry.at)}`);
      remove.addEventListener("click", async () => {
        await forget([entry.id]);
        await show();
        document.getElementById("main").focus();
      });
      item.append(picture, make("b", headline(entry)), make("span", day(entry.at), "soft"), remove);
      return item;
    }));
    return list;
  }

  async function save() {
    const blob = new Blob([JSON.stringify({ format: FORMAT, entries: await allEntries() }, null, 1)], { type: "application/json" });
    const link = make("a");
    link.href = URL.createObjectURL(blob);
    link.download = "petmood-diary.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  async function load(file) {
    const refuse = () => new Error(`${called(file)} is no diary that petmood exported. Choose the file petmood-diary.json.`);
    const found = await file.text().then(JSON.parse).catch(() => { throw refuse(); });
    if (found?.format !== FORMAT || !found.entries?.every(isEntry)) throw refuse();
    const known = new Set((await allEntries()).map((entry) => `${entry.pet} ${entry.at}`));
    await keep(...found.entries.filter((entry) => !known.has(`${entry.pet} ${entry.at}`)));
  }

  function sure(text) {
    part["sure-text"].textContent = text;
    part.sure.returnValue = "no";
    part.sure.showModal();
    return new Promise((resolve) => part.sure.addEventListener("close", () => resolve(part.sure.returnValue === "yes"), { once: true }));
  }

  const doing = (work) => async (...given) => {
    problem(null);
    try {
      await work(...given);
    } catch (error) {
      problem(error);
    }
  };
  part.export.addEventListener("click", doing(save));
  part.import.addEventListener("click", () => part["diary-file"].click());
  part["diary-file"].addEventListener("change", doing(async () => {
    const [file] = part["diary-file"].files;
    part["diary-file"].value = "";
    if (file) await load(file);
    await show();
  }));
  part.delete.addEventListener("click", doing(async () => {
    const own = (await allEntries()).filter((entry) => entry.pet === pet);
    if (!(await sure(`Delete ${pet}, ${photos(own.length)}, from this browser? This cannot be undone.`))) return;
    await forget(own.map((entry) => entry.id));
    await show();
  }));

  // what another tab kept or deleted meanwhile
  document.addEventListener("visibilitychange", () => { if (!document.hidden && part.diary.checkVisibility()) show(); });

  return {
    show,
    /** Keep an answer: subject and entry of the photo view. */
    async keep(name, entry, subject) {
      const { prediction } = subject.answer;
      await keep({
        pet: name,
        at: new Date().toISOString(),
        verdict: prediction.verdict,
        mood: prediction.mood,
        probabilities: prediction.probabilities,
        prediction_set: prediction.prediction_set,
        sentence: sentence(prediction),
        model: facts.digest,
        picture: await small(entry, subject.box),
      });
      pet = name;
      await show();
    },
  };
}

function isEntry(entry) {
  const numbers = entry?.probabilities && Object.values(entry.probabilities);
  return typeof entry?.pet === "string" && typeof entry.sentence === "string" && typeof entry.mood === "string"
    && ["sure", "not-sure", "no-pet-face"].includes(entry.verdict) && !Number.isNaN(Date.parse(entry.at))
    && numbers?.length > 0 && numbers.every(Number.isFinite) && /^data:image\/jpeg;base64,/.test(entry.picture);
}

const photos = (n) => (n === 1 ? "1 photo" : `${n} photos`);

const day = (at) => new Date(at).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });

// The part of the photo that was read, small enough to keep hundreds.
async function small(entry, box) {
  const source = entry.bitmap, whole = sizeOf(source), part = box ?? { x: 0, y: 0, width: 1, height: 1 };
  const width = part.width * whole.width, height = part.height * whole.height, scale = Math.min(1, SIDE / Math.max(width, height));
  const canvas = canvasOf(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))), context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, part.x * whole.width, part.y * whole.height, width, height, 0, 0, canvas.width, canvas.height);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 })).arrayBuffer());
  return `data:image/jpeg;base64,${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}

function dots(own, name) {
  const width = 600, height = 150, edge = 12, levels = [0, 0.5, 1];
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Probability of ${name} in ${photos(own.length)}` });
  const x = (i) => edge + (own.length > 1 ? (width - 2 * edge) * i / (own.length - 1) : (width - 2 * edge) / 2);
  const y = (value) => height - edge - (height - 2 * edge) * value;
  const values = own.map((entry) => entry.probabilities[name] ?? 0), earlier = values.slice(0, -1);
  for (const level of levels) svg.append(makeSvg("path", { class: "rule", d: `M0 ${y(level)} H${width}` }));
  if (earlier.length > 1) {
    const top = y(Math.max(...earlier));
    svg.append(makeSvg("rect", { class: "band", x: 0, y: top, width, height: Math.max(2, y(Math.min(...earlier)) - top) }));
  }
  svg.append(makeSvg("path", { class: "edge", d: `M${values.map((value, i) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join(" L")}` }));
  values.forEach((value, i) => svg.append(makeSvg("circle", { class: i === values.length - 1 ? "dot newest" : "dot", cx: x(i), cy: y(value), r: i === values.length - 1 ? 7 : 4.5 })));
  const chart = make("div", null, "levels");
  chart.append(svg, ...levels.map((level) => {
    const label = make("span", share(level), "soft");
    label.style.top = `${100 * y(level) / height}%`;
    return label;
  }));
  return chart;
}
