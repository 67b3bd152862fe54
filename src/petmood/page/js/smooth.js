// Readings of frames, one after another -> what the last seconds say together, and how far frames differ.

/** Joins the frames of the last `span` milliseconds; a middle `inner` of the frames lies in the range that is told. */
export class Smoother {
  constructor(span = 3000, inner = 0.8) {
    this.span = span;
    this.inner = inner;
    this.frames = [];
  }

  clear() {
    this.frames = [];
  }

  /**
   * Add a frame's prediction at `now` milliseconds and tell what the frames say: {classes: [{name, mean, low, high}] with the
   * most probable first, n, face: share of frames with a pet, steady: whether the first class leads in all the range}.
   */
  add(prediction, now) {
    this.frames.push({ now, prediction });
    this.frames = this.frames.filter((frame) => now - frame.now <= this.span);
    return this.told();
  }

  told() {
    const faces = this.frames.filter(({ prediction }) => prediction.verdict !== "no-pet-face");
    const kept = faces.length ? faces : this.frames;
    const names = Object.keys(kept[0].prediction.probabilities);
    const classes = names.map((name) => {
      const values = kept.map(({ prediction }) => prediction.probabilities[name]).sort((a, b) => a - b);
      const mean = values.reduce((a, b) => a + b, 0) / values.length, tail = (1 - this.inner) / 2;
      return { name, mean, low: quantile(values, tail), high: quantile(values, 1 - tail) };
    }).sort((a, b) => b.mean - a.mean);
    return {
      classes,
      n: this.frames.length,
      face: faces.length / this.frames.length,
      steady: classes.length < 2 || classes[0].low > classes[1].high,
    };
  }
}

/** The quantile of sorted values, between neighbours in proportion. */
export function quantile(sorted, share) {
  const place = share * (sorted.length - 1), below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}
