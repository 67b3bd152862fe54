// Readings over time -> one lane a mood, its height the probability.
import { make, makeSvg } from "./parts.js";
import { share } from "./words.js";

const WIDTH = 600, HEIGHT = 28;

/** Draw lanes into an element; film: [{at, prediction}], at in seconds up to length. */
export function drawLanes(element, film, length, classes) {
  const means = classes.map((name) => [name, film.reduce((sum, { prediction }) => sum + prediction.probabilities[name], 0) / film.length]);
  element.replaceChildren(...means.sort((a, b) => b[1] - a[1]).map(([name, mean]) => {
    const lane = make("div", null, "lane"), svg = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    svg.setAttribute("aria-label", `${name}: ${share(mean)} in the mean`);
    const points = film.map(({ at, prediction }) => [WIDTH * at / length, HEIGHT * (1 - prediction.probabilities[name])]);
    const line = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join(" L");
    svg.append(
      makeSvg("path", { class: "area", d: `M${points[0][0].toFixed(1)} ${HEIGHT} L${line} L${points.at(-1)[0].toFixed(1)} ${HEIGHT} Z` }),
      makeSvg("path", { class: "edge", d: `M${line}` }),
    );
    lane.append(make("span", name, "name"), svg, make("span", share(mean), "share"));
    return lane;
  }));
}
