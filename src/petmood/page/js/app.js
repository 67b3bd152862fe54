// The page: its facts and its host, and which of its views is shown.
import { browserHost } from "./browser.js";
import { diaryView } from "./diary.js";
import { liveView } from "./live.js";
import { byId, complain } from "./parts.js";
import { photoView } from "./photo.js";
import { serverHost } from "./server.js";
import { setWords } from "./words.js";

const VIEWS = ["photo", "live", "diary"];

export function start() {
  const facts = JSON.parse(byId("facts").textContent);
  setWords(facts.words);
  const host = facts.host.kind === "server" ? serverHost(facts, "", () => byId("token")?.value.trim() ?? "") : browserHost(facts);
  const diary = diaryView(facts);
  const live = liveView(host, facts);
  photoView(host, facts, diary.keep);

  function show() {
    const name = VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "photo";
    for (const view of VIEWS) {
      byId(`view-${view}`).hidden = view !== name;
      if (view === name) byId(`to-${view}`).setAttribute("aria-current", "page");
      else byId(`to-${view}`).removeAttribute("aria-current");
    }
    if (name !== "live") live.leave();
    if (name === "diary") diary.show();
  }
  window.addEventListener("hashchange", show);
  show();

  // what the first photo would wait for comes while it is chosen
  host.ready((done) => { document.body.dataset.loaded = done.toFixed(2); }).then(
    () => { document.body.dataset.ready = "yes"; },
    (error) => complain(`The model cannot be loaded: ${error.message}. Reload the page.`),
  );
  if (facts.host.worker && "serviceWorker" in navigator && location.protocol !== "file:") navigator.serviceWorker.register("sw.js");
}

start();
