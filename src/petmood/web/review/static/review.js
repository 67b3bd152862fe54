// Shows photos one by one, turns keys into decisions, and sends each to the server at once, in order, until it is saved.
"use strict";

const $ = (id) => document.getElementById(id);
const PENDING = "petmood-review-pending";
const REVEAL = "petmood-review-reveal"; // "before" or "after" a decision
const CHOSEN = "petmood-review-chosen";
const AHEAD = 4; // photos fetched before they are wanted
const PATIENCE = 1500; // milliseconds between tries while the server does not answer

const page = {
  state: null, // what /api/state told: classes, queues, photos
  queue: null,
  view: "photo", // or "list" or "map"
  at: 0, // index in the queue
  reveal: false, // whether labels and votes show before one decides
  again: new Set(), // skipped photos that are gone through once more
  decided: new Map(), // id -> {action, label}: what stands
  history: [], // ids in the order in which they were decided, for undo
  pending: [], // decisions that the server has not confirmed yet
  sending: false,
  version: -1,
};

// ---- talking to the server

async function ask(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, { cache: "no-store", ...options });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error || response.statusText), { refused: true });
  return answer;
}

function keepPending() {
  // what waits survives a reload of this tab; another tab has its own
  try { sessionStorage.setItem(PENDING, JSON.stringify(page.pending)); } catch { /* private mode: memory must do */ }
}

async function send() {
  if (page.sending) return;
  page.sending = true;
  while (page.pending.length) {
    try {
      const answer = await ask("/api/decisions", page.pending[0]);
      page.version = answer.version;
      page.pending.shift();
      trouble("");
    } catch (error) {
      if (error.refused) {
        page.pending.shift();
        trouble(`Not saved: ${error.message}`);
        keepPending();
        await refresh();
        continue;
      }
      const n = page.pending.length;
      trouble(`The server does not answer. ${n} ${n === 1 ? "decision waits" : "decisions wait"} in this tab: start ` +
        "petmood review again and they are saved. Do not close the tab.");
      await new Promise((wake) => setTimeout(wake, PATIENCE));
    }
    keepPending();
  }
  page.sending = false;
  document.body.dataset.saved = "yes";
}

async function refresh() {
  const answer = await ask("/api/decisions");
  adopt(answer);
  draw();
}

function adopt(answer) {
  // what waits here is newer than what the server knows
  page.version = answer.version;
  page.agreement = answer.agreement;
  page.reliability = answer.reliability;
  page.agreementHidden = answer.agreement_hidden;
  page.decided = new Map(answer.decisions.map((d) => [d.photo, d]));
  page.history = answer.decisions.map((d) => d.photo);
  page.pending.forEach(apply);
}

function apply(decision) {
  const { photo, action } = decision;
  page.history = page.history.filter((id) => id !== photo);
  if (action === "undo") page.decided.delete(photo);
  else {
    page.decided.set(photo, decision);
    page.history.push(photo);
  }
}

let lastTime = 0;
function now() {
  // the time names a decision: never twice the same in this tab
  lastTime = Math.max(Date.now(), lastTime + 1);
  return new Date(lastTime).toISOString();
}

// ---- deciding

const current = () => page.queue.photos[page.at];
const isDecided = (id) => page.decided.has(id) && page.decided.get(id).action !== "skip";
const isSkipped = (id) => page.decided.get(id)?.action === "skip";
const isOpen = (id) => !page.decided.has(id) || page.again.has(id);
const isTold = (id) => page.reveal || isDecided(id); // before that, a label would anchor who looks
const groupOf = (id) => page.state.groups[id];

function decide(action, label = "") {
  const photo = current();
  if (!photo) return;
  const decision = { photo, action, label, time: now() };
  page.again.delete(photo);
  enqueue(decision);
  say(decision);
  advance();
}

function enqueue(decision) {
  document.body.dataset.saved = "no";
  apply(decision);
  page.pending.push(decision);
  keepPending();
  send();
}

async function undo() {
  const photo = page.history.at(-1);
  if (!photo) return say(null, "Nothing to undo.");
  enqueue({ photo, action: "undo", label: "", time: now() });
  const where = page.queue.photos.indexOf(photo);
  if (where >= 0) page.at = where;
  say(null, "Taken back.");
  draw();
  await settled();
  await refresh(); // what stood before it stands again
}

function settled() {
  return new Promise((done) => {
    const look = () => (page.pending.length ? setTimeout(look, 30) : done());
    look();
  });
}

function keep() {
  const given = page.state.photos[current()]?.given;
  if (given && !isTold(current())) return say(null, "Its label is hidden: press a class, or show labels first.");
  if (given && page.state.classes.some((c) => c.name === given)) decide("label", given);
}

function advance() {
  const ids = page.queue.photos;
  for (let step = 1; step <= ids.length; step++) {
    const where = (page.at + step) % ids.length;
    if (isOpen(ids[where])) {
      page.at = where;
      draw();
      return;
    }
  }
  draw();
  openSummary(true);
}

function move(step) {
  const n = page.queue.photos.length;
  page.at = Math.min(Math.max(page.at + step, 0), n - 1);
  draw();
}

function chooseQueue(id) {
  page.queue = page.state.queues.find((q) => q.id === id) || page.state.queues[0];
  $("queue").value = page.queue.id;
  page.again.clear();
  page.at = Math.max(page.queue.photos.findIndex(isOpen), 0);
  keepPlace();
  draw();
}

function keepPlace() {
  history.replaceState(null, "", `#${page.queue.id}${page.view === "photo" ? "" : `/${page.view}`}`);
}

function showView(view) {
  page.view = view === "map" && !page.state.map ? "photo" : view;
  document.body.dataset.view = page.view;
  for (const name of ["photo", "list", "map"]) $(`to-${name}`).setAttribute("aria-pressed", String(name === page.view));
  for (const [id, own] of [["stage", "photo"], ["deck", "photo"], ["list", "list"], ["map", "map"]]) $(id).hidden = own !== page.view;
  keepPlace();
  draw();
}

// Skipped photos are not decided: they come once more when asked for.
function againSkipped() {
  page.again = new Set(page.queue.photos.filter(isSkipped));
  page.at = Math.max(page.queue.photos.findIndex(isOpen), 0);
  $("summary").close();
  draw();
}

// A queue of the photos that were chosen on the map.
function setChosen(ids) {
  const queue = { id: "chosen", title: "Chosen on the map", photos: ids };
  page.state.queues = [...page.state.queues.filter((q) => q.id !== "chosen"), ...(ids.length ? [queue] : [])];
  try { sessionStorage.setItem(CHOSEN, JSON.stringify(ids)); } catch { /* private mode: memory must do */ }
  drawQueues();
}

function drawQueues() {
  $("queue").replaceChildren(...page.state.queues.map((q) =>
    element("option", { value: q.id }, `${q.title} (${q.photos.length.toLocaleString("en")})`)));
  if (page.queue) $("queue").value = page.queue.id;
}

// ---- drawing

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const colour = (name) => page.state.classes.find((c) => c.name === name)?.colour || "var(--ink-faint)";

function chip(name, text = name) {
  const made = element("span", { className: "chip" }, element("span", { className: "swatch" }), text);
  made.style.setProperty("--swatch", colour(name));
  return made;
}

function worded(decision) {
  if (decision.action === "label") return decision.label;
  return decision.action === "exclude" ? "not a pet" : "skipped";
}

function draw() {
  const { photos } = page.state;
  const id = current();
  const photo = photos[id] || {};
  const group = groupOf(id);
  drawSheet(group, page.decided.get(id));
  const done = page.queue.photos.filter(isDecided).length;
  const skipped = page.queue.photos.filter(isSkipped).length;
  const total = page.queue.photos.length;
  $("count").replaceChildren(element("strong", {}, String(done)), ` of ${total} decided${skipped ? `, ${skipped} skipped` : ""}`);
  $("progress").max = Math.max(total, 1);
  $("progress").value = done;
  if (page.view === "list") return drawList();
  if (page.view === "map") return drawMap();

  const picture = $("photo");
  if (!group && picture.dataset.id !== id) {
    picture.dataset.id = id;
    picture.src = `/photo/${id}.jpg`;
    $("gone").hidden = true;
    picture.hidden = false;
  }
  const stands = page.decided.get(id), told = isTold(id);
  const said = Object.entries(photo.said || {});
  const hides = photo.given || photo.why || said.length;
  $("given").replaceChildren(
    ...(told && photo.given ? ["Labelled ", chip(photo.given)] : []),
    ...(told ? said.flatMap(([name, label]) => [`${name}: `, chip(label === "not-a-pet" ? "" : label, label)]) : []),
    ...(!told && hides ? [element("span", { className: "soft" }, "Its label is hidden until you decide.")] : []),
    ...(stands ? [element("span", { className: "stands" }, told && photo.given ? "→ you said " : "You said ", chip(stands.label || "", worded(stands)))] : []),
  );
  $("why").textContent = told && photo.why ? photo.why.charAt(0).toUpperCase() + photo.why.slice(1) + "." : "";
  $("path").textContent = (told && photo.path) || "";
  $("keep").disabled = !photo.given || !told;
  $("undo").disabled = !page.history.length;
  $("back").disabled = page.at === 0;
  $("next").disabled = page.at >= total - 1;
  for (const button of $("classes").children) {
    button.setAttribute("aria-pressed", String(stands?.action === "label" && stands.label === button.dataset.name));
  }
  drawBeside(told ? photo : {});
  for (let step = 1; step <= AHEAD; step++) {
    const ahead = page.queue.photos[page.at + step];
    if (ahead && !groupOf(ahead)) new Image().src = `/photo/${ahead}.jpg`;
  }
}

// A cluster: its faces in place of one photo.
function drawSheet(group, stands) {
  for (const [id, off] of [["subject", Boolean(group)], ["sheet", !group], ["naming", !group], ["keep", Boolean(group) || page.state.blind]]) {
    $(id).hidden = off;
  }
  $("question").textContent = group ? "What do these faces show?" : "What does this face show?";
  if (!group) return;
  const faces = (title, ids) => (ids.length ? [element("h3", {}, title), element("div", { className: "faces" }, ...ids.map((id) =>
    element("img", { src: `/small/${id}.jpg`, alt: title, width: 240, height: 240 })))] : []);
  const told = page.reveal || (stands && stands.action !== "skip");
  const given = told ? Object.entries(group.composition).sort((a, b) => b[1] - a[1]).filter(([, n]) => n) : [];
  $("sheet").replaceChildren(
    element("h2", {}, `Cluster ${group.number}, ${group.size} photos`,
      ...(stands ? [element("span", { className: "stands" }, "You said ", chip(stands.label || "", worded(stands)))] : [])),
    ...(given.length ? [element("p", { className: "given" }, "Labelled ", ...given.map(([name, n]) => chip(name, `${name} ${n}`)))] : []),
    ...faces("Most central", group.central), ...faces("Most doubtful", group.doubtful));
}

function drawBeside(photo) {
  const groups = (photo.beside || []).map(({ label, photos }) =>
    element("section", {},
      element("h3", {}, "Labelled ", chip(label)),
      element("div", { className: "row" }, ...photos.map((id) =>
        element("img", { src: `/small/${id}.jpg`, alt: `A look-alike labelled ${label}`, width: 240, height: 240 })))));
  $("beside").replaceChildren(...(groups.length ? [element("h2", {}, "Looks most like"), ...groups] : []));
  document.body.classList.toggle("alone", !groups.length);
}

function drawClasses() {
  $("classes").replaceChildren(...page.state.classes.map((c) => {
    const keys = [c.digit, c.letter.toUpperCase()].filter(Boolean).map((key) => element("kbd", {}, key));
    const button = element("button", { type: "button", onclick: () => decide("label", c.name) },
      element("span", { className: "swatch" }), element("span", { className: "name" }, c.name),
      element("span", { className: "keys" }, ...keys));
    button.dataset.name = c.name;
    button.style.setProperty("--swatch", c.colour);
    return button;
  }));
  $("keep").hidden = page.state.blind;
}

function say(decision, text = "") {
  if (!decision) return void $("last").replaceChildren(text);
  const { given, why } = page.state.photos[decision.photo] || {};
  const changed = decision.action === "label" && given && given !== decision.label;
  const voted = decision.action === "label" && !page.reveal && why ? [element("span", {}, `${why}.`)] : [];
  $("last").replaceChildren("Last: ", ...(changed ? [chip(given), " → "] : []), chip(decision.label, worded(decision)), ...voted);
}

function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text;
}

// ---- summary

async function openSummary(finished) {
  drawSummary(finished);
  if (!$("summary").open) $("summary").showModal();
  await settled();
  await refresh().catch(() => {});
  drawSummary(finished);
}

function drawSummary(finished) {
  const { photos, groups, blind, labels, command, names, naming } = page.state;
  const ofGroups = Boolean(groupOf(current()));
  const all = [...page.decided.entries()].filter(([id]) => Boolean(groups[id]) === ofGroups);
  const count = (test) => all.filter(([id, d]) => test(d, photos[id])).length;
  const labelled = (test) => count((d, photo) => d.action === "label" && test(photo?.given === d.label));
  const tally = [
    ...(ofGroups ? [["named", labelled(() => true)]] : blind ? [["labelled", labelled(() => true)]]
      : [["label kept", labelled((same) => same)], ["label changed", labelled((same) => !same)]]),
    ["not a pet", count((d) => d.action === "exclude")],
    ["skipped", count((d) => d.action === "skip")],
  ];
  const skipped = page.queue.photos.filter(isSkipped).length;
  $("summary-title").textContent = finished ? `All of “${page.queue.title}” ${skipped ? "seen" : "decided"}` : "So far";
  $("again").hidden = !skipped;
  $("again").textContent = skipped === 1 ? "Look at the skipped one again" : `Look at the ${skipped} skipped ones again`;
  $("tally").replaceChildren(...tally.map(([name, n]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, String(n)))));
  $("agreement").replaceChildren(...(ofGroups ? [] : drawAgreement()));
  const several = !ofGroups && !blind && (page.reliability?.readers || 0) > 1;
  if (!several || !$("agreed")) $("consensus").replaceChildren(...(several ? drawConsensus() : []));
  $("use").replaceChildren(
    element("h3", {}, ofGroups ? "Label photos by these names" : "Use these labels"),
    element("p", { className: "small soft" }, "They are in ", element("code", {}, ofGroups ? names : labels), ". Your photos stay as they are."),
    element("pre", { tabIndex: 0 }, ofGroups ? naming : command));
}

function drawAgreement() {
  if (page.agreementHidden) {
    return [element("p", { className: "small soft" },
      "Agreement is shown when you have seen all photos of the first list: before, it would tell their labels.")];
  }
  const rows = (page.agreement || []).filter((a) => a.n > 0);
  if (!rows.length) return [];
  const number = (x) => (x === null ? "–" : x.toFixed(2).replace("-", "−"));
  const table = element("table", { className: "reflow" });
  const head = element("tr", {}, ...["readers", "n", "agree", "Cohen’s kappa", "95 % interval"].map((t, i) =>
    element("th", { scope: "col", className: i ? "num" : "" }, t)));
  table.append(element("thead", {}, head), element("tbody", {}, ...rows.map((a) => {
    const cells = [["n", String(a.n)], ["agree", `${Math.round((100 * a.agreed) / a.n)} %`], ["Cohen’s kappa", number(a.kappa)],
      ["95 % interval", a.kappa_ci ? `${number(a.kappa_ci[0])} to ${number(a.kappa_ci[1])}` : "–"]];
    return element("tr", {}, element("th", { scope: "row" }, `${a.first} and ${a.second}`), ...cells.map(([name, text]) => {
      const cell = element("td", { className: "num" }, text);
      cell.dataset.label = name;
      return cell;
    }));
  })));
  const r = page.reliability;
  const all = r && r.readers > 1 ? [element("p", { id: "alpha" }, r.alpha === null
    ? `${r.readers} readers gave ${r.n} photos one and the same label: Krippendorff’s alpha is not defined.`
    : `All ${r.readers} readers: Krippendorff’s alpha ${number(r.alpha)} (95 % interval ${number(r.alpha_ci[0])} to ` +
      `${number(r.alpha_ci[1])}) on ${r.n} photos that two or more read; ${r.unanimous} unanimous.`)] : [];
  return [element("h3", {}, "Agreement"), ...all, table];
}

// One label a photo out of what all readers said, written when asked for.
function drawConsensus() {
  const told = element("div", { id: "agreed", role: "status" });
  const write = element("button", { type: "button", className: "plain", onclick: async () => {
    try {
      const { path, photos, method } = await ask("/api/consensus", {});
      told.replaceChildren(
        element("p", { className: "small soft" }, `${photos} photos in `, element("code", {}, path), method === "crowdlab"
          ? ", by CROWDLAB: readers weigh by how often others confirm them, and the models have a vote too."
          : ", by the majority of the readers."),
        element("pre", { tabIndex: 0 }, page.state.consensus));
    } catch (error) { told.replaceChildren(element("p", {}, error.message)); }
  } }, "Write consensus.csv");
  return [element("h3", {}, "One label of all readers"), write, told];
}

// ---- keys and start

const ACTIONS = {
  " ": () => decide("skip"), Enter: keep, x: () => decide("exclude"), u: undo, z: undo, Backspace: undo,
  ArrowLeft: () => move(-1), ArrowRight: () => move(1),
};

function onKey(event) {
  if (event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
  if (page.view !== "photo" || $("summary").open || event.target.closest("select, input")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const chosen = page.state.classes.find((c) => c.digit === key || c.letter === key);
  const action = chosen ? () => decide("label", chosen.name) : ACTIONS[key];
  if (!action) return;
  event.preventDefault();
  action();
}

function listen() {
  document.addEventListener("keydown", onKey);
  $("queue").onchange = (event) => { chooseQueue(event.target.value); if (page.view === "photo") event.target.blur(); };
  $("reveal").onchange = (event) => {
    page.reveal = event.target.checked;
    try { localStorage.setItem(REVEAL, page.reveal ? "before" : "after"); } catch { /* private mode: for this tab alone */ }
    event.target.blur();
    draw();
  };
  $("again").onclick = againSkipped;
  for (const view of ["photo", "list", "map"]) {
    $(`to-${view}`).onclick = (event) => { showView(view); if (view === "photo") event.currentTarget.blur(); };
  }
  const buttons = { keep, undo, skip: () => decide("skip"), exclude: () => decide("exclude"), back: () => move(-1),
    next: () => move(1), "open-summary": () => openSummary(false) };
  for (const [id, work] of Object.entries(buttons)) {
    $(id).onclick = (event) => { work(); event.currentTarget.blur(); };
  }
  $("naming").onsubmit = (event) => {
    event.preventDefault();
    const name = $("name").value.trim();
    $("name").value = "";
    $("name").blur();
    if (name) decide("label", name);
  };
  $("photo").onerror = async (event) => {
    const id = event.target.dataset.id;
    event.target.hidden = true;
    $("gone").hidden = false;
    const told = await ask(event.target.src).catch((error) => error);
    if (current() === id) $("gone").textContent = told?.refused ? told.message : "The photo cannot be loaded.";
  };
  // another tab, or another server on the same run, may have decided meanwhile
  addEventListener("focus", () => { if (!page.pending.length) refresh().catch(() => {}); });
  addEventListener("beforeunload", (event) => { if (page.pending.length) event.preventDefault(); });
}

async function start() {
  const state = await ask("/api/state");
  page.state = state;
  try {
    page.pending = JSON.parse(sessionStorage.getItem(PENDING) || "[]").filter((d) => d.photo in state.photos || d.photo in state.groups);
  } catch { page.pending = []; }
  adopt(state);
  try { page.reveal = localStorage.getItem(REVEAL) === "before"; } catch { /* private mode: hidden */ }
  $("reveal").checked = page.reveal;
  $("choice").hidden = state.blind;
  $("to-map").hidden = !state.map;
  let chosen = [];
  try { chosen = JSON.parse(sessionStorage.getItem(CHOSEN) || "[]").filter((id) => id in state.photos); } catch { /* none */ }
  setChosen(chosen);
  drawClasses();
  listen();
  listenMap();
  const [queue, view] = location.hash.slice(1).split("/");
  chooseQueue(queue);
  showView(["list", "map"].includes(view) ? view : "photo");
  if (state.note) say(null, state.note);
  document.body.dataset.ready = "yes";
  document.body.dataset.saved = "yes";
  send();
}

start().catch((error) => trouble(`The page could not start: ${error.message}`));
