// A model's outputs -> a reading, by the rules of model.json and rules.json: the keys and the meaning of petmood's own.

/** outputs: {probabilities, features, imagenet?} as typed arrays; picture: from prepare(). */
export function judge(model, rules, unit, picture, outputs) {
  const row = [...outputs.probabilities];
  const order = row.map((_, i) => i).sort((a, b) => row[b] - row[a]);
  const level = model.conformal?.levels.find((l) => Math.abs(l.coverage - model.conformal.default) < 1e-9) ?? null;
  const held = level && order.filter((i, rank) => {
    const limit = level.thresholds[model.classes[i]];
    return rank === 0 || limit === null || 1 - row[i] <= limit;
  });
  const species = model.imagenet ? speciesOf(rules, outputs.imagenet) : null;
  const pet = petOf(model.pet, species, unit && distanceOf(outputs.features, unit, rules, model.pet?.nearest));
  const reading = held?.length === 1 ? "sure" : "not-sure";
  return {
    width: picture.width,
    height: picture.height,
    verdict: pet && !pet.pet ? "no-pet-face" : reading,
    mood: model.classes[order[0]],
    probability: row[order[0]],
    probabilities: Object.fromEntries(model.classes.map((name, i) => [name, row[i]])),
    prediction_set: held && held.map((i) => model.classes[i]),
    coverage: level && level.coverage,
    species: species && Object.entries(species).reduce((a, b) => (b[1] > a[1] ? b : a))[0],
    species_probabilities: species,
    pet,
    cautions: model.quality ? cautionsOf(picture, model.quality) : [],
  };
}

/** The answer in one sentence, without the cautions. */
export function sentence(reading) {
  const share = `${Math.round(100 * reading.probability)}%`;
  if (reading.verdict === "no-pet-face") return "No pet face here, as far as this model can tell.";
  if (reading.verdict === "sure") return `${reading.mood} (${share}).`;
  if (!reading.prediction_set) return `Not sure: ${reading.mood} at ${share}.`;
  return `Not sure: ${reading.prediction_set.join(" or ")} (most likely ${reading.mood}, ${share}).`;
}

// ImageNet's classes, weighted by the prior, add up to groups of species.
function speciesOf(rules, scores) {
  const top = Math.max(...scores);
  const odds = Array.from(scores, (score, i) => Math.exp(score - top) * rules.prior[i]);
  const sum = odds.reduce((a, b) => a + b, 0);
  const found = rules.species.map(() => 0);
  odds.forEach((value, i) => { found[rules.columns[i]] += value / sum; });
  return Object.fromEntries(rules.species.map((name, i) => [name, found[i]]));
}

/** Mean cosine distance to the nearest training photos, whose features are rows of length one. */
function distanceOf(features, unit, rules, nearest) {
  const dim = features.length;
  const norm = Math.sqrt(features.reduce((sum, value) => sum + value * value, 0)) || 1;
  const distances = Array.from({ length: rules.photos }, (_, photo) => {
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += features[i] * unit[photo * dim + i];
    return 1 - dot / norm;
  });
  const first = distances.sort((a, b) => a - b).slice(0, nearest);
  return first.reduce((a, b) => a + b, 0) / first.length;
}

function petOf(rule, species, distance) {
  if (!rule || !species || distance === null) return null;
  const mass = Object.entries(species).reduce((sum, [name, p]) => (name === "other" ? sum : sum + p), 0);
  return {
    pet: mass >= rule.min_mass && distance <= rule.max_distance,
    animal_mass: Math.min(1, mass),
    distance,
  };
}

function cautionsOf(picture, quality) {
  const { width, height } = picture;
  return [
    Math.min(width, height) < quality.min_side
      && { code: "tiny", message: `The picture is tiny: ${width} x ${height} pixels, under ${quality.min_side}.` },
    picture.sharpness < quality.min_sharpness
      && { code: "blurred", message: "The picture is more blurred than 99 % of the training photos." },
    picture.brightness < quality.min_brightness
      && { code: "dark", message: "The picture is darker than 99 % of the training photos." },
  ].filter(Boolean);
}
