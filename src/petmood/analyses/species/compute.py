"""Species beside mood: how they go together, and what is left of mood when species is taken out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.species.clusters import species_clusters
from petmood.analyses.species.facts import Association, SpeciesFacts
from petmood.config import RunSettings
from petmood.dataset import Dataset, Model, SpeciesTable, open_as
from petmood.dataset.figures import identity_of
from petmood.dataset.models import head, species_table, without_species
from petmood.dataset.models import species as species_alone
from petmood.evaluation.association import cramers_v, cross_table, nmi
from petmood.evaluation.protocols import Protocol, grouped
from petmood.evaluation.statistics import SHIFTED, paired_facts, table_interval
from petmood.features.erasure import ERASERS
from petmood.progress import Progress
from petmood.results import ComparisonFacts, PairedFacts

MIN_WITHIN: Final = 30
"""Photos of a species from which a comparison inside it is made."""


def species_facts(data: Dataset, settings: RunSettings) -> SpeciesFacts:
    """Measure species against mood by photo; computed once for given data, features and settings.

    Raises:
        ModelError: the species cannot be told.
    """
    photos = data.photos
    told = species_table(photos)
    key = photos.features(settings.backbone).key
    causes = [data.manifest.digest, key, settings.folds, settings.seed, told.key]
    return data.cache.remember_facts("species/v6", SpeciesFacts, causes, lambda: _measure(data, told, settings))


def _measure(data: Dataset, species: SpeciesTable, settings: RunSettings) -> SpeciesFacts:
    photos = data.photos
    classes, truth = photos.classes, photos.labels
    protocol = grouped(photos.manifest, settings.folds, settings.seed)
    table = cross_table(species.index, truth, len(species.names), len(classes))
    model, alone = head(settings.backbone), species_alone()

    def hits(one: Model) -> NDArray[np.bool_]:
        return photos.predictions(one, protocol).hits(photos.manifest)

    def pair(one: Model, other: Model, name: str, reference: str) -> PairedFacts:
        return paired_facts(
            hits(one),
            hits(other),
            name=name,
            reference=reference,
            protocol=protocol.name,
            identity=identity_of(data.manifest, one.name, protocol),
            reference_identity=identity_of(data.manifest, other.name, protocol),
        )

    return SpeciesFacts(
        backbone=settings.backbone,
        told_by=species.told_by,
        n=len(photos),
        protocol=protocol.name,
        ci_method=SHIFTED,
        table={
            name: {c: int(v) for c, v in zip(classes, row, strict=True)}
            for name, row in zip(species.names, table, strict=True)
            if row.sum()
        },
        association=Association(
            n=len(photos),
            cramers_v=float(cramers_v(table)),
            cramers_v_ci=table_interval(table, cramers_v),
            nmi=float(nmi(table)),
            nmi_ci=table_interval(table, nmi),
        ),
        clusters=species_clusters(photos, species, settings),
        within=_within(photos, species, hits(model), protocol),
        over_species=pair(model, alone, "features", "species alone"),
        erased=tuple(pair(without_species(model, photos, method), model, method, "features") for method in ERASERS),
    )


def _within(
    photos: Dataset, species: SpeciesTable, hits: NDArray[np.bool_], protocol: Protocol
) -> tuple[PairedFacts, ...]:
    """Inside each species: the model against that species' commonest mood, both learned on the training folds."""
    k = len(photos.classes)
    commonest = np.zeros(len(photos), dtype=np.int64)
    for fold in protocol.folds(photos.manifest):
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
                    protocol=protocol.name,
                )
            )
    return tuple(found)


def image_species(photos: Dataset) -> Sequence[dict[str, object]]:
    """For each photo its path, most probable species and the probability of each species."""
    told = species_table(photos)
    return [
        {
            "path": record.path,
            "species": name,
            "probabilities": {name: round(float(p), 6) for name, p in zip(told.names, row, strict=True)},
        }
        for record, name, row in zip(photos.records, told.by_row, told.probabilities, strict=True)
    ]


def species(
    data: Path,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    labels: Path | None = None,
    given: Path | None = None,
) -> tuple[SpeciesFacts, Sequence[dict[str, object]]]:
    """What the species of a data set have to do with mood, and those of each photo, as `image_species` gives them.

    Args:
        data: folder or .zip of labelled images.
        settings: backbone, folds and seed.
        progress: where to show it.
        labels: labels.csv whose labels replace the data's, if given.
        given: CSV with the species of every photo, for animals that ImageNet does not know; else the head tells.
    """
    with open_as(data, settings, progress, labels=labels, species=given) as opened:
        photos = opened.photos
        photos.features(settings.backbone)
        with opened.timed.stage("species", "Measuring species against mood"):
            return species_facts(opened, settings), image_species(photos)


def as_compared(species: SpeciesFacts, comparison: ComparisonFacts) -> SpeciesFacts:
    """One pair, one answer: the model against species alone, corrected as the report's table of all pairs is."""
    pair = species.over_species
    for found in comparison.above_species:
        if pair.identity is not None and (found.model, found.protocol) == (pair.identity.model, pair.protocol):
            corrected = {"gain_ci": found.difference_ci, "p": found.p, "comparisons": found.comparisons}
            return species.model_copy(update={"over_species": pair.model_copy(update=corrected)})
    return species
