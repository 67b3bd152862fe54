"""What a training tells of its model -> the description that its bundle carries, its calibration and its sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.bundle import ModelDescription
from petmood.bundle.schema import BackboneFacts, Calibration, Conformal, ConformalLevel, InputFacts, LicenceNote
from petmood.evaluation.calibrate import apply_temperature, fit_conformal, fit_temperature
from petmood.evaluation.statistics import wilson_interval
from petmood.features import Backbone
from petmood.features.backbones import Preprocess
from petmood.records import IntArray
from petmood.version import __version__

PHOTOS = (LicenceNote(what="training photos", licence="as their owner says; petmood does not know"),)


def network_facts(backbone: Backbone) -> BackboneFacts:
    """What a bundle says of a network that it holds."""
    return BackboneFacts(name=backbone.name, sha256=backbone.digest, licence=backbone.licence)


def describe(
    preprocess: Preprocess, networks: Sequence[BackboneFacts], *, photos: Sequence[LicenceNote] = PHOTOS, **told: Any
) -> ModelDescription:
    """A description; what is filled in when the bundle is saved is left out.

    Args:
        preprocess: of the pictures that the graph reads.
        networks: those that the graph holds, each with its licence; none for one that was trained from scratch.
        photos: licences of what it was trained on.
        told: the other fields of `ModelDescription`; those left out are not known, or not there.
    """
    open_ = {"features": 1, "maps": False, "imagenet": False, "pet": None, "quality": None, "evaluation": ()}
    return ModelDescription(
        petmood=__version__,
        input=InputFacts(size=preprocess.size, mean=preprocess.mean, std=preprocess.std),
        backbone=networks[0] if networks else None,
        backbones=tuple(networks) if len(networks) > 1 else (),
        licences=(*(LicenceNote(what=f"weights of {n.name}", licence=n.licence) for n in networks), *photos),
        **open_ | told,
    )


COVERAGES: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Coverages that a bundle's prediction sets can be asked for."""

DEFAULT_COVERAGE: Final = 0.8


def trust(
    probabilities: NDArray[np.float64], truth: IntArray, classes: tuple[str, ...], protocol: str
) -> tuple[Calibration, Conformal]:
    """Fit a temperature, and conformal thresholds on what it gives.

    Args:
        probabilities: (n, n_classes) of photos, each from a model that saw neither it nor anything derived from it.
        truth: (n,) true class indices.
        classes: names in column order.
        protocol: how the probabilities came about, for people to read.

    Raises:
        DataError: shapes do not match.
    """
    temperature = fit_temperature(probabilities, truth)
    calibrated = apply_temperature(probabilities, temperature)
    levels = tuple(_level(calibrated, truth, classes, coverage) for coverage in COVERAGES)
    return (
        Calibration(temperature=temperature, n=len(truth), protocol=protocol),
        Conformal(
            method="class-conditional conformal sets of 1 - p, with the most probable class always in",
            protocol=protocol,
            default=DEFAULT_COVERAGE,
            levels=levels,
        ),
    )


def _level(
    calibrated: NDArray[np.float64], truth: IntArray, classes: tuple[str, ...], coverage: float
) -> ConformalLevel:
    fitted = fit_conformal(calibrated, truth, alpha=round(1 - coverage, 9))
    sizes = fitted.sets(calibrated).sum(axis=1)
    alone = sizes == 1
    right = int((calibrated.argmax(axis=1) == truth)[alone].sum())
    return ConformalLevel(
        coverage=coverage,
        thresholds=dict(zip(classes, fitted.thresholds, strict=True)),
        n=len(truth),
        mean_size=float(sizes.mean()),
        singletons=float(alone.mean()),
        singletons_right=right,
        singletons_ci=wilson_interval(right, int(alone.sum())) if alone.any() else None,
        sure=may_be_sure(right, int(alone.sum()), coverage),
    )


def may_be_sure(right: int, n: int, coverage: float) -> bool:
    """Whether answers of which so many were right may be called sure at a stated rate: the whole interval reaches it.

    Args:
        right: answers that were right, of photos that the model had not seen.
        n: all of them.
        coverage: the rate that is stated, in (0, 1).
    """
    return n > 0 and wilson_interval(right, n)[0] >= coverage
