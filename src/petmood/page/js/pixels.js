// A picture, or a part of it -> the pixels that the model reads and their measures, as petmood's own decoder makes them.

const PRECISION = 22; // bits of the fixed-point weights by which Pillow resizes
const LOBES = 3;
const MOST = 16e6; // pixels that every browser's canvas holds; larger pictures are reduced first

/** A file that holds a picture -> an ImageBitmap, upright; throws on what the browser cannot read. */
export async function decode(blob) {
  // no colour management: the training photos were read without it
  return createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none" });
}

/** The size of whatever can be drawn: {width, height}. */
export function sizeOf(drawable) {
  return {
    width: drawable.videoWidth || drawable.naturalWidth || drawable.width,
    height: drawable.videoHeight || drawable.naturalHeight || drawable.height,
  };
}

/**
 * A bitmap, canvas, image or video frame -> {pixels: Uint8Array of size x size RGB, size, width, height, sharpness, brightness, box}.
 * input: facts.model.input; box: {x, y, width, height} in shares of the picture; the whole picture if null. width and height are those of the part.
 */
export function prepare(drawable, input, box = null) {
  const part = cut(drawable, box), { size } = input, pixels = shrunk(part, size, size, input);
  return { pixels, size, width: part.width, height: part.height, box, ...measure(pixels, size) };
}

/**
 * What a detector is to see of a picture: {pixels, width, height}, stretched to a square of its size, or with the proportions
 * kept ("letterbox"). detector: facts.host.detector; input: facts.model.input.
 */
export function fitted(drawable, { size, fit, kept }, input) {
  const part = cut(drawable, null), scale = size / Math.max(part.width, part.height);
  const [width, height] = fit === "letterbox" ? [part.width, part.height].map((side) => Math.max(1, Math.floor(side * scale + 0.5))) : [size, size];
  return { pixels: shrunk(part, width, height, { ...input, kept }), width, height };
}

// A part of a picture as RGB pixels: {rgb, across, down}, and the size {width, height} that it has in the picture.
function cut(drawable, box) {
  const whole = sizeOf(drawable), edge = (share, side) => Math.floor(share * side + 0.5);
  const left = box ? Math.min(edge(box.x, whole.width), whole.width - 1) : 0, top = box ? Math.min(edge(box.y, whole.height), whole.height - 1) : 0;
  const width = box ? Math.min(whole.width - left, Math.max(1, edge(box.width, whole.width))) : whole.width;
  const height = box ? Math.min(whole.height - top, Math.max(1, edge(box.height, whole.height))) : whole.height;
  const shrink = Math.min(1, Math.sqrt(MOST / (width * height)));
  const across = Math.max(1, Math.round(width * shrink)), down = Math.max(1, Math.round(height * shrink));
  const context = canvasOf(across, down).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, across, down);
  context.imageSmoothingQuality = "high";
  context.drawImage(drawable, left, top, width, height, 0, 0, across, down);
  return { rgb: rgbOf(context.getImageData(0, 0, across, down).data), across, down, width, height };
}

function shrunk({ rgb, across, down, width, height }, wide, high, { tall_first: tallFirst, large = Infinity, kept = 1 }) {
  // large pictures are made smaller in whole steps first, as petmood's decoder does to spare memory
  const factor = width * height > large ? Math.max(1, Math.trunc(Math.min(across, down) / kept)) : 1;
  return resize(reduce(rgb, across, down, factor), Math.ceil(across / factor), Math.ceil(down / factor), wide, tallFirst, high);
}

/** RGB pixels as a PNG file, without loss. */
export async function pngOf(pixels, width, height = width) {
  const canvas = canvasOf(width, height), context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let from = 0, to = 0; from < pixels.length; to += 4) {
    image.data[to] = pixels[from++];
    image.data[to + 1] = pixels[from++];
    image.data[to + 2] = pixels[from++];
    image.data[to + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** A canvas that is not on the page. */
export const canvasOf = (width, height) => new OffscreenCanvas(width, height);

function rgbOf(rgba) {
  const rgb = new Uint8Array(rgba.length / 4 * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from];
    rgb[to++] = rgba[from + 1];
    rgb[to++] = rgba[from + 2];
  }
  return rgb;
}

/** RGB pixels by the mean of squares of `factor` pixels, those at the right and lower edge of what is left, as Pillow does. */
export function reduce(rgb, width, height, factor) {
  if (factor === 1) return rgb;
  const across = Math.ceil(width / factor), target = new Uint8Array(across * Math.ceil(height / factor) * 3);
  for (let y = 0, to = 0; y < height; y += factor) {
    const rows = Math.min(factor, height - y);
    for (let x = 0; x < width; x += factor) {
      const columns = Math.min(factor, width - x), n = rows * columns;
      const scale = Math.trunc(2 ** 24 / n);
      for (let c = 0; c < 3; c++) {
        let sum = Math.trunc(n / 2);
        for (let row = y; row < y + rows; row++) {
          for (let column = x; column < x + columns; column++) sum += rgb[(row * width + column) * 3 + c];
        }
        target[to++] = Math.trunc(sum * scale / 2 ** 24);
      }
    }
  }
  return target;
}

/**
 * RGB pixels resized to wide x high with Lanczos, bit for bit as Pillow does: along one direction, rounded to bytes, then along
 * the other. tallFirst: whether the Pillow that read the training photos goes down first in what has more to lose there.
 */
export function resize(rgb, width, height, wide, tallFirst = true, high = wide) {
  const across = (pixels, lines) => (width === wide ? pixels : pass(pixels, lines, weights(width, wide), (y, x) => (y * width + x) * 3, wide));
  const down = (pixels, columns) => (height === high ? pixels
    : turned(pass(pixels, columns, weights(height, high), (x, y) => (y * columns + x) * 3, high), columns, high));
  if (tallFirst && height > high && height - high > 2 * (width - wide)) return across(down(rgb, width), high);
  return down(across(rgb, height), wide);
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

// What was made column by column, line by line.
function turned(made, columns, lines) {
  const found = new Uint8Array(made.length);
  for (let x = 0; x < columns; x++) {
    for (let y = 0; y < lines; y++) {
      for (let c = 0; c < 3; c++) found[(y * columns + x) * 3 + c] = made[(x * lines + y) * 3 + c];
    }
  }
  return found;
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
