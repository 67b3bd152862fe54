"""Features by photo -> what species has to do with mood, and what is left of mood when species is taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.audit.association import CI_METHOD, Counts, cramers_v, cross_table, nmi, table_interval
from petmood.audit.erasure import ERASERS, fit_eraser
from petmood.audit.species import SPECIES, species_probabilities
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.errors import ModelError
from petmood.evaluate.paired import paired_facts
from petmood.evaluate.protocols import Predictions, grouped_name
from petmood.progress import Progress, Silent
from petmood.records import IntArray
from petmood.results import Association, PairedFacts, SpeciesClusters, SpeciesFacts
from petmood.sources import open_source
from petmood.split import grouped_folds
from petmood.train.erased import ErasedHead
from petmood.train.heads import make_head
from petmood.workflows.photos import Photos, fewest_folds, predict_photos, read_photos

HEAD: Final = "logistic"
MIN_WITHIN: Final = 30
"""Photos of a species from which a comparison inside it is made."""

_VERSION = 1  # part of the cache's key; raise it when a figure of this module changes its meaning


@dataclass(frozen=True)
class SpeciesTable:
    """(n, 8) probabilities of species by photo, in the order of `SPECIES`."""

    probabilities: NDArray[np.float64]

    @property
    def index(self) -> IntArray:
        """(n,) int64: the most probable species."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)


def species_of(photos: Photos) -> SpeciesTable:
    """Species by photo, from the backbone's own head.

    Raises:
        ModelError: the backbone has no ImageNet head.
    """
    if photos.logits is None:
        raise ModelError(f"species need the ImageNet head of a backbone; {photos.backbone} has none. Use another one.")
    return SpeciesTable(species_probabilities(photos.logits))


def species_facts(photos: Photos, settings: RunSettings, cache: ContentCache) -> SpeciesFacts:
    """Measure species against mood; computed once for given data, features and settings.

    Raises:
        ModelError: the backbone has no ImageNet head.
    """
    causes = [_VERSION, photos.manifest.digest, photos.key, settings.folds, settings.seed, settings.n_init]
    kept = cache.remember("species/v1", causes, lambda: _measure(photos, settings, cache).model_dump(mode="json"))
    return SpeciesFacts.model_validate(kept)


def _measure(photos: Photos, settings: RunSettings, cache: ContentCache) -> SpeciesFacts:
    manifest, species = photos.manifest, species_of(photos)
    folds = fewest_folds(manifest, settings.folds)
    classes = manifest.classes
    table = cross_table(species.index, photos.labels, len(SPECIES), len(classes))
    truth = photos.labels

    def hits(made: Predictions) -> NDArray[np.bool_]:
        return np.asarray(made.predicted == truth)

    features = hits(_predict(photos, photos.features, HEAD, settings, folds, cache))
    alone = hits(_predict(photos, species.probabilities, f"{HEAD} on species", settings, folds, cache))
    protocol = grouped_name(folds)
    return SpeciesFacts(
        backbone=photos.backbone,
        n=len(manifest),
        protocol=protocol,
        ci_method=CI_METHOD,
        table={
            name: {c: int(v) for c, v in zip(classes, row, strict=True)}
            for name, row in zip(SPECIES, table, strict=True)
            if row.sum()
        },
        association=Association(
            n=len(manifest),
            cramers_v=float(cramers_v(table)),
            cramers_v_ci=table_interval(table, cramers_v, seed=settings.seed),
            nmi=float(nmi(table)),
            nmi_ci=table_interval(table, nmi, seed=settings.seed),
        ),
        clusters=_clusters(photos, species, settings),
        within=_within(photos, species, features, folds, settings.seed),
        over_species=paired_facts(features, alone, name="features", reference="species alone", protocol=protocol),
        erased=tuple(
            paired_facts(
                hits(_predict_erased(photos, species, method, settings, folds, cache)),
                features,
                name=method,
                reference="features",
                protocol=protocol,
            )
            for method in ERASERS
        ),
    )


def _predict(
    photos: Photos,
    vectors: NDArray[np.floating[Any]],
    name: str,
    settings: RunSettings,
    folds: int,
    cache: ContentCache,
) -> Predictions:
    seed = settings.seed
    return predict_photos(photos, vectors, name, lambda: make_head(HEAD, seed), folds=folds, seed=seed, cache=cache)


def _predict_erased(
    photos: Photos, species: SpeciesTable, method: str, settings: RunSettings, folds: int, cache: ContentCache
) -> Predictions:
    both = np.hstack([photos.features, species.probabilities])
    seed = settings.seed

    def make() -> ErasedHead:
        return ErasedHead(lambda: make_head(HEAD, seed), method, len(SPECIES))

    return predict_photos(photos, both, f"{HEAD} after {method}", make, folds=folds, seed=seed, cache=cache)


def _within(
    photos: Photos, species: SpeciesTable, hits: NDArray[np.bool_], folds: int, seed: int
) -> tuple[PairedFacts, ...]:
    """Inside each species: the model against that species' commonest mood, both learned on the training folds."""
    manifest, k = photos.manifest, len(photos.manifest.classes)
    commonest = np.zeros(len(manifest), dtype=np.int64)
    for fold in grouped_folds(manifest, folds=folds, seed=seed):
        counts = cross_table(species.index[fold.train], photos.labels[fold.train], len(SPECIES), k)
        # a species that training does not have takes the commonest mood of all
        counts = np.where(counts.sum(axis=1, keepdims=True) > 0, counts, counts.sum(axis=0))
        commonest[fold.evaluate] = counts.argmax(axis=1)[species.index[fold.evaluate]]
    right = commonest == photos.labels
    found = []
    for i in np.argsort(-np.bincount(species.index, minlength=len(SPECIES)), kind="stable"):
        rows = species.index == i
        if rows.sum() >= MIN_WITHIN:
            found.append(
                paired_facts(
                    hits[rows],
                    right[rows],
                    name=SPECIES[i],
                    reference="the species' commonest mood",
                    protocol=grouped_name(folds),
                )
            )
    return tuple(found)


def _clusters(photos: Photos, species: SpeciesTable, settings: RunSettings) -> tuple[SpeciesClusters, ...]:
    from sklearn.cluster import KMeans

    train = photos.manifest.in_split("train")
    found = []
    for k in (len(photos.manifest.classes), 2 * len(photos.manifest.classes)):
        if len(train) < k:
            continue
        plain: IntArray | None = None
        for method in ("none", *ERASERS):
            vectors = photos.features.astype(np.float64)
            if method != "none":
                eraser = fit_eraser(method, vectors[train], species.probabilities[train])
                vectors = eraser.transform(vectors, species.probabilities)
            model = KMeans(n_clusters=k, n_init=settings.n_init, random_state=settings.seed).fit(vectors[train])
            assigned = np.asarray(model.predict(vectors), dtype=np.int64)
            plain = assigned if plain is None else plain
            found.append(_cluster_facts(method, k, assigned, plain, photos, species, settings.seed))
    return tuple(found)


def _cluster_facts(
    method: str, k: int, assigned: IntArray, plain: IntArray, photos: Photos, species: SpeciesTable, seed: int
) -> SpeciesClusters:
    classes = len(photos.manifest.classes)
    with_species = cross_table(assigned, species.index, k, len(SPECIES))
    with_mood = cross_table(assigned, photos.labels, k, classes)
    both = np.zeros((k, k, classes))
    np.add.at(both, (assigned, plain, photos.labels), 1)

    def change(tables: Counts) -> NDArray[np.float64]:
        return nmi(tables.sum(axis=2)) - nmi(tables.sum(axis=1))

    return SpeciesClusters(
        erased=method,
        k=k,
        n=len(assigned),
        nmi_species=float(nmi(with_species)),
        nmi_species_ci=table_interval(with_species, nmi, seed=seed),
        nmi_mood=float(nmi(with_mood)),
        nmi_mood_ci=table_interval(with_mood, nmi, seed=seed),
        mood_change=float(change(both[np.newaxis])[0]),
        mood_change_ci=(0.0, 0.0) if method == "none" else table_interval(both, change, low=-1.0, seed=seed),
    )


def image_species(photos: Photos, species: SpeciesTable) -> Sequence[dict[str, object]]:
    """For each photo its path, most probable species and the probability of each species."""
    return [
        {
            "path": record.path,
            "species": SPECIES[index],
            "probabilities": {name: round(float(p), 6) for name, p in zip(SPECIES, row, strict=True)},
        }
        for record, index, row in zip(photos.manifest.records, species.index, species.probabilities, strict=True)
    ]


@dataclass(frozen=True)
class SpeciesOutcome:
    """What `petmood species` found: the facts, and the species of each photo."""

    facts: SpeciesFacts
    images: Sequence[dict[str, object]]


def species(
    data: Path, settings: RunSettings, progress: Progress | None = None, *, labels: Path | None = None
) -> SpeciesOutcome:
    """Species of each photo of a data set, and what they have to do with mood.

    Raises:
        PetmoodError: anything the user can mend.
    """
    shown, cache = progress or Silent(), ContentCache()
    with open_source(data) as source:
        photos = read_photos(source, settings, cache, shown, labels=labels)
        with shown.stage("Measuring species against mood"):
            facts = species_facts(photos, settings, cache)
    return SpeciesOutcome(facts, image_species(photos, species_of(photos)))
