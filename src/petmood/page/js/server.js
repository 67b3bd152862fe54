// The model behind a server of petmood: the pixels that it reads are sent, never the photo itself.
import { cautionsOf } from "./judge.js";
import { fitted, pngOf } from "./pixels.js";

const PATIENCE = 60_000; // milliseconds

/** A host for the page's facts; base: the server's address, token: what it asks for or null. */
export function serverHost(facts, base = "", token = () => "") {
  async function ask(path, picture, onProgress, signal) {
    const form = new FormData();
    form.append("images", picture.file ?? await pngOf(picture.pixels, picture.size), picture.source ?? "picture");
    const body = await send(`${base}${path}`, form, token(), onProgress, signal);
    return body.explanations?.[0] ?? { prediction: body.predictions[0] };
  }

  // The picture was measured here, before it was brought to the model's size.
  function own(prediction, picture) {
    if (picture.file) return prediction;
    const { width, height } = picture;
    const unlike = prediction.cautions.filter(({ code }) => code === "unlike"); // told by the pixels that were sent
    const cautions = [...cautionsOf(picture, facts.model.quality), ...unlike];
    return { ...prediction, width, height, source: picture.source ?? "picture", cautions, box: picture.box ?? null };
  }

  return {
    kind: "server",
    async ready() {},
    async glance(picture) {
      return own((await ask("v1/predict", picture)).prediction, picture);
    },
    async read(picture, onProgress) {
      // what takes one inference first, so that the answer never waits for the rest
      const answer = await ask("v1/explain?maps=cam&background=false", picture, onProgress);
      return { ...answer, prediction: own(answer.prediction, picture) };
    },
    /** The animals of a picture, as boxes in shares of it; null where the server has no detector. */
    async find(drawable, source = "picture") {
      if (!facts.host.detector) return null;
      const { pixels, width, height } = fitted(drawable, facts.host.detector, facts.model.input), form = new FormData();
      form.append("images", await pngOf(pixels, width, height), source);
      return (await send(`${base}v1/detect`, form, token())).pictures[0].boxes;
    },
    async deepen(picture, answer, signal = null) {
      const { occlusion, background } = await ask("v1/explain?maps=occlusion&background=true", picture, undefined, signal);
      return { occlusion, background };
    },
  };
}

// fetch tells nothing of how far a body has got, on slow networks the one thing one wants to know
function send(url, form, token, onProgress = () => {}, signal = null) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.timeout = PATIENCE;
    request.responseType = "json";
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    signal?.addEventListener("abort", () => request.abort()); // the server then ends its work too
    request.onabort = () => reject(new Error("Nobody waits for it any more."));
    request.onerror = () => reject(new Error("The server cannot be reached. Is it still running?"));
    request.ontimeout = () => reject(new Error("The server did not answer within a minute. Try again."));
    request.onload = () => {
      const body = request.response;
      if (request.status === 200 && body) resolve(body);
      else if (body?.error) reject(new Error(`${body.error.what} (${body.error.got}). ${body.error.next}`));
      else reject(new Error(`The server answered ${request.status} without a reason. Try again.`));
    };
    if (signal?.aborted) request.onabort();
    else request.send(form);
  });
}
