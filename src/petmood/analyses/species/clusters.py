"""Features and species by photo -> what k-means clusters are clusters of, before and after species is taken out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.species.facts import SpeciesClusters
from petmood.config import RunSettings
from petmood.dataset import Dataset, SpeciesTable
from petmood.dataset.sample import sample_rows
from petmood.evaluation.association import mean_nmi
from petmood.evaluation.statistics import draw_counts, shifted_interval
from petmood.features.erasure import ERASERS, fit_eraser
from petmood.records import IntArray
from petmood.threads import streamed

REPEATS: Final = 5
N_INIT: Final = 4
"""Clusterings over which NMI is averaged, and starts of each: one k-means of a few hundred photos is luck."""

DRAWS: Final = 500

MANY_CLUSTERED: Final = 4_000
"""Photos up to which all are clustered; of more about so many, since each way to take species out costs 40 k-means."""


def species_clusters(photos: Dataset, species: SpeciesTable, settings: RunSettings) -> tuple[SpeciesClusters, ...]:
    """K-means on features with and without species, against species and mood; fitted on train's photos.

    Args:
        photos: features and labels.
        species: of each photo.
        settings: seed.
    """
    rows = sample_rows(photos.manifest, settings.seed, MANY_CLUSTERED)
    if len(rows) < len(photos):
        photos = photos.subset(rows)
        species = replace(species, probabilities=species.probabilities[rows])
    train = photos.manifest.in_split("train")
    found = []
    methods = ("none", *ERASERS)
    made = streamed(methods, lambda method: _span(photos, settings.backbone, species, train, method))
    spans = dict(zip(methods, made, strict=True))
    for k in (len(photos.manifest.classes), 2 * len(photos.manifest.classes)):
        if len(train) < k:
            continue
        plain: NDArray[np.int64] | None = None
        for method, vectors in spans.items():
            one = partial(_assigned, vectors, train, k)
            assigned = np.stack(list(streamed(range(settings.seed, settings.seed + REPEATS), one)))
            plain = assigned if plain is None else plain
            found.append(_cluster_facts(method, k, assigned, plain, photos, species))
    return tuple(found)


def _assigned(vectors: NDArray[np.float64], train: IntArray, k: int, seed: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    model = KMeans(n_clusters=k, n_init=N_INIT, random_state=seed).fit(vectors[train])
    return np.asarray(model.predict(vectors), dtype=np.int64)


def _span(photos: Dataset, backbone: str, species: SpeciesTable, train: IntArray, method: str) -> NDArray[np.float64]:
    """(n, <= n) float64: vectors of the photos with species taken out, in as few dimensions as keep their distances."""
    vectors = photos.features(backbone).vectors.astype(np.float64)
    if method != "none":
        vectors = fit_eraser(method, vectors[train], species.probabilities[train]).transform(
            vectors, species.probabilities
        )
    left, singular, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    return np.asarray(left * singular)


def _cluster_facts(
    method: str,
    k: int,
    assigned: NDArray[np.int64],
    plain: NDArray[np.int64],
    photos: Dataset,
    species: SpeciesTable,
) -> SpeciesClusters:
    n = assigned.shape[1]
    counts = draw_counts(np.ones(n, dtype=np.int64), resamples=DRAWS)
    classes = len(photos.manifest.classes)
    found = {}
    for name, clusters, other, values in (
        ("species", assigned, species.index, len(species.names)),
        ("mood", assigned, photos.labels, classes),
        ("plain", plain, photos.labels, classes),
    ):
        found[name] = (mean_nmi(clusters, other, k, values), mean_nmi(clusters, other, k, values, counts))
    change = found["mood"][0][0] - found["plain"][0][0]
    intervals = {name: shifted_interval(draws, float(value[0]), n) for name, (value, draws) in found.items()}
    return SpeciesClusters(
        erased=method,
        k=k,
        repeats=REPEATS,
        n=n,
        nmi_species=float(found["species"][0][0]),
        nmi_species_ci=intervals["species"],
        nmi_mood=float(found["mood"][0][0]),
        nmi_mood_ci=intervals["mood"],
        mood_change=float(change),
        mood_change_ci=shifted_interval(found["mood"][1] - found["plain"][1], float(change), n, low=-1.0),
    )
