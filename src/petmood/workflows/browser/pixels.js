// A picture file -> the pixels that the model reads and their measures, as petmood's own decoder makes them.

const PRECISION = 22; // bits of the fixed-point weights by which Pillow resizes
const LOBES = 3;
const MOST_PIXELS = 100e6;

/** A file -> {pixels: Uint8Array of size x size RGB, width, height, sharpness, brightness}; throws on what is no picture. */
export async function prepare(blob, size) {
  // no colour management: the training photos were read without it
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw new Error("too many pixels");
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const pixels = resize(rgbOf(context.getImageData(0, 0, width, height).data), width, height, size);
  return { pixels, width, height, ...measure(pixels, size) };
}

function rgbOf(rgba) {
  const rgb = new Uint8Array(rgba.length / 4 * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from];
    rgb[to++] = rgba[from + 1];
    rgb[to++] = rgba[from + 2];
  }
  return rgb;
}

/** RGB pixels resized to a square with Lanczos, bit for bit as Pillow does: across, rounded to bytes, then down. */
export function resize(rgb, width, height, size) {
  const across = width === size ? rgb : pass(rgb, height, weights(width, size), (y, x) => (y * width + x) * 3, size);
  return height === size ? across : turned(pass(across, size, weights(height, size), (x, y) => (y * size + x) * 3, size), size);
}

// One line after another is resampled; `at` tells where the sample of a line begins.
function pass(source, lines, rows, at, size) {
  const target = new Uint8Array(lines * size * 3);
  for (let line = 0, to = 0; line < lines; line++) {
    for (const { first, weights: row } of rows) {
      let red = 1 << (PRECISION - 1), green = red, blue = red;
      for (let i = 0; i < row.length; i++) {
        const from = at(line, first + i), weight = row[i];
        red += source[from] * weight;
        green += source[from + 1] * weight;
        blue += source[from + 2] * weight;
      }
      target[to++] = clip(red);
      target[to++] = clip(green);
      target[to++] = clip(blue);
    }
  }
  return target;
}

const clip = (sum) => Math.min(255, Math.max(0, sum >> PRECISION));

function turned(columns, size) {
  const rows = new Uint8Array(columns.length);
  for (let x = 0; x < size; x++) {
    for (let y = 0; y < size; y++) {
      for (let c = 0; c < 3; c++) rows[(y * size + x) * 3 + c] = columns[(x * size + y) * 3 + c];
    }
  }
  return rows;
}

function weights(before, after) {
  const scale = before / after, wide = Math.max(1, scale), support = LOBES * wide;
  return Array.from({ length: after }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(before, Math.trunc(centre + support + 0.5));
    const exact = Array.from({ length: last - first }, (_, i) => lanczos((first + i - centre + 0.5) / wide));
    const sum = exact.reduce((a, b) => a + b, 0);
    const fixed = exact.map((weight) => {
      const value = weight / sum * 2 ** PRECISION;
      return Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
    });
    return { first, weights: Int32Array.from(fixed) };
  });
}

function lanczos(x) {
  return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Standard deviation of the Laplacian, and mean, of the grey pixels. */
function measure(rgb, size) {
  const grey = new Float64Array(size * size);
  for (let i = 0; i < grey.length; i++) grey[i] = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
  let sum = 0, squares = 0;
  for (let y = 1; y < size - 1; y++) {
    for (let x = 1; x < size - 1; x++) {
      const at = y * size + x;
      const value = grey[at - size] + grey[at + size] + grey[at - 1] + grey[at + 1] - 4 * grey[at];
      sum += value;
      squares += value * value;
    }
  }
  const n = (size - 2) ** 2;
  return { sharpness: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)), brightness: grey.reduce((a, b) => a + b) / grey.length };
}
