"""What a user handed to a classifier -> the same as checked arrays, or one line that says what is wrong with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from petmood.errors import DataError, TooFewError


def check_features(X: ArrayLike) -> NDArray[np.floating[Any]]:
    """(n, dim) finite floats.

    Raises:
        DataError: another shape, nothing in it, or values that are not finite numbers.
    """
    features = np.asarray(X)
    if features.ndim != 2 or features.shape[1] == 0:
        raise DataError(f"features must be (n_images, dim), got shape {features.shape}. Pass one row an image.")
    if not np.issubdtype(features.dtype, np.floating):
        features = features.astype(np.float64)
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features)).any(axis=1).sum())
        raise DataError(f"{bad} of {len(features)} feature rows hold NaN or infinity. Extract the features again.")
    return features


def check_images(X: ArrayLike, size: int) -> NDArray[np.uint8]:
    """(n, size, size, 3) uint8 RGB.

    Raises:
        DataError: another shape or dtype.
    """
    images = np.asarray(X)
    if images.dtype != np.uint8:
        raise DataError(f"images must be uint8 in 0..255, got {images.dtype}. Pass decoded pixels unscaled.")
    if images.ndim != 4 or images.shape[3] != 3:
        raise DataError(f"images must be (n, height, width, 3) RGB, got shape {images.shape}.")
    if images.shape[1:3] != (size, size):
        got = f"{images.shape[2]}x{images.shape[1]}"
        raise DataError(f"the network reads images of {size}x{size} pixels, got {got}. Prepare them at size {size}.")
    return images


def check_labels(y: ArrayLike, n: int) -> NDArray[np.str_]:
    """(n,) str: one class name for each of `n` rows.

    Raises:
        DataError: another number of names, or names that are not text.
    """
    labels = np.asarray(y)
    if labels.dtype.kind == "O" and all(isinstance(name, str) for name in labels.ravel()):
        labels = labels.astype(np.str_)
    if labels.dtype.kind != "U":
        raise DataError(f"labels must be class names (text), got {labels.dtype}. Pass names, not numbers.")
    if labels.shape != (n,):
        raise DataError(f"{n} rows need {n} labels, got shape {labels.shape}. Pass one class name a row.")
    return labels


def check_weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64] | None:
    """(n,) float64 >= 0 with a positive sum, or None.

    Raises:
        DataError: another number of weights, or weights that cannot weigh.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise DataError(f"{n} rows need {n} sample weights, got shape {weights.shape}.")
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise DataError("sample weights must be finite, not negative, and not all zero. Check the weights.")
    return weights


def check_classes(labels: NDArray[np.str_]) -> NDArray[np.str_]:
    """(n_classes,) str: the distinct class names, sorted.

    Raises:
        DataError: fewer than two classes.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        got = f"only '{classes[0]}'" if len(classes) else "no images"
        raise TooFewError(f"training needs at least 2 classes, got {got}. Add images of another class.")
    return classes
