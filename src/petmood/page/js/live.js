// The live view: frames of a camera, or of a video file, read one at a time and never queued, and what they say together.
import { hasCamera, startCamera, stopCamera } from "./camera.js";
import { drawLanes } from "./lanes.js";
import { bars, byId, capital } from "./parts.js";
import { prepare } from "./pixels.js";
import { Smoother } from "./smooth.js";
import { headline, share } from "./words.js";

const SAMPLES = 48; // frames of a video file that are read
const LEAST_GAP = { server: 150, browser: 0 }; // milliseconds between two frames, so that no server is flooded

export function liveView(host, facts) {
  const part = Object.fromEntries(["screen", "video", "idle", "start", "stop", "film", "video-file", "live-problem", "live-mood",
    "live-sentence", "live-bars", "rate", "timeline", "lanes", "scrub", "film-says"].map((id) => [id, byId(id)]));
  const smoother = new Smoother();
  let turn = 0; // of the newest camera or film; what an older one still finds is dropped
  let url = null;
  let film = []; // [{at, prediction}] of a video file

  const problem = (text) => {
    part["live-problem"].textContent = capital(text);
    part["live-problem"].hidden = !text;
  };

  function end() {
    turn += 1;
    stopCamera(part.video);
    part.video.removeAttribute("src");
    if (url) URL.revokeObjectURL(url);
    url = null;
    part.stop.hidden = true;
    part.start.hidden = false;
    part.idle.hidden = false;
    document.body.removeAttribute("data-live");
  }

  async function begin(words) {
    end();
    problem("");
    smoother.clear();
    part.timeline.hidden = true;
    part["live-mood"].textContent = words;
    part["live-sentence"].textContent = part.rate.textContent = "";
    part["live-bars"].replaceChildren();
    await host.ready((done) => { if (done < 1) part["live-mood"].textContent = `Loading the model… ${Math.round(100 * done)} %`; });
    return ++turn;
  }

  // ---- the camera

  async function startLive() {
    if (!hasCamera()) {
      problem("This browser gives no camera to this page. It needs a secure address (https), or this machine's own.");
      return;
    }
    try {
      const mine = await begin("Starting…");
      await startCamera(part.video);
      part.idle.hidden = part.start.hidden = true;
      part.stop.hidden = false;
      watch(mine);
    } catch (error) {
      end();
      part["live-mood"].textContent = "Nothing yet";
      problem(error.name === "NotAllowedError" ? "The camera may not be used. Allow it for this page in the browser."
        : error.name === "NotFoundError" ? "No camera was found." : error.message);
    }
  }

  function watch(mine) {
    const { video } = part, times = [];
    let busy = false, passed = 0, before = 0;
    const next = (call) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(call) : requestAnimationFrame(call));
    const onFrame = () => {
      if (mine !== turn) return;
      next(onFrame);
      passed += 1;
      // a frame that comes while another is read is let go: there is no queue
      if (busy || performance.now() - before < LEAST_GAP[host.kind]) return;
      busy = true;
      before = performance.now();
      const every = passed;
      passed = 0;
      host.glance(prepare(video, facts.model.input)).then((prediction) => {
        if (mine !== turn) return;
        const now = performance.now();
        times.push(now);
        while (now - times[0] > 3000) times.shift();
        const rate = times.length > 1 ? 1000 * (times.length - 1) / (now - times[0]) : 0;
        showLive(smoother.add(prediction, now));
        part.rate.textContent = `${rate.toFixed(1)} frames a second read, one of ${every}; nothing waits in a queue.`;
        document.body.dataset.live = String(Number(document.body.dataset.live ?? 0) + 1);
      }).catch((error) => {
        if (mine !== turn) return;
        end();
        problem(error.message);
      }).finally(() => { busy = false; });
    };
    next(onFrame);
  }

  function showLive(told) {
    const [first, second] = told.classes;
    if (told.face < 0.5) {
      part["live-mood"].textContent = headline({ verdict: "no-pet-face" });
      part["live-sentence"].textContent = `No pet's face in ${told.n - Math.round(told.face * told.n)} of the last ${told.n} frames.`;
    } else {
      part["live-mood"].textContent = told.steady ? first.name : `${first.name}, perhaps`;
      part["live-sentence"].textContent = told.steady
        ? `Steady: ${first.name} leads in the last ${told.n} frames (${share(first.mean)}; ${share(first.low)} to ${share(first.high)}).`
        : `Wavering between ${first.name} (${share(first.mean)}) and ${second.name} (${share(second.mean)}) over ${told.n} frames.`;
    }
    part["live-bars"].replaceChildren(...bars(told.classes.map(({ name, mean, low, high }, i) => ({ name, share: mean, held: i === 0 || high >= first.low, low, high }))));
  }

  // ---- a video file

  async function readFilm(file) {
    try {
      const mine = await begin("Reading the video…");
      url = URL.createObjectURL(file);
      part.video.src = url;
      part.idle.hidden = true;
      await once(part.video, "loadeddata");
      const length = await lengthOf(part.video);
      film = [];
      part.timeline.hidden = false;
      part.scrub.max = length;
      const count = Math.max(2, Math.min(SAMPLES, Math.ceil(length * 4)));
      for (let i = 0; i < count; i++) {
        const at = length * (i + 0.5) / count;
        await seek(part.video, at);
        if (mine !== turn) return;
        const prediction = await host.glance(prepare(part.video, facts.model.input));
        if (mine !== turn) return;
        film.push({ at, prediction });
        drawLanes(part.lanes, film, length, facts.model.classes);
        part["live-mood"].textContent = `Reading the video… ${Math.round(100 * (i + 1) / count)} %`;
        await new Promise((resolve) => setTimeout(resolve));
      }
      part.scrub.value = 0;
      await showAt(0);
      document.body.dataset.film = String(film.length);
    } catch (error) {
      end();
      part["live-mood"].textContent = "Nothing yet";
      problem(error.message);
    }
  }

  async function showAt(at) {
    const nearest = film.reduce((a, b) => (Math.abs(b.at - at) < Math.abs(a.at - at) ? b : a));
    await seek(part.video, nearest.at);
    const around = new Smoother(Infinity);
    const close = film.filter((frame) => Math.abs(frame.at - nearest.at) <= 1.5);
    for (const frame of close) around.add(frame.prediction, frame.at);
    showLive(around.told());
    part.scrub.setAttribute("aria-valuetext", `${nearest.at.toFixed(1)} seconds: ${part["live-mood"].textContent}`);
    part["film-says"].textContent = `At ${nearest.at.toFixed(1)} s of ${Number(part.scrub.max).toFixed(1)} s; ${film.length} frames read. `
      + "The answer beside joins the frames within 1.5 s.";
    part.rate.textContent = "";
  }

  part.start.addEventListener("click", startLive);
  part.stop.addEventListener("click", () => {
    end();
    part.start.focus();
  });
  part.film.addEventListener("click", () => part["video-file"].click());
  part["video-file"].addEventListener("change", () => {
    const [file] = part["video-file"].files;
    part["video-file"].value = "";
    if (file) readFilm(file);
  });
  part.scrub.addEventListener("input", () => { if (film.length) showAt(Number(part.scrub.value)); });
  return { leave: () => { if (!part.stop.hidden) end(); } };
}

function once(video, name) {
  return new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", () => reject(new Error("This file is no video that the browser can play. Choose an MP4 or WebM file.")), { once: true });
  });
}

async function seek(video, at) {
  if (Math.abs(video.currentTime - at) < 1e-3) return;
  const there = once(video, "seeked");
  video.currentTime = at;
  await there;
}

// videos that a browser recorded do not know how long they are before one has been to their end
async function lengthOf(video) {
  if (Number.isFinite(video.duration)) return video.duration;
  const known = once(video, "durationchange");
  video.currentTime = 1e9;
  await known;
  if (!Number.isFinite(video.duration)) await once(video, "seeked");
  return Number.isFinite(video.duration) ? video.duration : video.currentTime;
}
