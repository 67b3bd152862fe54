// A model's outputs for a picture -> its reading, by the rules of the bundle: the keys and the meaning of petmood's own.
import { say, share } from "./words.js";

/**
 * facts: of the page; outputs: {probabilities, features, imagenet?} as typed arrays; picture: from prepare();
 * photos: {unit, n} the training photos' features as rows of length one, or null.
 */
export function judge(facts, picture, outputs, photos) {
  const { model, species: grouping } = facts;
  const row = [...outputs.probabilities];
  const order = row.map((_, i) => i).sort((a, b) => row[b] - row[a]);
  const level = model.conformal?.levels.find((l) => Math.abs(l.coverage - model.conformal.default) < 1e-9) ?? null;
  const held = level && order.filter((i, rank) => {
    const limit = level.thresholds[model.classes[i]];
    return rank === 0 || limit === null || 1 - row[i] <= limit;
  });
  const species = model.imagenet ? speciesOf(grouping, outputs.imagenet) : null;
  const away = (rule) => rule && photos ? meanOf(nearest(outputs.features, photos, rule.nearest)) : null;
  const pet = petOf(model.pet, species, away(model.pet));
  const cautions = [...cautionsOf(picture, model.quality), ...unlikeOf(model.unlike, away(model.unlike))];
  const sure = level?.sure && held.length === 1 && !model.sources?.why_not_sure && cautions.every(({ code }) => code !== "unlike");
  const verdict = pet && !pet.pet ? "no-pet-face" : sure ? "sure" : "not-sure";
  return {
    source: picture.source ?? "picture",
    width: picture.width,
    height: picture.height,
    verdict,
    rate: verdict === "sure" ? rateOf(level) : null,
    mood: model.classes[order[0]],
    probability: row[order[0]],
    probabilities: Object.fromEntries(model.classes.map((name, i) => [name, row[i]])),
    prediction_set: held && held.map((i) => model.classes[i]),
    coverage: level && level.coverage,
    species: species && Object.entries(species).reduce((a, b) => (b[1] > a[1] ? b : a))[0],
    species_probabilities: species,
    pet,
    cautions,
    box: picture.box ?? null,
  };
}

/** What makes the reading of a picture doubtful, by the picture alone. */
export function cautionsOf(picture, quality) {
  if (!quality) return [];
  const { width, height } = picture;
  const found = {
    tiny: Math.min(width, height) < quality.min_side,
    blurred: picture.sharpness < quality.min_sharpness,
    dark: picture.brightness < quality.min_brightness,
  };
  const codes = Object.keys(found).filter((code) => found[code]);
  return codes.map((code) => ({ code, message: say(`caution.${code}`, { width, height, least: quality.min_side }) }));
}

function unlikeOf(rule, distance) {
  if (!rule || distance === null || distance <= rule.max_distance) return [];
  return [{ code: "unlike", message: say("caution.unlike", { share: share(rule.share), n: rule.n }) }];
}

function rateOf(level) {
  if (level.singletons_right === null || !level.singletons_ci) return null;
  const [low, high] = level.singletons_ci;
  return { right: level.singletons_right, n: Math.round(level.singletons * level.n), low, high, stated: level.coverage };
}

const meanOf = (near) => near.reduce((sum, { distance }) => sum + distance, 0) / near.length;

/** The nearest training photos, nearest first: [{index, distance}] with cosine distances. */
export function nearest(features, photos, count) {
  const dim = features.length;
  const norm = Math.sqrt(features.reduce((sum, value) => sum + value * value, 0)) || 1;
  const found = Array.from({ length: photos.n }, (_, index) => {
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += features[i] * photos.unit[index * dim + i];
    return { index, distance: 1 - dot / norm };
  });
  return found.sort((a, b) => a.distance - b.distance).slice(0, count);
}

// ImageNet's classes, weighted by the prior, add up to groups of species.
function speciesOf(grouping, scores) {
  const top = Math.max(...scores);
  const odds = Array.from(scores, (score, i) => Math.exp(score - top) * grouping.prior[i]);
  const sum = odds.reduce((a, b) => a + b, 0);
  const found = grouping.names.map(() => 0);
  odds.forEach((value, i) => { found[grouping.columns[i]] += value / sum; });
  return Object.fromEntries(grouping.names.map((name, i) => [name, found[i]]));
}

function petOf(rule, species, distance) {
  if (!rule || !species || distance === null) return null;
  const mass = Math.min(1, Object.entries(species).reduce((sum, [name, p]) => (name === "other" ? sum : sum + p), 0));
  return { pet: mass >= rule.min_mass && distance <= rule.max_distance, animal_mass: mass, distance };
}
