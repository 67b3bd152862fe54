// Facts -> the words of an answer, from the table that the command and the server use too.

/** The texts, filled in by `setWords`. */
const table = {};

/** Take the table over; once, before anything is said. */
export function setWords(words) {
  Object.assign(table, words);
}

/** The text of a key, with {names} filled in. */
export function say(key, values = {}) {
  return table[key].replace(/\{([\w-]+)\}/g, (_, name) => values[name]);
}

/** Whole percent, halves to the even number, as Python rounds. */
export function wholePercent(value) {
  const scaled = 100 * value, below = Math.floor(scaled);
  if (scaled - below !== 0.5) return Math.round(scaled);
  return below % 2 ? below + 1 : below;
}

/** A probability in words: 0.484 gives "48 %". */
export const share = (value) => say("share", { n: wholePercent(value) });

/** The answer in one sentence, without the cautions. */
export function sentence(prediction) {
  const values = { mood: prediction.mood, share: share(prediction.probability) };
  if (prediction.verdict === "not-sure" && prediction.prediction_set) {
    return say("sentence.not-sure-set", { ...values, set: prediction.prediction_set.join(table.or) });
  }
  if (prediction.verdict === "sure" && prediction.rate) {
    const { right, n, low } = prediction.rate;
    return say("sentence.sure-rate", { ...values, right, n, low: share(low) });
  }
  return say(`sentence.${prediction.verdict}`, values);
}

/** The answer in a word or two. */
export const headline = (prediction) => say(`headline.${prediction.verdict}`, { mood: prediction.mood });

/** How many of the nearest training photos have each label; "" where there are none. */
export function counted(labels) {
  const found = new Map();
  for (const label of labels) found.set(label, (found.get(label) ?? 0) + 1);
  if (!found.size) return "";
  const sorted = [...found].sort((a, b) => b[1] - a[1]);
  return say("near.counts", { n: labels.length, counts: sorted.map(([label, n]) => say("near.count", { label, n })).join(", ") });
}
