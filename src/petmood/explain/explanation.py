"""A bundle and a prepared picture -> class activation map, occlusion map, background test and nearest photos."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from petmood.bundle import Bundle, Neighbour, Outputs, Prediction, Prepared, Unreadable
from petmood.bundle.schema import Record
from petmood.explain import probes

Maps = Literal["auto", "cam", "occlusion", "both"]
"""Which maps are made; "auto" gives the class activation map where the model has one, else the occlusion map."""

_BATCH: Final = 32


@dataclass(frozen=True)
class Explanation:
    """Why a picture was read as it was.

    Attributes:
        prediction: the answer.
        mood: the class that is explained.
        cam: (h, w) float32: evidence for the class at each place; its mean is the class's score. None where the model
            has no such map, or it was not asked for.
        occlusion: (GRID, GRID) float32: how much of the class's probability is lost when that part is covered. None if
            not asked for.
        background: the background test; None if not asked for.
        neighbours: the nearest training photos, nearest first.
    """

    prediction: Prediction
    mood: str
    cam: NDArray[np.float32] | None
    occlusion: NDArray[np.float32] | None
    background: Background | None
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Plan:
    """An explanation whose first inference is done, and the pictures whose answers it still needs.

    Attributes:
        prediction: the answer.
        mood: the class to explain.
        column: its index.
        outputs: of the model for the picture, a batch of one.
        maps: which maps are wanted.
        background: whether the background test is wanted.
        pixels: (n, size, size, 3) uint8: what is left to infer, at most `GRID` * `GRID` + 3; n may be 0.
    """

    prediction: Prediction
    mood: str
    column: int
    outputs: Outputs
    maps: Maps
    background: bool
    pixels: NDArray[np.uint8]

    @property
    def covers(self) -> bool:
        """Whether an occlusion map is made."""
        return _covers(self.maps, self.outputs)


def plan(
    bundle: Bundle,
    prepared: Prepared,
    outputs: Outputs,
    *,
    mood: str | None = None,
    maps: Maps = "both",
    background: bool = True,
    coverage: float | None = None,
) -> Plan:
    """Begin an explanation.

    Args:
        bundle: the model.
        prepared: the picture, from `Bundle.prepare`.
        outputs: of the model for this picture alone.
        mood: the class to explain; the most probable one if None.
        maps: which maps to make.
        background: whether to make the background test.
        coverage: of the prediction set; the bundle's default if None.

    Raises:
        ValueError: the model has no such class.
    """
    prediction = bundle.judge([prepared], outputs, coverage=coverage)[0]
    chosen = prediction.mood if mood is None else mood
    parts = [np.zeros((0, *prepared.pixels.shape), dtype=np.uint8)]
    if _covers(maps, outputs):
        parts.append(probes.covered(prepared.pixels))
    if background:
        parts.append(probes.hidden(prepared.pixels))
    column = bundle.classes.index(chosen)
    return Plan(prediction, chosen, column, outputs, maps, background, np.concatenate(parts))


def finish(bundle: Bundle, begun: Plan, probabilities: NDArray[np.float32], count: int = 5) -> Explanation:
    """End an explanation.

    Args:
        bundle: the model.
        begun: from `plan`.
        probabilities: (n, n_classes) of its n pictures.
        count: of nearest training photos.
    """
    outputs, column = begun.outputs, begun.column
    whole = outputs.probabilities[0]
    places = probes.GRID**2 if begun.covers else 0
    wants_cam = begun.maps != "occlusion" and outputs.cam is not None
    return Explanation(
        prediction=begun.prediction,
        mood=begun.mood,
        cam=outputs.cam[0, column] if wants_cam and outputs.cam is not None else None,
        occlusion=probes.occlusion(whole, probabilities[:places], column) if begun.covers else None,
        background=probes.background(whole, probabilities[places:], column) if begun.background else None,
        neighbours=tuple(bundle.neighbours(outputs.features, count)[0]),
    )


def explain(
    bundle: Bundle,
    prepared: Prepared,
    outputs: Outputs | None = None,
    *,
    mood: str | None = None,
    maps: Maps = "both",
    background: bool = True,
    coverage: float | None = None,
    count: int = 5,
) -> Explanation:
    """Explain one answer; it takes at most 53 inferences, and one alone without occlusion map and background test.

    Args:
        bundle: the model.
        prepared: the picture, from `Bundle.prepare`.
        outputs: of the model for this picture alone, if they are known.
        mood: the class to explain; the most probable one if None.
        maps: which maps to make.
        background: whether to make the background test.
        coverage: of the prediction set; the bundle's default if None.
        count: of nearest training photos.

    Raises:
        ModelError: the picture was prepared for another size.
        ValueError: the model has no such class.
    """
    outputs = outputs or bundle.infer(prepared.pixels[np.newaxis])
    begun = plan(bundle, prepared, outputs, mood=mood, maps=maps, background=background, coverage=coverage)
    parts = [bundle.infer(part).probabilities for part in batches(begun.pixels, _BATCH)]
    none = outputs.probabilities[:0]
    return finish(bundle, begun, np.concatenate([none, *parts]), count)


def batches(pixels: NDArray[np.uint8], size: int) -> list[NDArray[np.uint8]]:
    """Pictures in parts of at most `size`."""
    return [pixels[i : i + size] for i in range(0, len(pixels), size)]


def to_facts(bundle: Bundle, explanation: Explanation) -> Explained:
    """An explanation as it is written and sent."""
    return Explained(
        prediction=explanation.prediction,
        mood=explanation.mood,
        cam=_rows(explanation.cam),
        occlusion=_rows(explanation.occlusion),
        background=explanation.background,
        neighbours=tuple(_near(bundle, neighbour) for neighbour in explanation.neighbours),
    )


def _covers(maps: Maps, outputs: Outputs) -> bool:
    return maps in ("occlusion", "both") or (maps == "auto" and outputs.cam is None)


def _rows(values: NDArray[np.float32] | None) -> Rows | None:
    return None if values is None else tuple(tuple(float(v) for v in line) for line in values)


def _near(bundle: Bundle, neighbour: Neighbour) -> Near:
    kept = bundle.training_photos
    pictures = kept.thumbnails if kept is not None else None
    uri = None
    if pictures is not None:
        uri = "data:image/jpeg;base64," + base64.b64encode(pictures[neighbour.index]).decode()
    return Near(**neighbour.model_dump(), thumbnail=uri)


Rows = tuple[tuple[float, ...], ...]
"""A map over the picture: rows from the top, each from the left."""


class Background(Record):
    """How much an answer leans on what is around the face, taken to be in a centred ellipse of half the picture.

    Attributes:
        probability: of the explained class in the whole picture.
        background_blurred: the same with everything outside the ellipse blurred.
        background_masked: the same with it replaced by the picture's mean colour.
        face_masked: the same with the inside of the ellipse replaced instead.
        reliance: in [0, 1]: how far the probabilities of all classes move (total variation) when the background is
            masked, as a share of that and of how far they move when the face is. 0.5 says that both matter alike.
        sentence: the same in plain words.
    """

    probability: float
    background_blurred: float
    background_masked: float
    face_masked: float
    reliance: float
    sentence: str


class Near(Neighbour):
    """A near training photo, with a small JPEG as a data URI where the bundle keeps pictures."""

    thumbnail: str | None


class Explained(Record):
    """Why one picture was read as it was.

    Attributes:
        prediction: the reading, as `petmood predict --json` and `/v1/predict` give it.
        mood: the class that is explained.
        cam: class activation map: evidence for the class at each place, whose mean is the class's score. None where the
            model has none, or none was asked for.
        occlusion: how much of the class's probability is lost when that part is covered. None if not asked for.
        background: the background test; None if not asked for.
        neighbours: the nearest training photos, nearest first; empty where the bundle keeps none.
    """

    prediction: Prediction
    mood: str
    cam: Rows | None
    occlusion: Rows | None
    background: Background | None
    neighbours: tuple[Near, ...]


class Explanations(Record):
    """What `/v1/explain` answers: one entry a readable picture, and what was unreadable."""

    model: str
    explanations: tuple[Explained, ...]
    errors: tuple[Unreadable, ...]
