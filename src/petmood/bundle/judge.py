"""Probabilities, ImageNet scores and distances of pictures -> predictions, by the rules in a model's description."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from petmood.bundle.headline import say, share
from petmood.bundle.inputs import Prepared
from petmood.bundle.prediction import Caution, PetCheck, Prediction, SureRate, Verdict
from petmood.bundle.schema import ConformalLevel, ModelDescription
from petmood.errors import ConfigError
from petmood.features.species import SPECIES, species_probabilities


def judge(
    model: ModelDescription,
    prepared: Sequence[Prepared],
    probabilities: NDArray[np.float32],
    *,
    imagenet: NDArray[np.float32] | None = None,
    distances: NDArray[np.float32] | None = None,
    coverage: float | None = None,
) -> list[Prediction]:
    """One prediction a picture.

    Args:
        model: the model's description.
        prepared: n pictures.
        probabilities: (n, n_classes) float32, calibrated.
        imagenet: (n, 1000) float32 scores, where the model has them.
        distances: (n, m) float32 cosine distances to the nearest training photos, ascending, where they are known.
        coverage: of the prediction sets; the model's default if None.

    Raises:
        ConfigError: a coverage that the model has no threshold for.
    """
    level = conformal_level(model, coverage)
    species = None if imagenet is None or not model.imagenet else species_probabilities(imagenet)
    found = []
    for i, picture in enumerate(prepared):
        kinds = None if species is None else {name: float(p) for name, p in zip(SPECIES, species[i], strict=True)}
        away = None if distances is None else distances[i]
        found.append(_one(model, picture, probabilities[i], level, kinds, away))
    return found


def conformal_level(model: ModelDescription, coverage: float | None) -> ConformalLevel | None:
    """The threshold for a coverage; None where the model has no prediction sets and none was asked for.

    Raises:
        ConfigError: a coverage that the model has no threshold for.
    """
    if model.conformal is None:
        if coverage is not None:
            raise ConfigError(f"this bundle has no prediction sets, so a coverage of {coverage} cannot be had.")
        return None
    wanted = model.conformal.default if coverage is None else coverage
    for level in model.conformal.levels:
        if abs(level.coverage - wanted) < 1e-9:
            return level
    known = ", ".join(f"{level.coverage:g}" for level in model.conformal.levels)
    raise ConfigError(f"no threshold is known for a coverage of {wanted:g}. Choose one of: {known}.")


def _one(
    model: ModelDescription,
    picture: Prepared,
    row: NDArray[np.float32],
    level: ConformalLevel | None,
    species: dict[str, float] | None,
    away: NDArray[np.float32] | None,
) -> Prediction:
    best = int(row.argmax())
    inside = None
    if level is not None:
        inside = _prediction_set(model.classes, row, level)
    pet = _pet(model, species, away)
    cautions = _cautions(model, picture, away)
    may_be_sure = (model.sources is None or not model.sources.why_not_sure) and "unlike" not in {
        c.code for c in cautions
    }
    alone = level is not None and level.sure and inside is not None and len(inside) == 1
    verdict: Verdict = "sure" if may_be_sure and alone else "not-sure"
    if pet is not None and not pet.pet:
        verdict = "no-pet-face"
    return Prediction(
        source=picture.source,
        width=picture.width,
        height=picture.height,
        verdict=verdict,
        rate=_rate(level) if level is not None and verdict == "sure" else None,
        mood=model.classes[best],
        probability=float(row[best]),
        probabilities={name: float(p) for name, p in zip(model.classes, row, strict=True)},
        prediction_set=inside,
        coverage=None if level is None else level.coverage,
        species=None if species is None else max(species, key=lambda name: species[name]),
        species_probabilities=species,
        pet=pet,
        cautions=cautions,
        box=picture.box,
    )


def _prediction_set(classes: tuple[str, ...], row: NDArray[np.float32], level: ConformalLevel) -> tuple[str, ...]:
    order = [int(j) for j in np.argsort(-row, kind="stable")]
    limits = [level.thresholds[name] for name in classes]
    held = {j for j in order if (limit := limits[j]) is None or 1 - float(row[j]) <= limit}
    return tuple(classes[j] for j in order if j in held or j == order[0])


def _rate(level: ConformalLevel) -> SureRate | None:
    if level.singletons_right is None or level.singletons_ci is None:
        return None
    low, high = level.singletons_ci
    n = round(level.singletons * level.n)
    return SureRate(right=level.singletons_right, n=n, low=low, high=high, stated=level.coverage)


def _pet(
    model: ModelDescription, species: dict[str, float] | None, away: NDArray[np.float32] | None
) -> PetCheck | None:
    if model.pet is None or species is None or away is None:
        return None
    mass = min(1.0, sum(p for name, p in species.items() if name != "other"))
    distance = float(away[: model.pet.nearest].mean())
    is_pet = mass >= model.pet.min_mass and distance <= model.pet.max_distance
    return PetCheck(pet=is_pet, animal_mass=mass, distance=distance)


def _cautions(model: ModelDescription, picture: Prepared, away: NDArray[np.float32] | None) -> tuple[Caution, ...]:
    found, values = dict[str, bool](), dict[str, object]()
    if (quality := model.quality) is not None:
        values = {"width": picture.width, "height": picture.height, "least": quality.min_side}
        found = {
            "tiny": min(picture.width, picture.height) < quality.min_side,
            "blurred": picture.sharpness < quality.min_sharpness,
            "dark": picture.brightness < quality.min_brightness,
        }
    if (rule := model.unlike) is not None and away is not None:
        values |= {"share": share(rule.share), "n": rule.n}
        found["unlike"] = float(away[: rule.nearest].mean()) > rule.max_distance
    found["undetected"] = picture.undetected
    return tuple(Caution(code=code, message=say(f"caution.{code}", **values)) for code, holds in found.items() if holds)
