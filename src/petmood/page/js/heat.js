// A map over a photo, in the colours that petmood's sheets have too.

/** Draw `drawable`'s part `box` (shares, or null) into a canvas of width x height under a map; scale: facts.heat. */
export function paintHeat(canvas, drawable, whole, box, values, scale) {
  const { width, height } = canvas, context = canvas.getContext("2d", { willReadFrequently: true });
  const part = box ?? { x: 0, y: 0, width: 1, height: 1 };
  context.drawImage(drawable, part.x * whole.width, part.y * whole.height, part.width * whole.width, part.height * whole.height,
    0, 0, width, height);
  const image = context.getImageData(0, 0, width, height), data = image.data;
  const [low, high] = scale.grey, most = Math.max(1e-12, ...values.flat()), field = smooth(values, width, height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const heat = Math.min(1, Math.max(0, field[y * width + x] / most));
      const colour = colourOf(heat, scale), opacity = scale.strength * Math.min(1, scale.rise * heat);
      const grey = (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) / 255 * (high - low) + low;
      for (let c = 0; c < 3; c++) {
        const under = scale.kept * data[at + c] + (1 - scale.kept) * grey;
        data[at + c] = (1 - opacity) * under + opacity * colour[c];
      }
    }
  }
  context.putImageData(image, 0, 0);
}

/** The scale itself, from nothing to the most, over a middling grey. */
export function paintLegend(canvas, scale) {
  const { width, height } = canvas, context = canvas.getContext("2d");
  const [low, high] = scale.grey, grey = 128 / 255 * (high - low) + low;
  const under = scale.kept * 128 + (1 - scale.kept) * grey;
  for (let x = 0; x < width; x++) {
    const heat = x / (width - 1), opacity = scale.strength * Math.min(1, scale.rise * heat);
    const mixed = colourOf(heat, scale).map((value) => Math.round((1 - opacity) * under + opacity * value));
    context.fillStyle = `rgb(${mixed.join(" ")})`;
    context.fillRect(x, 0, 1, height);
  }
}

/** RGB of a value from 0 to 1, between the anchors of the scale. */
export function colourOf(heat, scale) {
  const anchors = scale.colours, place = Math.min(1, Math.max(0, heat)) * (anchors.length - 1);
  const below = Math.min(anchors.length - 2, Math.floor(place)), part = place - below;
  return anchors[below].map((value, c) => value + part * (anchors[below + 1][c] - value));
}

// What is negative counts as nothing; between the middles of places values follow cubics, as Pillow's do.
function smooth(values, width, height) {
  const rows = values.length, columns = values[0].length;
  const across = taps(columns, width), down = taps(rows, height);
  const field = new Float64Array(width * height), lines = values.map((line) => line.map((value) => Math.max(0, value)));
  const wide = lines.map((line) => across.map((row) => row.reduce((sum, [i, weight]) => sum + weight * line[i], 0)));
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      let sum = 0;
      for (const [i, weight] of down[y]) sum += weight * wide[i][x];
      field[at] = sum;
    }
  }
  return field;
}

// For each of `after` places the samples that it is made of, with weights that add up to one.
function taps(before, after) {
  return Array.from({ length: after }, (_, place) => {
    const centre = (place + 0.5) * before / after - 0.5, first = Math.floor(centre) - 1;
    const found = [0, 1, 2, 3].map((i) => [first + i, cubic(Math.abs(first + i - centre))]).filter(([i]) => i >= 0 && i < before);
    const sum = found.reduce((total, [, weight]) => total + weight, 0);
    return found.map(([i, weight]) => [i, weight / sum]);
  });
}

function cubic(x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}
