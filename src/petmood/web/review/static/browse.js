// The list and the map: many photos at once, to look over, to open, and to choose for a list of one's own.
"use strict";

const PER_PAGE = 60;
const NEAR = 14; // CSS pixels between a pointer and the photo that it means
const DOUBT = ["#3b528b", "#21918c", "#5ec962", "#c8e020", "#fde725"]; // of viridis: even steps, also to the colour-blind
const OTHERS = ["#4878d0", "#ee854a", "#6acc64", "#956cb4", "#8c613c", "#dc7ec0", "#82c6e2", "#d5bb67"];
const UNKNOWN = "#8b8b8b";

// ---- list

function drawList() {
  const ids = page.queue.photos, pages = Math.max(Math.ceil(ids.length / PER_PAGE), 1);
  const at = Math.min(Math.floor(page.at / PER_PAGE), pages - 1);
  const tiles = ids.slice(at * PER_PAGE, (at + 1) * PER_PAGE).map((id, i) => tile(id, at * PER_PAGE + i));
  const turn = (to, name, off) => element("button", { type: "button", className: "plain", disabled: off, onclick: () => {
    page.at = to * PER_PAGE;
    drawList();
    $("tiles-title").focus();
  } }, name);
  const title = element("h2", { id: "tiles-title", tabIndex: -1 }, pages > 1 ? `${page.queue.title}, page ${at + 1} of ${pages}` : page.queue.title);
  const pager = pages > 1 ? [element("nav", { className: "pager", ariaLabel: "Pages" },
    turn(at - 1, "Page before", at === 0), element("span", {}, `${at + 1} / ${pages}`), turn(at + 1, "Next page", at === pages - 1))] : [];
  $("list").replaceChildren(title, ids.length ? element("ol", { className: "tiles", start: at * PER_PAGE + 1 }, ...tiles)
    : element("p", { className: "soft" }, "There is no photo here."), ...pager);
}

function tile(id, index) {
  const group = groupOf(id), stands = page.decided.get(id), { given } = page.state.photos[id] || {};
  const face = group ? group.central[0] || group.doubtful[0] : id;
  const said = stands ? worded(stands) : "", label = isTold(id) && given ? given : "";
  const name = [group ? `Cluster ${group.number}` : `Photo ${index + 1}`, said ? `you said ${said}` : "not decided", label && `labelled ${label}`];
  return element("li", {}, element("button", { type: "button", ariaLabel: name.filter(Boolean).join(", "), onclick: () => {
    page.at = index;
    showView("photo");
  } }, element("img", { src: `/small/${face}.jpg`, alt: "", loading: "lazy", width: 240, height: 240 }),
  element("span", { className: "says" }, said ? chip(stands.label || "", said) : String(index + 1), ...(label && label !== said ? [element("span", { className: "soft" }, label)] : []))));
}

// ---- map

const map = { places: null, method: "", colour: "", chosen: new Set(), cursor: null, drag: null, box: null, groups: [] };

async function drawMap() {
  if (!map.places) {
    $("map-says").textContent = "Laying the photos out…";
    try {
      Object.assign(map, await ask("/api/map"));
    } catch (error) {
      $("map-says").textContent = error.message;
      return;
    }
    map.chosen = new Set(page.state.queues.find((q) => q.id === "chosen")?.photos || []);
    $("colour").replaceChildren(...colourings().map(([id, name]) => element("option", { value: id }, name)));
    map.colour = $("colour").value;
    $("map-says").textContent = "";
    $("how").textContent = `${Object.keys(map.places).length.toLocaleString("en")} photos, laid out by ${map.method} of what a network ` +
      "sees in them: near means alike, the directions mean nothing. Drag around photos to choose them.";
  }
  if (page.view !== "map") return;
  map.groups = grouped();
  drawLegend();
  paint();
}

// What points can be coloured by; a label that is hidden stays so here.
function colourings() {
  if (page.state.blind) return [["said", "What I said"]];
  const { photos, groups } = page.state;
  const all = Object.values(photos), any = (key) => all.some((photo) => photo[key] || photo[key] === 0);
  return [["said", "What I said"], ...(any("given") ? [["given", "Label"]] : []), ...(any("doubt") ? [["doubt", "Suspicion"]] : []),
    ...(any("split") ? [["split", "Split"]] : []), ...(any("cluster") && Object.keys(groups).length ? [["cluster", "Cluster"]] : []),
    ["files", "Size of family"]];
}

// The categories of the chosen colouring in order: name, colour, photos.
function grouped() {
  const { photos, classes } = page.state, found = new Map();
  const put = (name, colour, order, id) => {
    if (!found.has(name)) found.set(name, { name, colour, order, ids: [] });
    found.get(name).ids.push(id);
  };
  const splits = [...new Set(Object.values(photos).map((photo) => photo.split))].sort();
  for (const id of Object.keys(map.places)) {
    const photo = photos[id] || {}, stands = page.decided.get(id);
    if (map.colour === "said" || map.colour === "given") {
      const name = map.colour === "said" ? (isDecided(id) ? worded(stands) : "") : isTold(id) ? photo.given : "";
      const at = classes.findIndex((c) => c.name === name);
      put(name || (map.colour === "said" ? "not decided" : "hidden until you decide"), classes[at]?.colour || (name ? "#1d1c1a" : UNKNOWN), at < 0 ? 99 : at, id);
    } else if (map.colour === "doubt") {
      const step = photo.doubt === null || photo.doubt === undefined ? -1 : Math.min(Math.floor(photo.doubt * 5), 4);
      put(step < 0 ? "not known" : `${20 * step} to ${20 * step + 20} %`, step < 0 ? UNKNOWN : DOUBT[step], -step, id);
    } else if (map.colour === "cluster") {
      put(`Cluster ${photo.cluster}`, OTHERS[(photo.cluster - 1) % OTHERS.length], photo.cluster, id);
    } else if (map.colour === "split") {
      put(photo.split || "none", OTHERS[splits.indexOf(photo.split) % OTHERS.length], splits.indexOf(photo.split), id);
    } else {
      const step = photo.files === 1 ? 0 : photo.files <= 3 ? 1 : photo.files <= 9 ? 2 : 4;
      put(["1 file", "2 or 3 files", "4 to 9 files", "", "10 files or more"][step], DOUBT[step], step, id);
    }
  }
  return [...found.values()].sort((a, b) => a.order - b.order);
}

function drawLegend() {
  $("legend").replaceChildren(...map.groups.map((group) => {
    const all = group.ids.every((id) => map.chosen.has(id));
    const swatch = element("span", { className: "swatch" });
    swatch.style.setProperty("--swatch", group.colour);
    return element("li", {}, element("button", { type: "button", ariaPressed: String(all), ariaLabel: `Choose ${group.ids.length} photos: ${group.name}`, onclick: () => {
      choose(group.ids, !all);
      [...$("legend").querySelectorAll("button")][map.groups.findIndex((g) => g.name === group.name)]?.focus();
    } }, swatch, element("span", {}, group.name), element("span", { className: "soft" }, String(group.ids.length))));
  }));
  const n = map.chosen.size;
  $("chosen-count").textContent = n === 1 ? "1 photo chosen" : `${n} photos chosen`;
  $("review-chosen").disabled = $("clear-chosen").disabled = !n;
}

function choose(ids, on = true) {
  for (const id of ids) map.chosen[on ? "add" : "delete"](id);
  setChosen([...map.chosen]);
  drawLegend();
  paint();
}

// Place of a photo in CSS pixels of the canvas.
function spot(id) {
  const { width, height } = map.box, pad = 18;
  return [pad + map.places[id][0] * (width - 2 * pad), pad + map.places[id][1] * (height - 2 * pad)];
}

function paint() {
  const canvas = $("plane"), box = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  map.box = box;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const pen = canvas.getContext("2d"), look = getComputedStyle(canvas);
  const [ink, surface, accent] = ["--ink", "--surface", "--accent"].map((name) => look.getPropertyValue(name).trim());
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const size = Math.max(2.5, Math.min(6, 90 / Math.sqrt(Object.keys(map.places).length + 1)));
  const dot = (id, radius, fill, line, width) => {
    pen.beginPath();
    pen.arc(...spot(id), radius, 0, 2 * Math.PI);
    pen.fillStyle = fill;
    pen.strokeStyle = line;
    pen.lineWidth = width;
    pen.fill();
    pen.stroke();
  };
  for (const group of map.groups) for (const id of group.ids) {
    const on = map.chosen.has(id);
    dot(id, on ? size + 1.5 : size, group.colour, on ? ink : surface, on ? 2.5 : 1);
  }
  if (map.cursor) dot(map.cursor, size + 4, "transparent", accent, 3);
  if (map.drag?.path.length > 1) {
    pen.beginPath();
    map.drag.path.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.strokeStyle = accent;
    pen.lineWidth = 2;
    pen.setLineDash([6, 4]);
    pen.stroke();
    pen.setLineDash([]);
  }
}

function inside([x, y], path) {
  let is = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [ax, ay] = path[i], [bx, by] = path[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) is = !is;
  }
  return is;
}

function nearest([x, y], most = Infinity) {
  let best = null, least = most;
  for (const id of Object.keys(map.places)) {
    const [px, py] = spot(id), far = Math.hypot(px - x, py - y);
    if (far < least) [best, least] = [id, far];
  }
  return best;
}

function told(id) {
  const photo = page.state.photos[id] || {}, stands = page.decided.get(id);
  const doubt = isTold(id) && typeof photo.doubt === "number" ? `suspicion ${Math.round(100 * photo.doubt)} %` : "";
  return [stands ? `you said ${worded(stands)}` : "not decided", isTold(id) && photo.given ? `labelled ${photo.given}` : "", doubt,
    photo.split, photo.files > 1 ? `${photo.files} files` : "", map.chosen.has(id) ? "chosen" : ""].filter(Boolean).join(", ");
}

function point(id, speak = false) {
  map.cursor = id;
  $("tip").hidden = !id;
  if (id) {
    const [x, y] = spot(id), wide = $("tip").offsetWidth;
    if ($("tip-photo").dataset.id !== id) Object.assign($("tip-photo"), { src: `/small/${id}.jpg` }).dataset.id = id;
    $("tip-says").textContent = told(id);
    $("tip").style.left = `${Math.min(Math.max(x - wide / 2, 0), Math.max(map.box.width - wide, 0))}px`;
    $("tip").style.top = y > map.box.height / 2 ? `${y - 16}px` : `${y + 16}px`;
    $("tip").classList.toggle("above", y > map.box.height / 2);
    if (speak) $("map-says").textContent = `Photo ${Object.keys(map.places).indexOf(id) + 1}: ${told(id)}`;
  }
  paint();
}

// The photo that lies next in a direction, as the arrow keys mean it.
function step(dx, dy) {
  if (!map.cursor) return point(nearest([map.box.width / 2, map.box.height / 2]), true);
  const [x, y] = spot(map.cursor);
  let best = null, least = Infinity;
  for (const id of Object.keys(map.places)) {
    const [px, py] = spot(id), along = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    const cost = along + 2 * aside;
    if (id !== map.cursor && along > 0.5 && cost < least) [best, least] = [id, cost];
  }
  if (best) point(best, true);
}

function look(id) {
  const everything = page.state.queues.find((q) => q.id === "all");
  page.queue = page.queue.photos.includes(id) ? page.queue : everything;
  page.at = page.queue.photos.indexOf(id);
  $("queue").value = page.queue.id;
  showView("photo");
}

function listenMap() {
  const plane = $("plane");
  const at = (event) => [event.clientX - map.box.left, event.clientY - map.box.top];
  $("colour").onchange = (event) => { map.colour = event.target.value; drawMap(); };
  $("review-chosen").onclick = () => { chooseQueue("chosen"); showView("photo"); };
  $("clear-chosen").onclick = () => { choose([...map.chosen], false); plane.focus(); };
  plane.onpointerdown = (event) => {
    if (!map.places) return;
    map.box = plane.getBoundingClientRect();
    point(null);
    map.drag = { path: [at(event)] };
    try { plane.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone again */ }
  };
  plane.onpointermove = (event) => {
    if (!map.places) return;
    map.box = plane.getBoundingClientRect();
    if (!map.drag) return point(nearest(at(event), NEAR));
    map.drag.path.push(at(event));
    paint();
  };
  plane.onpointerup = (event) => {
    const path = map.drag?.path || [];
    map.drag = null;
    if (!path.length) return;
    const [x, y] = path[0], far = Math.max(...path.map(([px, py]) => Math.hypot(px - x, py - y)));
    if (far > 5) choose(Object.keys(map.places).filter((id) => inside(spot(id), path)));
    else {
      const id = nearest(at(event), NEAR);
      if (id) choose([id], !map.chosen.has(id));
      point(id, Boolean(id));
    }
  };
  plane.onpointercancel = () => { map.drag = null; paint(); };
  plane.onpointerleave = () => { if (!map.drag && document.activeElement !== plane) point(null); };
  plane.ondblclick = (event) => { const id = nearest(at(event), NEAR); if (id) look(id); };
  plane.onkeydown = (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!map.places || event.altKey || event.ctrlKey || event.metaKey) return;
    if (move) step(...move);
    else if (event.key === " " && map.cursor) {
      choose([map.cursor], !map.chosen.has(map.cursor));
      point(map.cursor, true);
    } else if (event.key === "Enter" && map.cursor) look(map.cursor);
    else return;
    event.preventDefault();
  };
  new ResizeObserver(() => { if (page.view === "map" && map.places) paint(); }).observe(plane);
  matchMedia("(prefers-color-scheme: dark)").onchange = () => { if (page.view === "map" && map.places) paint(); };
}
