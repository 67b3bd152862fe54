// Boxes around animals, in shares of the photo: their geometry, and drawing and moving them by pointer, touch and keys.

const LEAST = 0.06; // side of the smallest box
const STEP = 0.02; // of a key press
const CORNERS = ["nw", "ne", "sw", "se"];

/** A box of at least the least size, inside the photo. */
export function fitted({ x, y, width, height }) {
  const w = Math.min(1, Math.max(LEAST, width)), h = Math.min(1, Math.max(LEAST, height));
  return { x: Math.min(1 - w, Math.max(0, x)), y: Math.min(1 - h, Math.max(0, y)), width: w, height: h };
}

/** The box between two points. */
export function between(a, b) {
  return fitted({ x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) });
}

/** A box around the region of a map that holds its largest value, with some room about it; the middle without a map. */
export function suggested(values) {
  if (!values) return fitted({ x: 0.2, y: 0.2, width: 0.6, height: 0.6 });
  const rows = values.length, columns = values[0].length, most = Math.max(...values.flat());
  const hot = (row, column) => values[row]?.[column] >= most / 2;
  const start = values.findIndex((line) => line.includes(most));
  const todo = [[start, values[start].indexOf(most)]], seen = new Set();
  const edges = { top: rows, left: columns, bottom: 0, right: 0 };
  while (todo.length) {
    const [row, column] = todo.pop(), key = row * columns + column;
    if (seen.has(key) || !hot(row, column)) continue;
    seen.add(key);
    edges.top = Math.min(edges.top, row);
    edges.left = Math.min(edges.left, column);
    edges.bottom = Math.max(edges.bottom, row + 1);
    edges.right = Math.max(edges.right, column + 1);
    todo.push([row - 1, column], [row + 1, column], [row, column - 1], [row, column + 1]);
  }
  const room = 0.5; // places
  return fitted({
    x: (edges.left - room) / columns,
    y: (edges.top - room) / rows,
    width: (edges.right - edges.left + 2 * room) / columns,
    height: (edges.bottom - edges.top + 2 * room) / rows,
  });
}

/** What a key does to a box: arrows move, with Shift they resize, + and - grow and shrink. Null for other keys. */
export function pressed(box, key, resizes) {
  const move = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[key];
  if (move && resizes) return fitted({ ...box, width: box.width + move[0], height: box.height + move[1] });
  if (move) return fitted({ ...box, x: box.x + move[0], y: box.y + move[1] });
  const grow = { "+": STEP, "=": STEP, "-": -STEP }[key];
  if (!grow) return null;
  return fitted({ x: box.x - grow, y: box.y - grow, width: box.width + 2 * grow, height: box.height + 2 * grow });
}

/**
 * Edits boxes over a layer that covers the photo. Calls: onDraw(box) after one was drawn, onChange(number, box) after one was
 * moved or resized, onRemove(number), onPick(number).
 */
export class BoxEditor {
  constructor(layer, calls) {
    this.layer = layer;
    this.calls = calls;
    this.boxes = [];
    layer.addEventListener("pointerdown", (event) => this.#begin(event));
  }

  /** While on, a drag over the photo draws a box, and does not scroll the page. */
  set drawing(on) {
    this.layer.classList.toggle("drawing", on);
  }

  get drawing() {
    return this.layer.classList.contains("drawing");
  }

  /** Show boxes; `picked` is the number of the one whose answer is shown, or -1. */
  show(boxes, picked) {
    const focused = [...this.layer.children].indexOf(document.activeElement);
    this.boxes = boxes;
    this.layer.replaceChildren(...boxes.map((box, number) => this.#element(box, number, number === picked)));
    if (focused >= 0) this.layer.children[Math.min(focused, boxes.length - 1)]?.focus();
  }

  focus(number) {
    this.layer.children[number]?.focus();
  }

  #element(box, number, picked) {
    const element = document.createElement("div");
    element.className = picked ? "box picked" : "box";
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-roledescription", "movable box");
    element.setAttribute("aria-label", `Box ${number + 1}${box.label ? `, ${box.label}` : ""}. Arrow keys move it, with Shift they resize it, plus and minus scale it, Delete removes it.`);
    place(element, box);
    const label = document.createElement("span");
    label.className = "number";
    label.textContent = number + 1;
    label.setAttribute("aria-hidden", "true");
    element.append(label, ...CORNERS.map((corner) => {
      const handle = document.createElement("i");
      handle.className = corner;
      handle.dataset.corner = corner;
      return handle;
    }));
    element.addEventListener("focus", () => this.calls.onPick(number));
    element.addEventListener("keydown", (event) => this.#key(event, element, number));
    return element;
  }

  #key(event, element, number) {
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.calls.onRemove(number);
      return;
    }
    const moved = pressed(this.boxes[number], event.key, event.shiftKey);
    if (!moved) return;
    event.preventDefault();
    this.boxes[number] = moved;
    place(element, moved);
    clearTimeout(this.settling);
    // a held key moves the box many times, and is to be read once
    this.settling = setTimeout(() => this.calls.onChange(number, moved), 250);
  }

  #begin(event) {
    if (event.button) return;
    const element = this.drawing ? null : event.target.closest(".box"), number = [...this.layer.children].indexOf(element);
    if (number < 0 && !this.drawing) return;
    event.preventDefault();
    const start = this.#point(event), corner = event.target.dataset.corner;
    const before = number < 0 ? null : { ...this.boxes[number] };
    let shown = element, box = before;
    if (!shown) {
      shown = document.createElement("div");
      shown.className = "box picked";
      this.layer.append(shown);
    } else {
      shown.focus();
      shown = this.layer.children[number];
    }
    const move = (next) => {
      const at = this.#point(next);
      if (!before) box = between(start, at);
      else if (corner) box = between(at, opposite(before, corner));
      else box = fitted({ ...before, x: before.x + at.x - start.x, y: before.y + at.y - start.y });
      place(shown, box);
    };
    const end = (next) => {
      for (const [name, call] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) this.layer.removeEventListener(name, call);
      if (!before) {
        shown.remove();
        const far = box && next.type === "pointerup" && (box.width > LEAST || box.height > LEAST);
        if (far) this.calls.onDraw(box);
      } else if (box.x !== before.x || box.y !== before.y || box.width !== before.width || box.height !== before.height) {
        this.boxes[number] = box;
        this.calls.onChange(number, box);
      }
    };
    this.layer.setPointerCapture(event.pointerId);
    this.layer.addEventListener("pointermove", move);
    this.layer.addEventListener("pointerup", end);
    this.layer.addEventListener("pointercancel", end);
  }

  #point(event) {
    const { left, top, width, height } = this.layer.getBoundingClientRect();
    return { x: Math.min(1, Math.max(0, (event.clientX - left) / width)), y: Math.min(1, Math.max(0, (event.clientY - top) / height)) };
  }
}

function opposite(box, corner) {
  return { x: corner.includes("w") ? box.x + box.width : box.x, y: corner.includes("n") ? box.y + box.height : box.y };
}

function place(element, box) {
  for (const [side, share] of [["left", box.x], ["top", box.y], ["width", box.width], ["height", box.height]]) {
    element.style[side] = `${100 * share}%`;
  }
}
