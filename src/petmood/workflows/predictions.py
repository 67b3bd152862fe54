"""A classifier on some vectors, and a protocol -> its out-of-sample predictions, made once and kept by content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from petmood.cache import ContentCache
from petmood.contract import Classifier
from petmood.evaluate.protocols import Predictions, cross_predict
from petmood.records import FeatureTable, FloatArray, Manifest
from petmood.split import Fold
from petmood.train.heads import make_head

_VERSION = "predictions/v1"  # raise it when what a classifier learns, or how folds are made, changes


@dataclass(frozen=True)
class Subject:
    """What is evaluated: a classifier and what it reads.

    Attributes:
        name: for programs, unique among subjects.
        title: for people.
        make: gives a fresh classifier.
        vectors: (n_images, dim) float32, a row a record of the manifest.
        key: with `name`, all that the predictions depend on besides data and protocol.
    """

    name: str
    title: str
    make: Callable[[], Classifier]
    vectors: FloatArray
    key: str


def head_subject(features: FeatureTable, head: str, seed: int) -> Subject:
    """A head on frozen features."""
    titles = {
        "logistic": f"Logistic regression on {features.backbone}",
        "logistic-c1": f"Logistic regression on {features.backbone}, scikit-learn's default penalty",
    }
    return Subject(
        name=f"{features.backbone}+{head}",
        title=titles.get(head, f"{head} on {features.backbone}"),
        make=partial(make_head, head, seed),
        vectors=features.vectors,
        key=f"{features.key}/{head}/{seed}",
    )


def predict(
    subject: Subject,
    manifest: Manifest,
    protocol: str,
    folds: Callable[[], Iterable[Fold]],
    cache: ContentCache,
    *,
    allow_leakage: bool = False,
) -> Predictions:
    """Out-of-sample predictions of a subject; computed only if the cache does not know them.

    Args:
        subject: what is evaluated.
        manifest: labels and families.
        protocol: all that the folds depend on besides the manifest, seeds included.
        folds: makes the partitions, where they are needed.
        cache: where predictions are kept.
        allow_leakage: go on with folds that leak.

    Raises:
        LeakageError: a family straddles a fold.
    """

    def compute() -> dict[str, Any]:
        made = cross_predict(subject.make, subject.vectors, manifest, folds(), allow_leakage=allow_leakage)
        return {
            "index": made.index.tolist(),
            "probabilities": made.probabilities.tolist(),
            "n_train": made.n_train,
        }

    causes = [manifest.digest, subject.name, subject.key, protocol, allow_leakage]
    kept = cache.remember(_VERSION, causes, compute)
    return Predictions(
        np.array(kept["index"], dtype=np.int64),
        np.array(kept["probabilities"], dtype=np.float64).reshape(len(kept["index"]), len(manifest.classes)),
        kept["n_train"],
    )
