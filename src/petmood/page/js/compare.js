// A pet's readings over time -> whether the newest differs from that animal's own earlier ones.

/** Earlier photos from which on a difference can be told: fewer could not make it rarer than one in ten. */
export const ENOUGH = 9;

/** How far two readings are apart: total variation of their probabilities, 0 to 1. */
export function apart(a, b) {
  return Object.keys(a).reduce((sum, name) => sum + Math.abs(a[name] - (b[name] ?? 0)), 0) / 2;
}

/**
 * The newest of readings, oldest first, against the rest: {code: "first" | "few" | "same" | "differs", earlier, further, p}.
 * Each reading's distance from the mean of the others is ranked; were the newest drawn like the earlier ones, its rank would be
 * any with equal chance, so that p = (1 + number at least as far) / (earlier + 1) is exact. It differs if p <= 0.1.
 */
export function compared(readings) {
  const earlier = readings.length - 1;
  if (earlier < 1) return { code: "first", earlier: 0, further: 0, p: 1 };
  const distances = readings.map((reading, i) => apart(reading, meanOf(readings.filter((_, j) => j !== i))));
  const newest = distances.at(-1);
  const further = distances.slice(0, -1).filter((distance) => distance >= newest).length;
  const p = (1 + further) / (earlier + 1);
  if (earlier < ENOUGH) return { code: "few", earlier, further, p };
  return { code: p <= 0.1 ? "differs" : "same", earlier, further, p };
}

function meanOf(readings) {
  return Object.fromEntries(Object.keys(readings[0]).map((name) => [name, readings.reduce((sum, r) => sum + r[name], 0) / readings.length]));
}

/** The comparison in words. */
export function comparedWords({ code, earlier, further }) {
  if (code === "first") return "The first photo. Add more on other days to compare with.";
  const photos = earlier === 1 ? "1 earlier photo" : `${earlier} earlier photos`;
  if (code === "few") return `No change shown: ${photos}, and ${ENOUGH} are needed before a difference can be told from chance.`;
  if (code === "same") return `No change shown: ${further} of ${photos} lie as far from this pet's usual answer, or further.`;
  const chance = further ? `only ${further} of ${photos} lie as far` : `none of ${photos} lies as far`;
  return `Unlike earlier photos: ${chance} from this pet's usual answer. Light, angle or another camera can do that too.`;
}
