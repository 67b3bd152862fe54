"""Data -> what the study's first look at it finds: target size, array shapes, pixel values, colours, species."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.dataset import DEFAULT_BACKBONE, Dataset
from petmood.features.species import SPECIES, species_probabilities
from petmood.progress import Tick
from petmood.records import FloatArray, IntArray
from petmood.results import ArrayShape, EdaFacts

SPECIES_BACKBONE = DEFAULT_BACKBONE
_CORNER = 3


def species_of(data: Dataset) -> IntArray:
    """(n_images,) int64: index into `SPECIES` of each image's most probable species."""
    table = data.features(SPECIES_BACKBONE)
    if table.logits is None:
        raise AssertionError(f"{SPECIES_BACKBONE} lost its head")
    return np.asarray(species_probabilities(table.logits).argmax(axis=1), dtype=np.int64)


def eda_facts(data: Dataset, species: IntArray, tick: Tick) -> EdaFacts:
    """Repeat the study's preparation on every image and describe what comes out; kept by content."""
    manifest, records = data.manifest, data.records
    first_of_test = next(r for name in manifest.classes for r in records if r.split == "test" and r.class_name == name)
    side = first_of_test.width
    causes = [manifest.digest, images.DECODE_VERSION, side]
    kept: Any = data.cache.remember("study-pixels/v1", causes, lambda: _pixels(data, side, tick))
    photos = manifest.photo_index
    colours = np.array(kept["means"])[photos]
    counts = Counter(int(i) for i in species[photos])
    rows = {split: manifest.in_split(split) for split in manifest.split_names()}
    return EdaFacts(
        target_size=(first_of_test.width, first_of_test.height),
        target_from=first_of_test.path,
        resized={s: sum((records[i].width, records[i].height) != (side, side) for i in r) for s, r in rows.items()},
        shapes=tuple(
            ArrayShape(
                split=split, class_name=name, shape=(int((manifest.class_index[index] == c).sum()), side, side, 3)
            )
            for split, index in rows.items()
            for c, name in enumerate(manifest.classes)
        ),
        lowest=kept["lowest"],
        highest=kept["highest"],
        first_image=kept["first"],
        corner=tuple(tuple((p[0], p[1], p[2]) for p in row) for row in kept["corner"]),
        photos=len(photos),
        colour_mean=_three(colours.mean(axis=0)),
        colour_sd=_three(colours.std(axis=0)),
        species={SPECIES[i]: n for i, n in counts.most_common()},
        species_backbone=SPECIES_BACKBONE,
    )


def _three(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _pixels(data: Dataset, side: int, tick: Tick) -> dict[str, Any]:
    """Prepare every image as the study does (Lanczos to the target size, [0, 1]) and measure it."""
    manifest = data.manifest
    train = manifest.in_split("train")
    first = int(train[manifest.class_index[train].argmin()])  # of the first class in display order
    lowest, highest, means, corner = 1.0, 0.0, [], []
    for i, record in enumerate(manifest.records):
        scaled = data.pictures.pixels([record], side)[0] / 255.0
        lowest, highest = min(lowest, float(scaled.min())), max(highest, float(scaled.max()))
        means.append(scaled.mean(axis=(0, 1)).tolist())
        if i == first:
            corner = scaled[:_CORNER, :_CORNER].round(8).tolist()
        tick(i + 1, len(manifest))
    return {
        "lowest": lowest,
        "highest": highest,
        "first": manifest.records[first].path,
        "corner": corner,
        "means": means,
    }


PERPLEXITY: Final = 30.0


def perplexity_for(n: int) -> float:
    """t-SNE's perplexity for n photos: 30, or less where there are few."""
    return min(PERPLEXITY, max(2.0, (n - 1) / 3))


def place(vectors: FloatArray, seed: int) -> NDArray[np.float64]:
    """(n, 2) float64 in [0, 1]: t-SNE from the first principal components, on the 50 that vary most.

    With fewer than four photos they stand in a row.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(vectors)
    if n < 4:
        return np.column_stack([np.linspace(0, 1, n), np.full(n, 0.5)])
    reduced = PCA(min(50, n - 1, vectors.shape[1]), random_state=seed).fit_transform(vectors.astype(np.float64))
    placed = TSNE(perplexity=perplexity_for(n), init="pca", learning_rate="auto", random_state=seed).fit_transform(
        reduced
    )
    low, high = placed.min(axis=0), placed.max(axis=0)
    scaled: NDArray[np.float64] = (placed - low) / np.maximum(high - low, 1e-12)
    return scaled
