// Small parts that all views are built from: elements, bars of moods, errors in words.
import { share } from "./words.js";

export const byId = (id) => document.getElementById(id);

/** An element with text and classes. */
export function make(tag, text, ...classes) {
  const element = document.createElement(tag);
  if (text !== undefined && text !== null) element.textContent = text;
  element.classList.add(...classes);
  return element;
}

export function makeSvg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Items of a list of bars; moods: [{name, share, held, low?, high?}]. A range is drawn as a line over the bar. */
export function bars(moods) {
  return moods.map(({ name, share: value, held, low, high }) => {
    const item = make("li"), meter = make("progress"), track = make("span", null, "track");
    meter.max = 1;
    meter.value = value;
    meter.setAttribute("aria-label", low === undefined ? `${name}: ${share(value)}` : `${name}: ${share(value)}, frames ${share(low)} to ${share(high)}`);
    track.append(meter);
    if (low !== undefined) {
      const range = make("span", null, "range");
      range.style.left = `${100 * low}%`;
      range.style.width = `${100 * (high - low)}%`;
      track.append(range);
    }
    item.append(make("span", name, "name", held ? "in" : "out"), track, make("span", share(value), "share"));
    return item;
  });
}

/** A prediction's moods for `bars`, the most probable first. */
export function moodsOf(prediction) {
  const held = new Set(prediction.prediction_set ?? [prediction.mood]);
  return Object.entries(prediction.probabilities).sort((a, b) => b[1] - a[1]).map(([name, value]) => ({ name, share: value, held: held.has(name) }));
}

/** Tell screen readers; `text` is not shown. */
export function announce(text) {
  byId("say").textContent = text;
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Show a problem, or none if the text is empty. */
export function complain(text) {
  byId("problem").textContent = capital(text);
  byId("problem").hidden = !text;
}

/** Whether a file is in Apple's format, by its name or its type. */
export const isHeic = (file) => /\.(heic|heif)$/i.test(file.name) || /hei[cf]/.test(file.type);

/** What a file is called, in quotes that keep its first letter as it is. */
export const called = (file, otherwise = "The picture") => (file.name ? `“${file.name}”` : otherwise);

/** Why a file could not be shown, and what to do. */
export function unreadable(file) {
  const name = called(file);
  if (isHeic(file)) {
    return `${name} is in Apple's HEIC format, which this browser cannot open. Open this page in Safari, or make it a JPEG: `
      + "on the iPhone choose Settings, Camera, Formats, Most Compatible; on a Mac export it from Preview as JPEG.";
  }
  return `${name} is not a picture that this browser can read. Choose a JPEG, PNG or WebP file.`;
}
