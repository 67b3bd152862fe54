"""Features by photo -> which labels are in doubt, how many may be wrong, and how well such a search works here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.labels.doubt import (
    Doubts,
    Similarities,
    by_look_alikes,
    by_models,
    by_nearest_pairs,
    by_reader,
    conflicting_twins,
    find_doubts,
    nearest_of_class,
    noise_draws,
    noise_rate,
)
from petmood.analyses.labels.facts import LabelFacts, LabelModel, NeighbourFacts, PlantedCheck, SuspectFacts, TwinFacts
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_as
from petmood.dataset.figures import identity_of
from petmood.dataset.models import VOTERS, head
from petmood.errors import require_extra
from petmood.evaluation.protocols import Predictions, grouped
from petmood.evaluation.statistics import draw_counts, mean_interval, percentile_interval
from petmood.features import Backbone, load_backbone
from petmood.progress import Progress
from petmood.records import IntArray

SHOWN: Final = 60
NEIGHBOURS: Final = 2
TWINS: Final = 0.9
"""Cosine of standardised features from which two photos are taken for nearly the same."""
PLANTED: Final = 0.1
"""Share of labels that the check changes on purpose."""
NOISE_DRAWS: Final = 200
"""Resamplings of the noise rate, each of which takes a while."""

Votes = dict[str, Predictions]


def label_facts(
    data: Dataset, backbones: Sequence[Backbone], settings: RunSettings, *, check: bool = True
) -> LabelFacts:
    """Rank labels by doubt; computed once for given data, features and settings.

    Args:
        data: whose photos are looked at.
        backbones: networks whose features vote; the first also finds neighbours.
        settings: folds and seed.
        check: whether to plant errors and look for them.
    """
    keys = [data.photos.features(backbone).key for backbone in backbones]
    causes = [data.manifest.digest, keys, settings.folds, settings.seed, check]
    return data.cache.remember_facts(
        "labels/v8", LabelFacts, causes, lambda: _measure(data, backbones, settings, check)
    )


def doubts_of(photos: Dataset, backbones: Sequence[Backbone], settings: RunSettings) -> Doubts:
    """How doubtful each photo's label is, by every voter on every backbone."""
    votes = _votes(photos, backbones, settings)
    return find_doubts(photos.labels, [made.probabilities for made in votes.values()])


def _votes(photos: Dataset, backbones: Sequence[Backbone], settings: RunSettings) -> Votes:
    protocol = grouped(photos.manifest, settings.folds, settings.seed)
    models = [head(backbone, name) for backbone in backbones for name in VOTERS]
    return {model.name: photos.predictions(model, protocol) for model in models}


def _measure(data: Dataset, backbones: Sequence[Backbone], settings: RunSettings, check: bool) -> LabelFacts:
    photos = data.photos
    votes = _votes(photos, backbones, settings)
    labels, manifest = photos.labels, photos.manifest
    protocol = grouped(manifest, settings.folds, settings.seed)
    doubts = find_doubts(labels, [made.probabilities for made in votes.values()])
    rate = noise_rate(labels, doubts.mean)
    low, high = _noise_interval(labels, doubts.mean, rate)
    similarity = Similarities(photos.features(backbones[0]).vectors, TWINS)
    n = len(labels)
    differs = doubts.mean.argmax(axis=1) != labels
    disagree = int(differs.sum())
    flagged = [int(i) for i in doubts.order if doubts.flagged[i]]
    k = len(manifest.classes)
    pairs = (by_look_alikes(similarity, labels, k), by_nearest_pairs(similarity, labels, k))
    return LabelFacts(
        n=n,
        protocol=protocol.name,
        models=tuple(
            _model(name, made, labels).model_copy(update={"identity": identity_of(data.manifest, name, protocol)})
            for name, made in votes.items()
        ),
        flagged=len(flagged),
        noise_rate=rate,
        noise_rate_ci=(low, high),
        ceiling=1 - rate,
        ceiling_ci=(1 - high, 1 - low),
        disagreement=disagree / n,
        disagreement_ci=mean_interval(differs),
        by_class=_by_class(photos, doubts, flagged),
        suspects=tuple(
            _suspect(rank, row, photos, doubts, similarity) for rank, row in enumerate(flagged[:SHOWN], start=1)
        ),
        shown_limit=SHOWN,
        twins=tuple(
            TwinFacts(
                path_a=manifest.records[t.a].path,
                label_a=manifest.records[t.a].class_name,
                path_b=manifest.records[t.b].path,
                label_b=manifest.records[t.b].class_name,
                similarity=round(t.similarity, 4),
            )
            for t in conflicting_twins(similarity, labels)
        ),
        twin_similarity=TWINS,
        check=_check(photos, backbones, settings, rate) if check else None,
        estimates=(by_models(rate, (low, high), disagree, n), *(found for found in pairs if found is not None)),
    )


def _noise_interval(labels: IntArray, mean: NDArray[np.float64], rate: float) -> tuple[float, float]:
    draws = noise_draws(labels, mean, draw_counts(np.ones(len(labels), dtype=np.int64), resamples=NOISE_DRAWS))
    if not len(draws):
        return 0.0, 1.0
    low, high = percentile_interval(draws, len(labels))
    return min(low, rate), max(high, rate)


def _model(name: str, made: Predictions, labels: IntArray) -> LabelModel:
    right = made.predicted == labels
    return LabelModel(name=name, accuracy=float(right.mean()), accuracy_ci=mean_interval(right))


def _by_class(photos: Dataset, doubts: Doubts, flagged: Sequence[int]) -> dict[str, dict[str, int]]:
    classes = photos.manifest.classes
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for row in flagged:
        counts[photos.labels[row], doubts.suggested[row]] += 1
    return {a: {b: int(counts[i, j]) for j, b in enumerate(classes) if i != j} for i, a in enumerate(classes)}


def _suspect(rank: int, row: int, photos: Dataset, doubts: Doubts, similarity: Similarities) -> SuspectFacts:
    manifest, labels = photos.manifest, photos.labels
    record, suggested = manifest.records[row], int(doubts.suggested[row])

    similar = similarity.of(np.array([row]))[0]

    def near(wanted: int) -> tuple[NeighbourFacts, ...]:
        rows = nearest_of_class(similar, labels, row, wanted, NEIGHBOURS)
        return tuple(
            NeighbourFacts(
                path=manifest.records[i].path,
                label=manifest.records[i].class_name,
                similarity=round(float(similar[i]), 4),
            )
            for i in rows
        )

    votes = int(doubts.votes[row])
    p_given, p_suggested = float(doubts.mean[row, labels[row]]), float(doubts.mean[row, suggested])
    return SuspectFacts(
        rank=rank,
        path=record.path,
        split=record.split,
        given=record.class_name,
        suggested=manifest.classes[suggested],
        quality=round(float(doubts.quality[row]), 6),
        p_given=round(p_given, 6),
        p_suggested=round(p_suggested, 6),
        votes=votes,
        models=doubts.models,
        flagged=bool(doubts.flagged[row]),
        neighbours_given=near(int(labels[row])),
        neighbours_suggested=near(suggested),
    )


def _check(photos: Dataset, backbones: Sequence[Backbone], settings: RunSettings, before: float) -> PlantedCheck:
    """Change a tenth of the labels at random, and see how well the ranking finds them."""
    from sklearn.metrics import average_precision_score

    manifest, k = photos.manifest, len(photos.classes)
    rng = np.random.default_rng(settings.seed)
    count = max(1, round(PLANTED * len(manifest)))
    changed = np.sort(rng.permutation(len(manifest))[:count])
    labels = photos.labels.copy()
    labels[changed] = (labels[changed] + rng.integers(1, k, count)) % k
    records = tuple(replace(r, class_name=manifest.classes[i]) for r, i in zip(manifest.records, labels, strict=True))
    planted = replace(manifest, records=records)
    if np.bincount(labels, minlength=k).min() < 2:
        planted, labels, changed = manifest, photos.labels, changed[:0]
    doubts = doubts_of(photos.relabelled(planted), backbones, settings)
    truth = np.zeros(len(manifest), dtype=bool)
    truth[changed] = True
    hits = int(truth[doubts.order[: len(changed)]].sum())
    return PlantedCheck(
        changed=len(changed),
        share=len(changed) / len(manifest),
        average_precision=float(average_precision_score(truth, 1 - doubts.quality)) if len(changed) else 0.0,
        precision=hits / max(1, len(changed)),
        recall=hits / max(1, len(changed)),
        estimate_before=before,
        estimate_after=noise_rate(labels, doubts.mean),
    )


@dataclass(frozen=True)
class LabelsOutcome:
    """What `petmood labels` found: the facts, and every photo's path from most to least doubtful."""

    facts: LabelFacts
    ranking: tuple[str, ...]


def find_suspects(
    data: Path,
    settings: RunSettings,
    backbones: Sequence[str],
    progress: Progress | None = None,
    *,
    labels: Path | None = None,
    reader: Path | None = None,
) -> LabelsOutcome:
    """Which labels of a data set are in doubt.

    Args:
        data: folder or .zip of labelled images.
        settings: folds and seed.
        backbones: networks whose features vote; the first also finds neighbours.
        progress: where to show it.
        labels: labels.csv whose labels replace the data's, if given.
        reader: labels.csv of a second reader, by whom the noise rate is estimated too, if given.
    """
    require_extra("Finding suspect labels", "labels", "cleanlab")
    networks = [load_backbone(name) for name in backbones]
    with open_as(data, settings, progress, labels=labels) as opened:
        second = None if reader is None else by_reader(reader, opened.manifest)
        photos = opened.photos
        for network in networks:
            photos.features(network)
        with opened.timed.stage("labels", "Asking models about labels"):
            facts = label_facts(opened, networks, settings)
            if second is not None:
                facts = facts.model_copy(update={"estimates": (*facts.estimates, second)})
            order = doubts_of(photos, networks, settings).order
        return LabelsOutcome(facts, tuple(photos.records[i].path for i in order))
