"""Photos without pictures: features, logits and labels drawn so that what is in them is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from petmood.records import ImageRecord, Manifest
from petmood.workflows.photos import Photos

MOODS = ("Angry", "happy", "Sad")
ANIMALS = (207, 281, 331)  # a dog, a cat and a rabbit of ImageNet


def planted(
    *, n: int = 240, noise: float = 0.0, tied: float = 0.3, mood: float = 3.5, species: float = 9.0, seed: int = 0
) -> tuple[Photos, NDArray[np.int64], NDArray[np.int64]]:
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
    return Photos(manifest, manifest, X, logits, key, "drawn"), truth, animal
