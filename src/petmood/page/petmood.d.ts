/** Types of petmood.js, the module that `petmood export --format web` and `petmood serve` give. */

/** A part of a picture, in shares of its width and height from the upper left corner. */
export interface Box { x: number; y: number; width: number; height: number }

export interface Caution { code: "tiny" | "blurred" | "dark" | "unlike" | "undetected"; message: string }

/** The keys of `petmood predict --json`, and the answer in words. */
export interface Prediction {
  source: string;
  width: number;
  height: number;
  verdict: "sure" | "not-sure" | "no-pet-face";
  /** How often answers as sure were right on photos not seen in training; null unless this one is sure. */
  rate: { right: number; n: number; low: number; high: number; stated: number } | null;
  mood: string;
  probability: number;
  probabilities: Record<string, number>;
  prediction_set: string[] | null;
  coverage: number | null;
  species: string | null;
  species_probabilities: Record<string, number> | null;
  pet: { pet: boolean; animal_mass: number; distance: number } | null;
  cautions: Caution[];
  /** The part that was read; null for the whole picture. */
  box: (Box & { label?: string; score?: number }) | null;
  headline: string;
  sentence: string;
}

export interface Background {
  probability: number;
  background_blurred: number;
  background_masked: number;
  face_masked: number;
  reliance: number;
  sentence: string;
}

export interface Neighbour { index: number; path: string; label: string; distance: number; thumbnail: string | null }

export interface Explanation {
  prediction: Prediction;
  mood: string;
  /** Evidence for the mood at each place, rows from the top; null where the model has no such map. */
  cam: number[][] | null;
  /** Probability lost when that place is covered; null unless asked for with `deep`. */
  occlusion: number[][] | null;
  background: Background | null;
  neighbours: Neighbour[];
}

export type Picture = Blob | ImageBitmap | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas;

export interface Options { box?: Box | null; source?: string }

export interface Model {
  readonly name: string;
  readonly classes: string[];
  /** Side in pixels of the square that the model reads. */
  readonly size: number;
  /** The model's headline figure in words, with interval and sample size; "" where it was not evaluated. */
  readonly accuracy: string;
  predict(picture: Picture, options?: Options): Promise<Prediction>;
  explain(picture: Picture, options?: Options & { deep?: boolean }): Promise<Explanation>;
}

/** Load the model in a folder that `petmood export --format web` wrote; it runs in the browser. */
export function load(base: string | URL, options?: { onProgress?: (share: number) => void }): Promise<Model>;

/** Use the model of a server that `petmood serve` runs. */
export function connect(address: string, options?: { token?: string }): Promise<Model>;
