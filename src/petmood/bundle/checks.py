"""A bundle as read -> the same bundle, if its description, graph and neighbours fit each other; else what does not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from petmood.bundle import ops
from petmood.errors import ModelError
from petmood.features.species import N_IMAGENET

if TYPE_CHECKING:
    import onnxruntime as ort

    from petmood.bundle.folder import TrainingNeighbours
    from petmood.bundle.schema import ModelDescription

MAX_SIZE: Final = 2048
"""Side of the largest input, in pixels: one picture is then 12 MB."""

MAX_CLASSES: Final = 10_000
MAX_FEATURES: Final = 1_000_000


def check_description(model: ModelDescription, name: str) -> None:
    """Refuse a description that contradicts itself.

    Raises:
        ModelError: what is wrong.
    """
    classes = model.classes
    _require(len(classes) <= MAX_CLASSES, name, f"it has {len(classes):,} classes, at most {MAX_CLASSES:,} can be")
    _require(
        all(c.strip() for c in classes) and len({*classes}) == len(classes), name, "its class names are not unique"
    )
    _require(
        model.input.size <= MAX_SIZE, name, f"its input has {model.input.size:,} pixels, at most {MAX_SIZE:,} can be"
    )
    _require(model.features <= MAX_FEATURES, name, f"its features are {model.features:,} numbers")
    _require(all(value > 0 for value in model.input.std), name, "a standard deviation of its input is not above 0")
    for field, value in (("mean", model.input.mean), ("std", model.input.std), ("t", (model.calibration.temperature,))):
        _require(all(map(math.isfinite, value)), name, f"{field} is not finite")
    if (conformal := model.conformal) is not None:
        coverages = [level.coverage for level in conformal.levels]
        _require(len({*coverages}) == len(coverages), name, "a coverage stands twice")
        _require(conformal.default in coverages, name, "its default coverage has no thresholds")
        for level in conformal.levels:
            _require({*level.thresholds} == {*classes}, name, "its thresholds are not those of its classes")
            given = [value for value in level.thresholds.values() if value is not None]
            _require(all(0 <= value <= 1 for value in given), name, "a threshold is not between 0 and 1")
        for level in conformal.levels:
            low, high = level.singletons_ci or (0.0, 1.0)
            _require(0 <= low <= high <= 1, name, "the interval of its sure answers is none")
    kept = None if model.neighbours is None else model.neighbours.n
    if (rule := model.pet) is not None:
        _require(rule.nearest >= 1, name, "its rule for pets looks at no neighbour")
        _require(
            math.isfinite(rule.min_mass) and math.isfinite(rule.max_distance), name, "its rule for pets is not finite"
        )
        _require(kept is None or rule.nearest <= kept, name, "its rule for pets looks at more photos than it has")
    if (unlike := model.unlike) is not None:
        _require(math.isfinite(unlike.max_distance), name, "its rule for unlike pictures is not finite")
        _require(kept is None or unlike.nearest <= kept, name, "its rule for unlike pictures needs more photos")


def check_neighbours(kept: TrainingNeighbours, model: ModelDescription, name: str) -> None:
    """Refuse neighbours that are not those of the description.

    Raises:
        ModelError: what is wrong.
    """
    facts = model.neighbours
    n = len(kept.labels)
    _require(
        facts is not None and n == facts.n == len(kept.paths) > 0, name, "its neighbours are not as many as it says"
    )
    shape, expected = kept.features.shape, (n, model.features)
    _require(
        kept.features.dtype == np.float32 and shape == expected, name, f"its neighbours are {shape}, not {expected}"
    )
    _require(bool(np.isfinite(kept.features).all()), name, "a neighbour's features are not finite")
    _require({*kept.labels} <= {*model.classes}, name, "a neighbour has a label that is none of its classes")
    _require(kept.thumbnails is None or len(kept.thumbnails) == n, name, "its thumbnails are not one a neighbour")


def check_interface(session: ort.InferenceSession, model: ModelDescription, name: str) -> None:
    """Refuse a graph whose input or outputs are not those of the description.

    Raises:
        ModelError: what is wrong.
    """
    inputs = session.get_inputs()
    found = [(value.name, value.type, len(value.shape)) for value in inputs]
    _require(found == [(ops.PIXELS, "tensor(uint8)", 4)], name, f"its graph reads {found}")
    fixed = [dim for dim in inputs[0].shape[1:] if isinstance(dim, int)]
    size = model.input.size
    _require(
        all(d in (size, 3) for d in fixed), name, f"its graph reads pictures {inputs[0].shape}, not of side {size}"
    )
    outputs = {value.name: value.type for value in session.get_outputs()}
    wanted = {ops.PROBABILITIES, ops.SCORES, ops.FEATURES}
    wanted |= {ops.CAM} if model.maps else set()
    wanted |= {ops.IMAGENET} if model.imagenet else set()
    _require(
        {*outputs} == wanted, name, f"its graph gives {', '.join(sorted(outputs))}, not {', '.join(sorted(wanted))}"
    )
    _require({*outputs.values()} == {"tensor(float)"}, name, "its graph gives other numbers than float32")


def check_outputs(outputs: dict[str, np.ndarray], n: int, model: ModelDescription, name: str) -> None:
    """Refuse a graph whose outputs for `n` pictures have other shapes than described, or are no numbers.

    Raises:
        ModelError: what is wrong.
    """
    k = len(model.classes)
    shapes = {
        ops.PROBABILITIES: (n, k),
        ops.SCORES: (n, k),
        ops.FEATURES: (n, model.features),
        ops.IMAGENET: (n, N_IMAGENET),
    }
    for key, value in outputs.items():
        expected = shapes.get(key, value.shape)
        if key == ops.CAM:
            _require(
                value.ndim == 4 and value.shape[:2] == (n, k), name, f"its maps are {value.shape}, not one a class"
            )
        _require(value.shape == expected, name, f"its {key} are {value.shape}, not {expected}")
        _require(bool(np.isfinite(value).all()), name, f"its {key} are not finite: a weight is damaged")
    sums = outputs[ops.PROBABILITIES].sum(axis=1)
    _require(
        bool((outputs[ops.PROBABILITIES] >= 0).all() and np.allclose(sums, 1, atol=1e-3)),
        name,
        "its probabilities do not add up to 1",
    )


def _require(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise ModelError(f"{name} is not a valid bundle: {what}. Get or train it again.")
