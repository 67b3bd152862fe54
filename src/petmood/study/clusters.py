"""Backbones -> the study's k-means on their features, fed rightly and as the study fed them, by several seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from petmood.cluster.kmeans import describe_split, fit_kmeans
from petmood.cluster.tuning import rotate
from petmood.config import StudySettings
from petmood.dataset import Dataset
from petmood.dataset.figures import model_facts
from petmood.errors import MissingExtraError, ModelError
from petmood.evaluation.protocols import Predictions, family_weights, test_name
from petmood.features import Backbone, load_backbone
from petmood.features.maps import flatten_maps, unscaled
from petmood.progress import Tick
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import ClusterFacts, KmeansSeeds, ModelFacts, StudyBackbone
from petmood.split import official_fold

STUDY_BACKBONES: Final = ("mobilenet", "resnet50")
STAND_IN: Final = "efficientnet-lite0"
TITLES: Final = {"mobilenet": "MobileNet", "resnet50": "ResNet50"}
SEEDS: Final = 5
"""Runs of k-means whose figures are compared with the study's; that of the first seed is the one shown."""

FED: Final = {"correct": "fed as its weights were trained", "study": "fed pixels in [0, 1], as in the study"}


@dataclass(frozen=True)
class Chosen:
    """A backbone to cluster with, whose place it takes if its own weights are not there, and why."""

    backbone: Backbone
    stands_in_for: str | None = None
    note: str = ""

    @property
    def title(self) -> str:
        """Its name for people."""
        return TITLES.get(self.backbone.name, self.backbone.name)


@dataclass(frozen=True)
class Clustered:
    """One k-means run of the study: its facts, other seeds, where each image fell, and its scores as a classifier."""

    facts: ClusterFacts
    seeds: KmeansSeeds
    assigned: IntArray
    as_model: ModelFacts


def choose(settings: StudySettings) -> list[Chosen]:
    """The backbones that were asked for; else those of the study's two that are on this machine, or a stand-in.

    Raises:
        PetmoodError: a backbone that was asked for cannot be had.
    """
    if settings.backbones:
        return [Chosen(load_backbone(name)) for name in settings.backbones]
    found, reasons = [], {}
    for name in STUDY_BACKBONES:
        try:
            found.append(Chosen(load_backbone(name, download=False)))
        except (MissingExtraError, ModelError) as error:
            reasons[name] = str(error)
    if not found:
        missing = " and ".join(TITLES[name] for name in reasons)
        found = [Chosen(load_backbone(STAND_IN), stands_in_for=missing, note=" ".join(reasons.values()))]
    return found


def describe(chosen: Chosen, manifest: Manifest, row: tuple[int, ...]) -> StudyBackbone:
    """What a backbone is, and the shapes of the features it makes of each split."""
    prepared = chosen.backbone.preprocess
    shapes = {s: (len(manifest.in_split(s)), *((1, *row) if len(row) == 3 else row)) for s in manifest.split_names()}
    return StudyBackbone(
        name=chosen.backbone.name,
        title=chosen.title,
        stands_in_for=chosen.stands_in_for,
        note=chosen.note,
        size=prepared.size,
        mean=prepared.mean,
        std=prepared.std,
        shapes=shapes,
    )


def feedings(settings: StudySettings) -> tuple[str, ...]:
    """The ways of feeding pixels that were asked for."""
    return ("study", "correct") if settings.preprocess == "both" else (settings.preprocess,)


def cluster(
    chosen: Chosen,
    feeding: str,
    data: Dataset,
    settings: StudySettings,
    tick: Tick,
) -> tuple[Clustered, tuple[int, ...]]:
    """K-means on one backbone's features, and the shape of one image's features; kept by content."""
    manifest = data.manifest
    backbone = unscaled(chosen.backbone) if feeding == "study" else chosen.backbone
    k, seeds = len(manifest.classes), list(range(settings.seed, settings.seed + SEEDS))

    def compute() -> dict[str, Any]:
        table, shape = _features(data, backbone, settings.pooling, tick)
        space = replace(table, vectors=rotate(table.vectors, manifest.in_split("train")))
        runs = [_assign(space, manifest, k, settings.n_init, seed) for seed in seeds]
        found = [_describe(run, table, space, manifest, k) for run in runs]
        return {"shape": shape, "assigned": [run.tolist() for run in runs], "splits": found}

    causes = [manifest.digest, backbone.key, settings.pooling, k, settings.n_init, seeds]
    kept = data.cache.remember("study-kmeans/v2", causes, compute)
    runs = [np.array(run, dtype=np.int64) for run in kept["assigned"]]
    name = f"k-means on {chosen.title}, {FED[feeding]}"
    facts = [
        ClusterFacts(
            name=name,
            backbone=backbone.name,
            method="kmeans",
            k=k,
            n_init=settings.n_init,
            seed=seed,
            fitted_on="train",
            splits=splits,
            preprocess=feeding,
            pooling=settings.pooling,
        )
        for seed, splits in zip(seeds, kept["splits"], strict=True)
    ]
    title = f"K-means on {chosen.title}, {'pixels in [0, 1]' if feeding == 'study' else 'own preprocessing'}"
    model = as_classifier(runs[0], manifest, k, f"{backbone.name}+kmeans-{feeding}", title, settings.seed)
    return Clustered(facts[0], _by_seed(facts, manifest), runs[0], model), tuple(kept["shape"])


def _features(data: Dataset, backbone: Backbone, pooling: str, tick: Tick) -> tuple[FeatureTable, tuple[int, ...]]:
    if pooling == "flatten":
        return flatten_maps(data.manifest, data.pictures, backbone, progress=tick)
    table = data.features(backbone)
    return table, table.vectors.shape[1:]


def _assign(space: FeatureTable, manifest: Manifest, k: int, n_init: int, seed: int) -> IntArray:
    model = fit_kmeans(space, manifest.in_split("train"), k=k, n_init=n_init, seed=seed)
    return np.asarray(model.predict(space.vectors), dtype=np.int64)


def _describe(
    assigned: IntArray, table: FeatureTable, space: FeatureTable, manifest: Manifest, k: int
) -> dict[str, Any]:
    found = {}
    for split in manifest.split_names():
        rows = manifest.in_split(split)
        # between rows of train the rotated coordinates keep distances, and they are far fewer
        vectors = (space if split == "train" else table).rows(rows)
        facts = describe_split(assigned[rows], manifest.class_index[rows], vectors, k=k, classes=manifest.classes)
        photos = np.bincount(assigned[manifest.photos_in_split(split)], minlength=k)
        facts = facts.model_copy(update={"beside": tuple(int(n) for n in photos)})
        found[split] = facts.model_dump(mode="json")
    return found


def _by_seed(found: list[ClusterFacts], manifest: Manifest) -> KmeansSeeds:
    splits = manifest.split_names()
    return KmeansSeeds(
        name=found[0].name,
        seeds=tuple(facts.seed for facts in found),
        sizes={s: tuple(tuple(sorted(f.splits[s].sizes, reverse=True)) for f in found) for s in splits},
        purity=tuple(f.splits["train"].purity for f in found),
        nmi=tuple(f.splits["train"].nmi for f in found),
        top_share={s: tuple(_top_share(f, s) for f in found) for s in splits},
    )


def _top_share(facts: ClusterFacts, split: str) -> float:
    """Share of the commonest class in the purest cluster that holds 5 % of the split or more."""
    found = facts.splits[split]
    shares: Iterator[float] = (
        max(composition.values()) / size
        for size, composition in zip(found.sizes, found.composition, strict=True)
        if size >= 0.05 * found.n
    )
    return max(shares)


def as_classifier(assigned: IntArray, manifest: Manifest, k: int, name: str, title: str, seed: int) -> ModelFacts:
    """Clusters as a classifier: each answers the mood of most photos of train in it; scored on the photos of test."""
    fold = official_fold(manifest)
    votes = np.zeros((k, len(manifest.classes)))
    np.add.at(votes, (assigned[fold.train], manifest.class_index[fold.train]), family_weights(manifest, fold.train))
    answers = votes[assigned[fold.evaluate]]
    shares = answers / answers.sum(axis=1, keepdims=True).clip(1e-12)
    return model_facts(
        manifest,
        Predictions(fold.evaluate, shares, len(np.unique(manifest.family_index[fold.train]))),
        name=name,
        title=title,
        protocol=test_name(manifest),
        seed=seed,
        training="files of train, as in the study",
        settings={"k": k},
        used={"train": "named", "valid": "unused", "test": "evaluated"},
        basis="study-clusters",
    )
