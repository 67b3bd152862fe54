"""Features by photo -> what species has to do with mood, and what is left of mood when species is taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.audit.association import CI_METHOD, cramers_v, cross_table, nmi, table_interval
from petmood.audit.erasure import ERASERS
from petmood.audit.species import N_IMAGENET, SPECIES, species_probabilities
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.errors import DataError, ModelError
from petmood.evaluate.paired import paired_facts
from petmood.evaluate.protocols import Predictions, grouped_name
from petmood.labels import read_column
from petmood.progress import Progress, Silent
from petmood.results import Association, PairedFacts, SpeciesFacts
from petmood.sources import open_source
from petmood.split import grouped_folds
from petmood.train.erased import ErasedHead
from petmood.train.heads import make_head
from petmood.workflows.photos import Photos, fewest_folds, predict_photos, read_photos
from petmood.workflows.species_clusters import SpeciesTable, species_clusters

HEAD: Final = "logistic"
MIN_WITHIN: Final = 30
"""Photos of a species from which a comparison inside it is made."""

_VERSION = 2  # part of the cache's key; raise it when a figure of this module changes its meaning


def has_imagenet_head(photos: Photos) -> bool:
    """Whether the backbone's own head tells ImageNet's classes, from which species follow."""
    return photos.logits is not None and photos.logits.shape[1] == N_IMAGENET


def species_of(photos: Photos) -> SpeciesTable:
    """Species by photo, from the backbone's own head.

    Raises:
        ModelError: the backbone has no ImageNet head.
    """
    if photos.logits is None:
        raise ModelError(f"species need the ImageNet head of a backbone; {photos.backbone} has none. Use another one.")
    return SpeciesTable(species_probabilities(photos.logits), SPECIES, "head")


def species_from_file(photos: Photos, path: Path) -> SpeciesTable:
    """Species by photo from a CSV file with the columns `path` and `species`, which must name every photo.

    Raises:
        DataError: the file cannot be read, or a line or a photo is amiss.
    """
    given = read_column(path, photos.full, "species")
    lacking = [r.path for r in photos.manifest.records if r.path not in given]
    if lacking:
        raise DataError(f"{path} has no line for {len(lacking)} photos, the first '{lacking[0]}'. Add them.")
    names = tuple(sorted(set(given.values())))
    index = [names.index(given[r.path]) for r in photos.manifest.records]
    return SpeciesTable(np.eye(len(names))[index], names, "file")


def species_facts(
    photos: Photos, settings: RunSettings, cache: ContentCache, species: SpeciesTable | None = None
) -> SpeciesFacts:
    """Measure species against mood; computed once for given data, features and settings.

    Args:
        photos: the data.
        settings: folds and seed.
        cache: of what is known by content.
        species: of each photo; told by the backbone's head if None.

    Raises:
        ModelError: the backbone has no ImageNet head.
    """
    told = species or species_of(photos)
    causes = [_VERSION, photos.manifest.digest, photos.key, settings.folds, settings.seed, told.key]
    kept = cache.remember("species/v1", causes, lambda: _measure(photos, told, settings, cache).model_dump(mode="json"))
    return SpeciesFacts.model_validate(kept)


def _measure(photos: Photos, species: SpeciesTable, settings: RunSettings, cache: ContentCache) -> SpeciesFacts:
    manifest = photos.manifest
    folds = fewest_folds(manifest, settings.folds)
    classes = manifest.classes
    table = cross_table(species.index, photos.labels, len(species.names), len(classes))
    truth = photos.labels

    def hits(made: Predictions) -> NDArray[np.bool_]:
        return np.asarray(made.predicted == truth)

    features = hits(_predict(photos, photos.features, HEAD, settings, folds, cache))
    alone = hits(_predict(photos, species.probabilities, f"{HEAD} on species {species.key}", settings, folds, cache))
    protocol = grouped_name(folds)
    return SpeciesFacts(
        backbone=photos.backbone,
        told_by=species.told_by,
        n=len(manifest),
        protocol=protocol,
        ci_method=CI_METHOD,
        table={
            name: {c: int(v) for c, v in zip(classes, row, strict=True)}
            for name, row in zip(species.names, table, strict=True)
            if row.sum()
        },
        association=Association(
            n=len(manifest),
            cramers_v=float(cramers_v(table)),
            cramers_v_ci=table_interval(table, cramers_v, seed=settings.seed),
            nmi=float(nmi(table)),
            nmi_ci=table_interval(table, nmi, seed=settings.seed),
        ),
        clusters=species_clusters(photos, species, settings),
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
        return ErasedHead(lambda: make_head(HEAD, seed), method, len(species.names))

    return predict_photos(
        photos, both, f"{HEAD} after {method} of {species.key}", make, folds=folds, seed=seed, cache=cache
    )


def _within(
    photos: Photos, species: SpeciesTable, hits: NDArray[np.bool_], folds: int, seed: int
) -> tuple[PairedFacts, ...]:
    """Inside each species: the model against that species' commonest mood, both learned on the training folds."""
    manifest, k = photos.manifest, len(photos.manifest.classes)
    commonest = np.zeros(len(manifest), dtype=np.int64)
    for fold in grouped_folds(manifest, folds=folds, seed=seed):
        counts = cross_table(species.index[fold.train], photos.labels[fold.train], len(species.names), k)
        # a species that training does not have takes the commonest mood of all
        counts = np.where(counts.sum(axis=1, keepdims=True) > 0, counts, counts.sum(axis=0))
        commonest[fold.evaluate] = counts.argmax(axis=1)[species.index[fold.evaluate]]
    right = commonest == photos.labels
    found = []
    for i in np.argsort(-np.bincount(species.index, minlength=len(species.names)), kind="stable"):
        rows = species.index == i
        if rows.sum() >= MIN_WITHIN:
            found.append(
                paired_facts(
                    hits[rows],
                    right[rows],
                    name=species.names[i],
                    reference="the species' commonest mood",
                    protocol=grouped_name(folds),
                )
            )
    return tuple(found)


def image_species(photos: Photos, species: SpeciesTable) -> Sequence[dict[str, object]]:
    """For each photo its path, most probable species and the probability of each species."""
    return [
        {
            "path": record.path,
            "species": species.names[index],
            "probabilities": {name: round(float(p), 6) for name, p in zip(species.names, row, strict=True)},
        }
        for record, index, row in zip(photos.manifest.records, species.index, species.probabilities, strict=True)
    ]


@dataclass(frozen=True)
class SpeciesOutcome:
    """What `petmood species` found: the facts, and the species of each photo."""

    facts: SpeciesFacts
    images: Sequence[dict[str, object]]


def species(
    data: Path,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    labels: Path | None = None,
    given: Path | None = None,
) -> SpeciesOutcome:
    """Species of each photo of a data set, and what they have to do with mood.

    Args:
        data: folder or .zip of labelled images.
        settings: backbone, folds and seed.
        progress: where to show it.
        labels: labels.csv whose labels replace the data's, if given.
        given: CSV with the species of every photo, for animals that ImageNet does not know; else the head tells.

    Raises:
        PetmoodError: anything the user can mend.
    """
    shown, cache = progress or Silent(), ContentCache()
    with open_source(data) as source:
        photos = read_photos(source, settings, cache, shown, labels=labels)
        with shown.stage("Measuring species against mood"):
            told = species_of(photos) if given is None else species_from_file(photos, given)
            facts = species_facts(photos, settings, cache, told)
    return SpeciesOutcome(facts, image_species(photos, told))
