// A picture's pixels -> changed copies of it, and the answers to these -> occlusion map and background test.
import { say } from "./words.js";

/** Places of the occlusion map along each side. */
export const GRID = 7;
const FACE = 0.8; // axes of the ellipse taken for the face, as shares of the side
const STILL = 0.05; // total variation under which hiding a part is said to change nothing
const PASSES = 3; // box blurs that make Pillow's Gaussian blur

// as Python rounds: halves to the even number
function even(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

function meanOf(pixels) {
  const sums = [0, 0, 0];
  for (let i = 0; i < pixels.length; i++) sums[i % 3] += pixels[i];
  return sums.map((sum) => Math.trunc(sum / (pixels.length / 3)));
}

/** The picture with one place covered by its mean colour; `place` from 0 to GRID * GRID - 1. */
export function covered(pixels, size, place) {
  const mean = meanOf(pixels), step = size / GRID, row = Math.floor(place / GRID), column = place % GRID;
  const [top, left] = [row, column].map((i) => Math.max(0, even((i - 0.25) * step)));
  const [bottom, right] = [row, column].map((i) => Math.min(size, even((i + 1.25) * step)));
  const found = pixels.slice();
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) found.set(mean, (y * size + x) * 3);
  }
  return found;
}

/** Three pictures: background blurred, background masked, face masked. */
export function hidden(pixels, size) {
  const mean = meanOf(pixels), blur = blurred(pixels, size, size / 16);
  const [soft, bare, faceless] = [0, 1, 2].map(() => pixels.slice());
  const axis = Array.from({ length: size }, (_, i) => (i + 0.5) / size * 2 - 1);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = (y * size + x) * 3;
      if (axis[y] ** 2 + axis[x] ** 2 <= FACE ** 2) {
        faceless.set(mean, at);
      } else {
        soft.set(blur.subarray(at, at + 3), at);
        bare.set(mean, at);
      }
    }
  }
  return [soft, bare, faceless];
}

/** Rows of the probability of a class lost when each place is covered. rows: a list of probabilities a place. */
export function occlusionOf(whole, rows, column) {
  const lost = rows.map((row) => whole[column] - row[column]);
  return Array.from({ length: GRID }, (_, i) => lost.slice(i * GRID, (i + 1) * GRID));
}

/** The background test; rows: the probabilities of the pictures of `hidden`. */
export function backgroundOf(whole, rows, column) {
  const moved = (row) => row.reduce((sum, value, i) => sum + Math.abs(whole[i] - value), 0) / 2;
  const background = moved(rows[1]), face = moved(rows[2]);
  const reliance = background + face ? background / (background + face) : 0;
  return {
    probability: whole[column],
    background_blurred: rows[0][column],
    background_masked: rows[1][column],
    face_masked: rows[2][column],
    reliance,
    sentence: say(`background.${leaning(background, face, reliance)}`),
  };
}

function leaning(background, face, reliance) {
  if (Math.max(background, face) < STILL) return "neither";
  if (reliance < 1 / 3) return "face";
  return reliance <= 2 / 3 ? "both" : "leans";
}

/** Pillow's Gaussian blur, bit for bit from sigma 4 on: three box blurs along lines, then three along columns. */
export function blurred(pixels, size, sigma) {
  const variance = sigma * sigma / PASSES;
  const whole = Math.floor((Math.sqrt(12 * variance + 1) - 1) / 2);
  const part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) / (6 * (variance - (whole + 1) ** 2));
  const radius = Math.fround(whole + part), inside = Math.trunc(radius);
  const weight = Math.trunc(2 ** 24 / (radius * 2 + 1));
  const edge = Math.trunc((2 ** 24 - (inside * 2 + 1) * weight) / 2);
  const lines = new Uint8Array(pixels), line = new Uint8Array(size);
  const along = (first, step) => {
    for (let n = 0; n < PASSES; n++) {
      for (let i = 0; i < size; i++) line[i] = lines[first + i * step];
      const at = (i) => line[Math.min(size - 1, Math.max(0, i))];
      let sum = 0;
      for (let i = -inside; i <= inside; i++) sum += at(i);
      for (let i = 0; i < size; i++) {
        const value = sum * weight + (at(i - inside - 1) + at(i + inside + 1)) * edge + 2 ** 23;
        lines[first + i * step] = Math.floor(value / 2 ** 24);
        sum += at(i + inside + 1) - at(i - inside);
      }
    }
  };
  for (let y = 0; y < size; y++) for (let c = 0; c < 3; c++) along(y * size * 3 + c, 3);
  for (let x = 0; x < size; x++) for (let c = 0; c < 3; c++) along(x * 3 + c, size * 3);
  return lines;
}
