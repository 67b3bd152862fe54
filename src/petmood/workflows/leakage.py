"""The leakage meter as a job: models and controls under a random, a grouped and the official split -> LeakageFacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.folds import random_folds
from petmood.evaluate.leakage import accuracy_gap, exposed_items, judge_split, leakage_figure, permute_labels
from petmood.evaluate.protocols import OFFICIAL, Predictions, grouped_name
from petmood.progress import Progress, Tick
from petmood.records import FeatureTable, FloatArray, IntArray, Manifest
from petmood.results import LeakageFacts, LeakageFigure, put_mark
from petmood.split import Fold, grouped_folds, official_fold, straddling_families
from petmood.workflows.frozen import HEAD, leak_mark
from petmood.workflows.material import open_material
from petmood.workflows.predictions import Subject, head_subject, predict
from petmood.workflows.simple import thumbnail_subject, thumbnail_vectors

Make = Callable[[Manifest], list[Fold]]


@dataclass(frozen=True)
class _Split:
    name: str
    text: str
    make: Make
    pool: str = ""


def random_name(folds: int) -> str:
    """Name of k-fold cross-validation over files, blind to families."""
    return f"random-{folds}-fold"


def leakage_facts(
    manifest: Manifest,
    features: FeatureTable,
    thumbnails: FloatArray,
    settings: RunSettings,
    cache: ContentCache,
    tick: Tick = lambda done, total: None,
    head: str = HEAD,
) -> LeakageFacts:
    """Measure a head, the same head with a weak penalty, thumbnails and labels dealt at random under each split.

    Raises:
        LeakageError: the official split leaks and the manifest does not allow it.
    """
    official_fold(manifest)
    splits = _splits(settings)
    dealt = permute_labels(manifest, settings.seed)
    weak = head_subject(features, "logistic-c1", settings.seed)
    subjects = [head_subject(features, head, settings.seed), thumbnail_subject(thumbnails)]
    if subjects[0].name != weak.name:
        subjects.insert(1, weak)
    figures: list[LeakageFigure] = []
    made_of: dict[tuple[str, str], Predictions] = {}
    total = len(splits) * (len(subjects) + 1)

    def measure(subject: Subject, split: _Split, data: Manifest, name: str, title: str, control: bool) -> Predictions:
        protocol = f"{split.name}/{settings.seed}{split.pool}"
        made = predict(subject, data, protocol, lambda: split.make(data), cache, allow_leakage=True)
        figures.append(leakage_figure(data, made, subject=name, title=title, control=control, split=split.name))
        tick(len(figures), total)
        return made

    for split in splits:
        for subject in subjects:
            made = measure(subject, split, manifest, subject.name, subject.title, subject is subjects[-1])
            if subject is not subjects[-1]:
                made_of[split.name, subject.name] = made
        measure(weak, split, dealt, "permuted-labels", "Labels dealt at random, by photo", True)
    chance = _majority_share(manifest)
    grouped = grouped_name(settings.folds)
    judged = []
    for split in splits:
        own = [f for f in figures if f.split == split.name]
        gap = None
        if split.name == random_name(settings.folds):
            # what the split hides most is told by the model that learns most by heart
            worst = max((f for f in own if not f.control), key=lambda f: f.accuracy).subject
            gap = accuracy_gap(manifest, made_of[split.name, worst], made_of[grouped, worst])
        judged.append(
            judge_split(split.name, split.text, own, exposed_items(manifest, split.make(manifest)), chance, gap)
        )
    verdict = " ".join(f"{_label(s.split)}: {s.verdict}" for s in judged if not s.split.startswith("grouped"))
    allowed = manifest.allow_leakage and bool(straddling_families(manifest))
    return LeakageFacts(allowed=allowed, chance=chance, figures=tuple(figures), splits=tuple(judged), verdict=verdict)


def _label(split: str) -> str:
    return "Official split" if split == OFFICIAL else f"{split.replace('-', ' ', 1).capitalize()}"


def _splits(settings: RunSettings) -> tuple[_Split, ...]:
    folds, seed = settings.folds, settings.seed
    return (
        _Split(
            random_name(folds),
            "The files of train (all, where petmood made the splits) dealt into folds at random, as if each were a "
            "photo of its own: the practice behind published figures. It counts files.",
            lambda m: list(random_folds(m, folds=folds, seed=seed, rows=_pool(m))),
            "/files of train",
        ),
        _Split(
            grouped_name(folds),
            "All photos dealt into folds with everything derived from them. It counts photos.",
            lambda m: list(grouped_folds(m, folds=folds, seed=seed)),
        ),
        _Split(OFFICIAL, "Fitted on train, evaluated once on the photos of test.", lambda m: [official_fold(m)]),
    )


def _pool(manifest: Manifest) -> IntArray | None:
    return manifest.in_split("train") if manifest.official_splits else None


def _majority_share(manifest: Manifest) -> float:
    counts = np.bincount(manifest.class_index[manifest.photo_index])
    return float(counts.max() / counts.sum())


def leakage(data: Path, settings: RunSettings, progress: Progress | None = None, head: str = HEAD) -> LeakageFacts:
    """Ingest a data set, make its features, and hold the meter to it.

    Raises:
        PetmoodError: anything the user can mend; a split that leaks unless the settings allow it.
    """
    with open_material(data, settings, progress) as material:
        thumbnails = thumbnail_vectors(material.manifest, material.source, material.cache)
        with material.progress.stage("leakage", "Measuring leakage") as tick:
            manifest, features, cache = material.manifest, material.features, material.cache
            facts = leakage_facts(manifest, features, thumbnails, settings, cache, tick, head)
    mark = leak_mark(manifest)
    return put_mark(facts, mark) if mark else facts
