// For other applications: a model that petmood exported, run in the browser, or one that a server of petmood has.
import { sources } from "./assets.js";
import { browserHost } from "./browser.js";
import { decode, prepare } from "./pixels.js";
import { serverHost } from "./server.js";
import { headline, sentence, setWords } from "./words.js";

/** Load an exported model; base: the address of the folder that `petmood export --format web` wrote. */
export async function load(base, { onProgress = () => {} } = {}) {
  const root = new URL(base, globalThis.location?.href);
  const facts = await factsAt(new URL("facts.json", root));
  if (!globalThis.ort) await import(new URL(`ort.js?v=${facts.host.tag}`, root).href);
  const host = browserHost(facts, sources.byFetch(root, facts.host.tag));
  await host.ready(onProgress);
  return new Model(facts, host);
}

/** Use the model of a server of petmood at an address; elsewhere than on its own page it needs `--cors-origin`. */
export async function connect(address, { token = "" } = {}) {
  const root = new URL(address.endsWith("/") ? address : `${address}/`, globalThis.location?.href);
  const facts = await factsAt(new URL("facts.json", root));
  return new Model(facts, serverHost(facts, root.href, () => token));
}

async function factsAt(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be had: ${response.status}`);
  const facts = await response.json();
  setWords(facts.words);
  return facts;
}

/** A model that reads pictures. */
class Model {
  #host;
  #input;

  constructor(facts, host) {
    this.#host = host;
    this.name = facts.name;
    this.classes = facts.model.classes;
    this.#input = facts.model.input;
    this.size = facts.model.input.size;
    this.accuracy = facts.accuracy;
  }

  /** Read a Blob, or anything a canvas can draw; box: in shares of the picture. */
  async predict(picture, { box = null, source = "picture" } = {}) {
    return said(await this.#host.glance(await this.#prepared(picture, box, source)));
  }

  /** As `predict`, with the activation map and the nearest training photos; with deep, also what covering tells. */
  async explain(picture, { box = null, source = "picture", deep = false } = {}) {
    const prepared = await this.#prepared(picture, box, source), answer = await this.#host.read(prepared);
    if (deep) Object.assign(answer, await this.#host.deepen(prepared, answer));
    return { ...answer, prediction: said(answer.prediction) };
  }

  async #prepared(picture, box, source) {
    const drawable = picture instanceof Blob ? await decode(picture) : picture;
    const prepared = prepare(drawable, this.#input, box);
    if (picture instanceof Blob) drawable.close();
    return { ...prepared, source: picture.name ?? source };
  }
}

const said = (prediction) => ({ ...prediction, headline: headline(prediction), sentence: sentence(prediction) });
