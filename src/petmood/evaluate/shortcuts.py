"""Properties of files that are no part of a face -> how well each alone predicts the class of photos never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from petmood.evaluate.intervals import bootstrap_interval
from petmood.evaluate.metrics import CONFIDENCE, wilson_interval
from petmood.evaluate.protocols import family_weights, majority
from petmood.records import Manifest
from petmood.results import Shortcut
from petmood.split import Fold, grouped_folds

TEXTS: Final = {
    "size": "width, height and aspect ratio",
    "bytes": "file size, and bytes a pixel",
    "format": "file format and pixel layout",
    "brightness": "how light or dark the picture is, and its contrast",
    "colour": "mean and spread of its colours",
    "background": "colours along its border",
}

_TREES: Final = 150


def check_shortcuts(
    properties: Mapping[str, NDArray[np.floating]], manifest: Manifest, *, folds: int, seed: int
) -> tuple[Shortcut, ...]:
    """Predict the class of each photo from one property at a time, by trees that see no other.

    Cross-validation is grouped by family; a photo is predicted once and its copies not at all.

    Args:
        properties: (n_images, k) values by name, a row a record.
        manifest: labels and families.
        folds: of cross-validation.
        seed: of folds, trees and bootstrap.

    Raises:
        DataError: a class has fewer photos than folds.
    """
    parts = list(grouped_folds(manifest, folds=folds, seed=seed))
    truth = np.concatenate([manifest.class_index[fold.evaluate] for fold in parts])
    constant = np.concatenate([majority(manifest, fold) for fold in parts]) == truth
    found = []
    for name, values in properties.items():
        varies = bool(np.ptp(values, axis=0).any())
        right = _right(values, manifest, parts, seed) if varies else constant
        gains = right.astype(np.float64) - constant
        # as many intervals as properties: each is widened so that all hold together
        confidence = 1 - (1 - CONFIDENCE) / len(properties)
        low, high = bootstrap_interval(gains, confidence=confidence, seed=seed) if varies else (0.0, 0.0)
        verdict: Literal["predicts", "unclear", "no"] = "predicts" if low > 0 else "unclear" if high > 0 else "no"
        found.append(
            Shortcut(
                name=name,
                text=TEXTS[name],
                n=len(truth),
                accuracy=float(right.mean()),
                accuracy_ci=wilson_interval(int(right.sum()), len(right)),
                majority=float(constant.mean()),
                gain=float(gains.mean()),
                gain_ci=(low, high),
                verdict=verdict,
            )
        )
    return tuple(found)


def _right(values: NDArray[np.floating], manifest: Manifest, folds: Sequence[Fold], seed: int) -> NDArray[np.bool_]:
    from sklearn.ensemble import ExtraTreesClassifier

    right = []
    for fold in folds:
        trees = ExtraTreesClassifier(_TREES, min_samples_leaf=5, random_state=seed)
        trees.fit(values[fold.train], manifest.class_index[fold.train], family_weights(manifest, fold.train))
        right.append(trees.predict(values[fold.evaluate]) == manifest.class_index[fold.evaluate])
    return np.concatenate(right)
