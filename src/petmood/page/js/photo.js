// The view of photos: pictures in (chosen, dropped, pasted, taken), one answer for each box around an animal.
import { BoxEditor, suggested } from "./boxes.js";
import { hasCamera, shot, startCamera, stopCamera } from "./camera.js";
import { paintHeat, paintLegend } from "./heat.js";
import { announce, bars, byId, called, capital, complain, isHeic, make, moodsOf, unreadable } from "./parts.js";
import { decode, prepare, sizeOf } from "./pixels.js";
import { counted, headline, say, sentence } from "./words.js";

const SHELF = 24;

/** host: where pictures are read; facts: of the page; keep(subject, entry): puts an answer into the diary. */
export function photoView(host, facts, keep) {
  const part = Object.fromEntries(["drop", "file", "snap", "choose", "camera", "result", "photo", "frame", "heat", "wait", "stage",
    "progress", "legend", "where", "scale", "views", "boxes", "suggest", "draw", "hint", "subjects", "species", "mood", "sentence",
    "bars", "leaning", "cautions", "near", "neighbours", "alike", "gallery", "shelf", "viewfinder", "finder", "shoot", "cancel", "keep",
    "pet", "kept"].map((id) => [id, byId(id)]));
  const seen = []; // newest first: {url, name, bitmap or null, file, subjects: [{box or null, picture, answer, deeper, failed}], picked}
  let latest = 0; // number of the newest request, so that a slow answer cannot overwrite a newer one
  let answers = 0; // how many answers came, for those who watch the page
  let deepening = null; // {of: the answer, stop: an AbortController} of what is being asked more about
  let shown = null; // the entry of `seen` that is on display
  const editor = new BoxEditor(part.boxes, { onDraw, onChange, onRemove, onPick });
  paintLegend(part.scale, facts.heat);

  const subject = () => shown?.subjects[shown.picked];

  // ---- pictures in

  async function readAll(files) {
    const pictures = [...files].filter((file) => file.type.startsWith("image/") || /^$|hei[cf]/.test(file.type));
    if (!pictures.length) {
      complain("That is not a picture. Choose a JPEG, PNG or WebP file.");
      return;
    }
    for (const file of pictures) await read(file);
  }

  async function read(file) {
    complain("");
    const request = ++latest, url = URL.createObjectURL(file), name = file.name || "picture";
    const bitmap = await decode(file).catch(() => null);
    const problem = bitmap ? "" : whyNotSent(file);
    if (problem) {
      URL.revokeObjectURL(url);
      if (request === latest) clear(problem);
      return;
    }
    const entry = { url, name, bitmap, file, subjects: [{ box: null }], picked: 0 };
    const tell = (text, done) => { if (request === latest) stage(text, done); };
    if (request === latest) waiting(entry);
    try {
      const boxes = bitmap ? await found(entry, tell) : null;
      await answer(entry, entry.subjects[0], tell);
      if (boxes && !boxes.length) entry.subjects[0].answer.prediction.cautions.push({ code: "undetected", message: say("caution.undetected") });
      for (const box of boxes ?? []) entry.subjects.push({ box });
      // the surest first, whose answer is shown; the others follow
      if (boxes?.length) {
        await answer(entry, entry.subjects[1], tell);
        entry.picked = 1;
      }
    } catch (error) {
      if (request === latest) clear(bitmap || !isHeic(file) ? error.message : `${error.message} ${unreadable(file)}`);
      URL.revokeObjectURL(url);
      return;
    }
    seen.unshift(entry);
    while (seen.length > SHELF) drop(seen.pop());
    if (request === latest) {
      show(entry);
      part.mood.focus({ preventScroll: true });
      part.result.scrollIntoView({ block: "start", behavior: "instant" });
    }
    shelve();
    readOthers(entry);
  }

  // The animals of a photo; null where nothing looks for them, or what looks failed: the whole photo is read all the same.
  async function found(entry, tell) {
    if (!facts.host.detector) return null;
    tell("Looking for animals…", null);
    await painted();
    try {
      return await host.find(entry.bitmap, entry.name);
    } catch (error) {
      complain(error.message);
      return null;
    }
  }

  // What a detector found beside the first, one after the other; a box that was moved or removed meanwhile is let be.
  async function readOthers(entry) {
    for (const one of entry.subjects.filter(({ box, answer: known }) => box && !known)) {
      if (!entry.subjects.includes(one) || one.answer || one.turn || !seen.includes(entry)) continue;
      try {
        await answer(entry, one, () => {});
      } catch (error) {
        complain(error.message);
        return;
      }
      if (entry === shown) subjects();
    }
  }

  // a server's decoder reads kinds of pictures that browsers do not; "" if it may try
  function whyNotSent(file) {
    if (host.kind === "browser") return unreadable(file);
    if (file.size <= facts.host.max_mb * 2 ** 20) return "";
    return `${called(file)} has ${(file.size / 2 ** 20).toFixed(1)} MB; the limit is ${facts.host.max_mb} MB. Choose a smaller one.`;
  }

  function drop(entry) {
    URL.revokeObjectURL(entry.url);
    entry.bitmap?.close();
  }

  async function answer(entry, one, tell) {
    tell("Reading…", null);
    await painted();
    one.picture = entry.bitmap ? prepare(entry.bitmap, facts.model.input, one.box) : { file: entry.file };
    one.picture.source = entry.name;
    await host.ready((done) => tell(done < 1 ? "Loading the model…" : "Reading…", done < 1 ? done : null));
    one.answer = await host.read(one.picture, (done) => tell(done < 1 ? "Sending…" : "Reading…", done < 1 ? done : null));
    one.deeper = one.failed = false;
    answers += 1;
  }

  // Cover and hide parts of what is on show: slow, so it is done once, and only while somebody looks at it.
  async function deepen(one) {
    if (one.deeper || one.answer === deepening?.of) return;
    relieve();
    const of = one.answer, stop = new AbortController();
    deepening = { of, stop };
    const found = await host.deepen(one.picture, of, stop.signal).catch(() => null);
    if (stop.signal.aborted) return;
    deepening = null;
    one.deeper = true;
    one.failed = !found;
    Object.assign(of, found);
    if (one === subject()) look(one);
  }

  // A newer photo need not wait for what is still asked about an older one.
  function relieve() {
    deepening?.stop.abort();
    deepening = null;
  }

  // ---- what is shown

  function clear(problem) {
    relieve();
    shown = null;
    part.result.hidden = true;
    document.body.classList.remove("answered");
    part.result.setAttribute("aria-busy", "false");
    if (problem) complain(problem);
  }

  function waiting(entry) {
    relieve();
    shown = entry;
    part.result.hidden = false;
    part.result.setAttribute("aria-busy", "true");
    part.wait.hidden = false;
    part.heat.hidden = true;
    frame(entry);
    editor.show([], -1);
    document.body.classList.add("answered");
    for (const name of ["species", "sentence", "leaning", "kept"]) part[name].textContent = "";
    part.mood.textContent = "Reading…";
    for (const name of ["bars", "cautions", "neighbours", "subjects"]) part[name].replaceChildren();
    part.near.hidden = part.views.hidden = part.legend.hidden = part.subjects.hidden = part.keep.hidden = true;
    part.suggest.parentElement.hidden = true;
  }

  function stage(text, done) {
    part.stage.textContent = text;
    part.progress.hidden = done === null;
    if (done !== null) part.progress.value = done;
  }

  function frame(entry) {
    part.photo.src = entry.url;
    part.photo.alt = `The picture ${entry.name}`;
    const { width, height } = entry.bitmap ? sizeOf(entry.bitmap) : { width: 4, height: 3 };
    part.frame.style.setProperty("--ratio", width / height);
  }

  function show(entry) {
    shown = entry;
    frame(entry);
    part.wait.hidden = true;
    part.result.setAttribute("aria-busy", "false");
    part.suggest.parentElement.hidden = !entry.bitmap;
    part.keep.hidden = !entry.bitmap;
    pick(entry.picked);
  }

  function pick(number) {
    shown.picked = number;
    const one = subject(), { prediction, neighbours } = one.answer;
    part.species.textContent = prediction.species && prediction.species !== "other" ? prediction.species : "";
    part.mood.textContent = headline(prediction);
    part.sentence.textContent = sentence(prediction);
    announce(`${headline(prediction)}. ${sentence(prediction)}`);
    part.bars.replaceChildren(...bars(moodsOf(prediction)));
    part.cautions.replaceChildren(...prediction.cautions.map((caution) => make("li", caution.message)));
    part.neighbours.replaceChildren(...neighbours.filter((near) => near.thumbnail).map(neighbour));
    part.neighbours.hidden = !part.neighbours.children.length;
    part.alike.textContent = counted(neighbours.map((near) => near.label));
    part.near.hidden = neighbours.length === 0;
    part.kept.textContent = "";
    document.body.dataset.reading = JSON.stringify(prediction);
    document.body.dataset.answers = String(answers);
    subjects();
    look(one);
    deepen(one);
  }

  function subjects() {
    const { subjects: all, picked } = shown, boxed = all.filter((one) => one.box);
    part.subjects.hidden = !boxed.length;
    part.subjects.replaceChildren(...(boxed.length ? all : []).map((one, number) => {
      const item = make("li"), button = make("button", null, "slim");
      button.type = "button";
      button.setAttribute("aria-pressed", String(number === picked));
      button.append(make("b", one.box ? String(number) : "All"), ...(one.box?.label ? [make("span", one.box.label, "soft")] : []), make("span", one.answer ? headline(one.answer.prediction) : "…"));
      button.addEventListener("click", () => choose(number));
      item.append(button);
      return item;
    }));
    editor.show(boxed.map((one) => one.box), picked - 1);
  }

  function choose(number) {
    if (!shown.subjects[number].answer || shown.picked === number) return;
    pick(number);
  }

  function neighbour(near) {
    const item = make("li"), picture = make("img");
    picture.src = near.thumbnail;
    picture.alt = "";
    item.append(picture, make("span", near.label));
    item.title = near.path;
    return item;
  }

  const view = () => part.views.querySelector("input:checked").value;

  // Where it looked, as far as that is known by now.
  function look(one) {
    const { answer: known } = one;
    part.leaning.textContent = known.background ? known.background.sentence
      : one.failed ? "" : "Testing how much the background counts…";
    for (const choice of part.views.querySelectorAll("input")) {
      choice.parentElement.hidden = choice.value === "cam" && !known.cam;
      choice.disabled = choice.value === "occlusion" && !known.occlusion;
    }
    // a model without a map of its own shows what covering tells, as soon as that is known
    if (view() === "cam" && !known.cam) part.views.querySelector("[value=occlusion]").checked = true;
    part.views.hidden = !known.cam && !known.occlusion;
    const map = view(), values = map === "none" || !shown.bitmap ? null : known[map];
    part.legend.hidden = !values;
    part.where.textContent = values ? capital(say(`map.${map}`, { mood: known.mood })) : "";
    paint(one, values);
  }

  function paint(one, values) {
    part.heat.hidden = !values;
    if (!values) return;
    const box = one.box ?? { x: 0, y: 0, width: 1, height: 1 };
    const { clientWidth, clientHeight } = part.frame, dense = Math.min(2, devicePixelRatio);
    for (const [side, share] of [["left", box.x], ["top", box.y], ["width", box.width], ["height", box.height]]) part.heat.style[side] = `${100 * share}%`;
    part.heat.width = Math.max(1, Math.round(clientWidth * box.width * dense));
    part.heat.height = Math.max(1, Math.round(clientHeight * box.height * dense));
    paintHeat(part.heat, shown.bitmap, sizeOf(shown.bitmap), box, values, facts.heat);
  }

  function shelve() {
    part.gallery.hidden = seen.length < 2;
    part.shelf.replaceChildren(...seen.map((entry) => {
      const item = make("li"), button = make("button"), picture = make("img");
      button.type = "button";
      picture.src = entry.url;
      picture.alt = "";
      button.append(picture, make("span", headline(entry.subjects[entry.picked].answer.prediction)));
      button.addEventListener("click", () => {
        complain("");
        part.result.hidden = false;
        document.body.classList.add("answered");
        show(entry);
        part.mood.focus();
      });
      item.append(button);
      return item;
    }));
  }

  // ---- boxes

  async function reread(number) {
    const entry = shown, one = entry.subjects[number], turn = (one.turn = (one.turn ?? 0) + 1);
    part.result.setAttribute("aria-busy", "true");
    part.wait.hidden = false;
    try {
      const next = { box: one.box };
      await answer(entry, next, stage);
      if (turn !== one.turn || !entry.subjects.includes(one)) return;
      Object.assign(one, next, { turn });
    } catch (error) {
      complain(error.message);
      if (!one.answer) entry.subjects.splice(number, 1);
      return;
    } finally {
      if (entry === shown) {
        part.wait.hidden = true;
        part.result.setAttribute("aria-busy", "false");
        if (!entry.subjects[entry.picked]?.answer) entry.picked = 0;
      }
    }
    if (entry !== shown) return;
    pick(entry.subjects.indexOf(one));
    shelve();
  }

  function onDraw(box) {
    drawing(false);
    shown.subjects.push({ box });
    editor.show(shown.subjects.filter((one) => one.box).map((one) => one.box), shown.subjects.length - 2);
    editor.focus(shown.subjects.length - 2);
    reread(shown.subjects.length - 1);
  }

  function onChange(number, box) {
    shown.subjects[number + 1].box = box;
    reread(number + 1);
  }

  function onRemove(number) {
    shown.subjects.splice(number + 1, 1);
    pick(Math.min(shown.picked, shown.subjects.length - 1));
    (part.boxes.lastElementChild ?? part.draw).focus();
    shelve();
  }

  function onPick(number) {
    choose(number + 1);
  }

  function drawing(on) {
    if (on) {
      part.views.querySelector("[value=none]").checked = true;
      look(subject());
    }
    editor.drawing = on;
    part.draw.setAttribute("aria-pressed", String(on));
    part.hint.hidden = !on && shown.subjects.length < 2;
  }

  part.draw.addEventListener("click", () => drawing(!editor.drawing));
  part.suggest.addEventListener("click", () => {
    const whole = shown.subjects[0].answer;
    onDraw(suggested(whole.cam ?? whole.occlusion));
    part.hint.hidden = false;
  });

  // ---- ways in

  async function openCamera() {
    if (!hasCamera()) {
      part.snap.click(); // a phone without a secure connection still offers its camera here
      return;
    }
    try {
      part.viewfinder.showModal();
      await startCamera(part.finder);
    } catch {
      closeCamera();
      part.snap.click();
    }
  }

  function closeCamera() {
    stopCamera(part.finder);
    if (part.viewfinder.open) part.viewfinder.close();
  }

  part.choose.addEventListener("click", () => part.file.click());
  part.camera.addEventListener("click", openCamera);
  part.cancel.addEventListener("click", closeCamera);
  part.viewfinder.addEventListener("close", closeCamera);
  part.shoot.addEventListener("click", async () => {
    const taken = await shot(part.finder);
    closeCamera();
    await readAll([taken]);
  });
  for (const input of [part.file, part.snap]) {
    input.addEventListener("change", async () => {
      const files = [...input.files];
      input.value = "";
      if (files.length) await readAll(files);
    });
  }
  part.views.addEventListener("change", () => look(subject()));
  part.keep.addEventListener("submit", async (event) => {
    event.preventDefault();
    const pet = part.pet.value.trim();
    if (!pet || !subject()?.answer) return;
    try {
      await keep(pet, shown, subject());
      part.kept.textContent = "Kept in this browser.";
    } catch (error) {
      part.kept.textContent = `It could not be kept: ${error.message}`;
    }
  });
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
  new ResizeObserver(() => { if (subject()?.answer) look(subject()); }).observe(part.frame);
}

const painted = () => new Promise((resolve) => setTimeout(resolve));
