"""Photos without pictures: features, logits and labels drawn so that what is in them is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.dataset import DEFAULT_BACKBONE, Dataset, Origin
from petmood.features import Backbone
from petmood.features.views import View
from petmood.pictures import Pictures
from petmood.progress import Silent, Timed
from petmood.records import FeatureTable, FloatArray, ImageRecord, Manifest
from petmood.sources import open_source

MOODS = ("Angry", "happy", "Sad")
ANIMALS = (207, 281, 331)  # a dog, a cat and a rabbit of ImageNet


def planted(
    *, n: int = 240, noise: float = 0.0, tied: float = 0.3, mood: float = 3.5, species: float = 9.0, seed: int = 0
) -> tuple[Dataset, NDArray[np.int64], NDArray[np.int64]]:
    """Photos, their true moods and species.

    Args:
        n: photos.
        noise: share of labels that are wrong.
        tied: share of photos whose mood is given by their species.
        mood, species: how far classes lie apart in the features.
        seed: of it all.
    """
    rng = np.random.default_rng(seed)
    animal = rng.integers(0, 3, n)
    truth = np.where(rng.random(n) < tied, animal, rng.integers(0, 3, n))
    given = truth.copy()
    wrong = rng.permutation(n)[: round(noise * n)]
    given[wrong] = (truth[wrong] + rng.integers(1, 3, len(wrong))) % 3
    X = rng.normal(size=(n, 24)).astype(np.float32)
    X[:, :3] += species * np.eye(3)[animal]
    X[:, 3:6] += mood * np.eye(3)[truth]
    logits = np.zeros((n, 1000), np.float32)
    logits[np.arange(n), np.array(ANIMALS)[animal]] = 15
    splits = np.array(["train", "train", "train", "valid", "test"])[np.arange(n) % 5]
    records = tuple(
        ImageRecord(f"{splits[i]}/{MOODS[given[i]]}/{i}.jpg", MOODS[given[i]], str(splits[i]), str(i), False,
                    f"{seed}-{n}-{noise}-{i:064d}", 64, 64, "JPEG", 1000, "RGB", False)
        for i in range(n)
    )  # fmt: skip
    manifest = Manifest("planted", "split/class", MOODS, records, (), (), True, "names", n)
    key = f"planted/{seed}/{n}/{noise}/{tied}/{mood}/{species}"
    return with_features(manifest, X, logits, key), truth, animal


def with_features(manifest: Manifest, vectors: FloatArray, logits: FloatArray, key: str) -> Dataset:
    """A data set without pictures whose features of the default backbone are given."""

    class Given(Dataset):
        def features(self, backbone: str | Backbone = DEFAULT_BACKBONE, view: View | None = None) -> FeatureTable:
            rows = [row_of[record.path] for record in self.records]
            return FeatureTable(DEFAULT_BACKBONE, vectors[rows], logits[rows], key)

        def with_manifest(self, changed: Manifest) -> Dataset:
            return made(changed)

    def made(records: Manifest) -> Dataset:
        source = open_source(Path(__file__).parent)
        return Given(records, Pictures(source), ContentCache(), Timed(Silent()), Origin(source.location))

    row_of = {record.path: row for row, record in enumerate(manifest.records)}
    return made(manifest)
