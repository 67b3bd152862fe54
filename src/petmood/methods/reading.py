"""Data, backbones and cache -> what a registered method reads, its classifier, and what its predictions depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.contract import Classifier
from petmood.dataset import Dataset
from petmood.dataset.dataset import backbone_named
from petmood.dataset.outside import Outside, open_outside, open_unlabelled
from petmood.errors import ConfigError, MissingExtraError, ModelError
from petmood.evaluation.protocols import OutsideRows, Predictions, Training, cross_fit, fit_rows, training_rows
from petmood.features import Backbone
from petmood.features.species import grouping
from petmood.features.views import View
from petmood.records import IntArray, Manifest
from petmood.split import Fold
from petmood.training.catalog import Method
from petmood.training.compose import SelfTraining
from petmood.training.recipes import Recipe, build
from petmood.training.settings import FineTuneSettings

LITE0: Final = "efficientnet-lite0"

SPECIES: Final = hashlib.sha256(b"".join(part.tobytes() for part in grouping())).hexdigest()[:16]
"""Of the grouping of ImageNet's classes into species."""


@dataclass(frozen=True)
class Means:
    """What methods may use beside the data and the backbones that petmood knows.

    Attributes:
        use: names of backbones -> what they stand for, e.g. {"mobilenet": "onnx:FILE"}.
        extra: folder or .zip of outside labelled images, for training alone.
        mapping: its classes -> ours.
        unlabelled: folder or .zip of images without labels, for training alone.
    """

    use: Mapping[str, str] = field(default_factory=dict)
    extra: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    unlabelled: Path | None = None


@dataclass(frozen=True)
class MethodInputs:
    """What a method reads of every image, and how to make its classifier.

    Attributes:
        method: the method.
        backbones: the network of each view.
        vectors: (n_images, dim) float32, a row a record of the manifest.
        widths: columns of each view.
        outside: more labelled rows for training, if it uses such.
        unlabelled: (m, dim) unlabelled rows for training, if it uses such.
        causes: JSON-ready: all that its predictions depend on, but for data, folds, seed and the recipes' version.
    """

    method: Method
    backbones: tuple[Backbone, ...]
    vectors: NDArray[np.float32]
    widths: tuple[int, ...]
    outside: OutsideRows | None
    unlabelled: NDArray[np.float32] | None
    causes: list[Any]

    @property
    def start(self) -> Path | None:
        """The graph of a tuned network, from whose upper half fine-tuning goes on; None starts from ImageNet's."""
        return None if self.backbones[0].name == LITE0 else self.backbones[0].graph

    @property
    def blocks(self) -> list[NDArray[np.int64]]:
        """The columns of each view."""
        return [np.arange(a, b) for a, b in pairwise(np.cumsum([0, *self.widths]))]

    def make(self, seed: int) -> Classifier:
        """A fresh classifier."""
        blocks, recipe = self.blocks, self.method.recipe
        if recipe.kind == "finetune":
            return _tuned(recipe, seed, self.start)
        if self.unlabelled is None or self.method.unlabelled is None:
            return build(recipe, blocks, seed)
        return SelfTraining(lambda: build(recipe, blocks, seed), self.unlabelled, weight=self.method.unlabelled)

    @property
    def training(self) -> Training:
        """What the method is fitted on."""
        return "photos" if self.method.photos_only else "files"

    def fit(self, manifest: Manifest, rows: IntArray, seed: int) -> Classifier:
        """The classifier, fitted on some records of the manifest."""
        train = training_rows(manifest, rows, self.training)
        return fit_rows(lambda: self.make(seed), self.vectors, manifest, train, self.outside)

    def predict(self, manifest: Manifest, rows: IntArray, folds: Sequence[Fold], seed: int) -> Predictions:
        """Out-of-sample predictions on some records, which are a data set of their own with these folds."""
        return cross_fit(
            lambda: self.make(seed), self.vectors[rows], manifest, folds, training=self.training, outside=self.outside
        )


def _tuned(recipe: Recipe, seed: int, start: Path | None) -> Classifier:
    from petmood.training.export import load_start
    from petmood.training.finetune import FineTunedHead

    settings = FineTuneSettings(seed=seed, **recipe.settings)  # type: ignore[arg-type]
    return FineTunedHead(settings, None if start is None else load_start(start))


class MethodData:
    """Data, backbones and cache, on which methods are run one after the other."""

    def __init__(self, data: Dataset, means: Means) -> None:
        self.data = data
        self.means = means
        self.outside: Outside | None = None
        self.unlabelled: Outside | None = None
        shown = data.timed.inner
        if means.extra is not None:
            self.outside = open_outside(means.extra, means.mapping, data, shown)
        if means.unlabelled is not None:
            self.unlabelled = open_unlabelled(means.unlabelled, data, shown)
        self._backbones: dict[str, Backbone] = {}

    def lacks(self, method: Method) -> str | None:
        """What a method needs that is not at hand, or None."""
        if method.outside is not None and self.outside is None:
            return "outside images: give --extra FOLDER"
        if method.unlabelled is not None and self.unlabelled is None:
            return "images without labels: give --unlabelled FOLDER"
        for name in method.backbones():
            if name not in self._backbones:
                try:
                    self._backbones[name] = replace(backbone_named(self.means.use.get(name, name)), name=name)
                except (ConfigError, ModelError, MissingExtraError) as error:
                    return f"the backbone '{name}': give --use {name}=onnx:FILE ({error})"
        return None

    def backbone(self, name: str) -> Backbone:
        """A network that a method which lacks nothing reads."""
        return self._backbones[name]

    def read(self, method: Method) -> MethodInputs:
        """What a method reads; features that the cache knows are not made again. It must lack nothing."""
        tables = [self._table(view, self.data) for view in method.views]
        causes: list[Any] = [[key for _, key in tables], method.recipe.described(), method.photos_only, None]
        outside = unlabelled = None
        if method.outside is not None and self.outside is not None:
            labels, vectors = self.outside.labels, self._vectors(method, self.outside.data)
            outside = OutsideRows(vectors, labels, np.arange(len(labels)), method.outside)
            causes[-1] = [self.outside.data.manifest.digest, labels.tolist(), method.outside]
        if method.unlabelled is not None and self.unlabelled is not None:
            unlabelled = self._vectors(method, self.unlabelled.data)
            causes.append([self.unlabelled.data.manifest.sha256s(), method.unlabelled])
        if method.recipe.kind == "finetune":
            causes.append([self._backbones[name].digest for name in method.backbones()])
        causes += [SPECIES] if method.recipe.reads_species() else []
        return MethodInputs(
            method,
            tuple(self._backbones[view.backbone] for view in method.views),
            np.concatenate([vectors for vectors, _ in tables], axis=1),
            tuple(vectors.shape[1] for vectors, _ in tables),
            outside,
            unlabelled,
            causes,
        )

    def _table(self, view: View, data: Dataset) -> tuple[NDArray[np.float32], str]:
        table = data.features(self._backbones[view.backbone], view)
        return table.vectors, table.key

    def _vectors(self, method: Method, data: Dataset) -> NDArray[np.float32]:
        return np.concatenate([self._table(view, data)[0] for view in method.views], axis=1)
