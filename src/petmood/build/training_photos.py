"""Training photos -> what a bundle keeps to be evaluated elsewhere: by what they are known, and what they are like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.bundle import ModelDescription, TrainingNeighbours, save
from petmood.bundle.schema import Spread, TrainingSummary, UnlikeRule
from petmood.dataset import Dataset
from petmood.evaluation.unlikeness import NEAREST, SHARE, distances, fit_unlikeness
from petmood.families.memory import Memory, remember
from petmood.families.store import local_features
from petmood.features.measures import COLOUR, LIGHT, QUALITY, quality_measures
from petmood.records import FeatureTable, FloatArray, IntArray

_THUMBNAIL: Final = 96

SHARES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of which a bundle keeps the quantiles of its training photos."""

MEASURES: Final = ("shorter side", "aspect ratio", "sharpness", "brightness", "contrast", "saturation")


def save_with_photos(
    out: Path,
    graph: bytes,
    description: ModelDescription,
    data: Dataset,
    photos: Dataset,
    seen: FeatureTable,
    *,
    thumbnails: bool = False,
) -> ModelDescription:
    """Save a bundle with all that it keeps of its training photos.

    Args:
        out: folder, or a path that ends in .zip.
        graph: the ONNX graph's bytes.
        description: of the model.
        data: all files, of which those of the photos' families are remembered.
        photos: what the weights saw, one a family.
        seen: what the graph reads of them.
        thumbnails: whether small copies of the photos are kept.

    Raises:
        DataError: `out` cannot be written.
    """
    away = distances(seen.vectors, seen.vectors, families=photos.groups, training_families=photos.groups)
    whole = description.model_copy(
        update={
            "training": training_summary([photos], away),
            "unlike": unlike_rule(seen.vectors, seen.vectors, families=photos.groups, kept_families=photos.groups),
        }
    )
    return save(out, graph, whole, neighbours(photos, seen, thumbnails), memory_of(data, photos))


def unlike_rule(
    vectors: FloatArray,
    kept: FloatArray,
    *,
    families: IntArray | None = None,
    kept_families: IntArray | None = None,
    left_out: Sequence[NDArray[np.float64]] = (),
) -> UnlikeRule | None:
    """From which distance to the photos that a bundle keeps a picture is unlike them, measured as the bundle will.

    Args:
        vectors: (n, dim) features of the training photos.
        kept: (m, dim) features of those that the bundle keeps.
        families: (n,) and (m,) `kept_families`, where a photo may stand in both.
        kept_families: see `families`.
        left_out: of each source left out, (k,) distances of its photos to as many kept photos of the others.
    """
    if len(kept) <= 2 * NEAREST:
        return None
    own = distances(vectors, kept, families=families, training_families=kept_families, standardised=False)
    if not left_out:
        found, n = fit_unlikeness(own), len(own)
    else:
        source = np.repeat(np.arange(len(left_out)), [len(part) for part in left_out])
        found, n = fit_unlikeness(own, np.concatenate(left_out), source), len(source)
    return UnlikeRule(max_distance=found.known, nearest=NEAREST, share=SHARE, n=n, sources=max(1, len(left_out)))


def neighbours(inner: Dataset, features: FeatureTable, thumbnails: bool) -> TrainingNeighbours:
    """Features, labels and, if wished, small copies of fitted photos, one a family."""
    return TrainingNeighbours(
        features=features.vectors,
        labels=tuple(r.class_name for r in inner.records),
        paths=tuple(r.path for r in inner.records),
        thumbnails=tuple(inner.pictures.thumbnail(r, _THUMBNAIL) for r in inner.records) if thumbnails else None,
    )


def memory_of(data: Dataset, photos: Dataset) -> Memory:
    """By what the photos, and every file of them in the data, are recognised."""
    with data.timed.stage("memory", "Remembering what training photos are recognised by") as tick:
        found = local_features(photos.records, data.pictures, data.cache, tick)
        kept = tuple(remember(record.path, one) for record, one in zip(photos.records, found, strict=True))
    row = {record.family: i for i, record in enumerate(photos.records)}
    return Memory(kept, {record.sha256: row[record.family] for record in data.records if record.family in row})


def training_summary(photos: Sequence[Dataset], away: NDArray[np.float64]) -> TrainingSummary:
    """What training photos are like, in quantiles and counts.

    Args:
        photos: of each source, those that the weights saw.
        away: (n,) distance of each to the nearest of other photos that the bundle keeps.
    """
    measured = [photo_measures(part) for part in photos]
    told = [species_of(part) for part in photos]
    species = None if None in told else [name for part in told for name in part or ()]
    return TrainingSummary(
        n=len(away),
        measures={name: _spread(np.concatenate([part[name] for part in measured])) for name in MEASURES},
        species=None if species is None else {name: species.count(name) for name in sorted(set(species))},
        distance=_spread(away),
    )


def photo_measures(photos: Dataset) -> dict[str, NDArray[np.floating[Any]]]:
    """(n,) values of each of `MEASURES`: pixels, ratios, and light and colour on the scales of `petmood.audit`."""
    records, light = photos.records, photos.measures
    sharpness = quality_measures(records, photos.pictures, photos.cache)[:, QUALITY.index("sharpness")]
    columns = (
        np.array([min(r.width, r.height) for r in records], dtype=np.float64),
        np.array([r.width / r.height for r in records]),
        sharpness,
        light[:, LIGHT][:, 0],
        light[:, LIGHT][:, 1],
        light[:, COLOUR][:, 3],
    )
    return dict(zip(MEASURES, columns, strict=True))


def species_of(photos: Dataset) -> list[str] | None:
    """The kind of animal of each photo: as the data say it, else as an ImageNet head tells; None where none can."""
    return None if photos.species is None else photos.species.by_row


def _spread(values: NDArray[np.floating[Any]]) -> Spread:
    found = np.quantile(values, SHARES)
    return Spread(shares=SHARES, values=tuple(float(f"{value:.6g}") for value in found))
