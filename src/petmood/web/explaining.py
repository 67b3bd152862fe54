"""A prediction's outputs -> where its evidence lies: a heat map over the picture and the nearest training photos."""

from __future__ import annotations

import base64

import numpy as np
from pydantic import BaseModel, ConfigDict

from petmood.bundle import Bundle, Neighbour, Outputs, Prediction


class Near(BaseModel):
    """A near training photo: its label, distance, and a small JPEG as a data URI where the bundle keeps pictures."""

    model_config = ConfigDict(frozen=True)

    path: str
    label: str
    distance: float
    thumbnail: str | None


class Explained(BaseModel):
    """Why one picture was read as it was.

    Attributes:
        prediction: the reading, as `/v1/predict` gives it.
        mood: the class that is explained: the most probable one.
        heat: rows of the evidence map, values 0 (none) to 1 (most), from top left; null where the model has none.
        neighbours: the nearest training photos, nearest first; empty where the bundle keeps none.
    """

    model_config = ConfigDict(frozen=True)

    prediction: Prediction
    mood: str
    heat: list[list[float]] | None
    neighbours: tuple[Near, ...]


class Explanations(BaseModel):
    """What `/v1/explain` answers: one entry a readable picture, and what was unreadable."""

    model_config = ConfigDict(frozen=True)

    model: str
    explanations: tuple[Explained, ...]
    errors: tuple[dict[str, str], ...]


def explain(bundle: Bundle, prediction: Prediction, outputs: Outputs) -> Explained:
    """Explain one prediction from the outputs (a batch of one) it was made of."""
    return Explained(
        prediction=prediction,
        mood=prediction.mood,
        heat=_heat(bundle, prediction, outputs),
        neighbours=tuple(_near(bundle, n) for n in bundle.neighbours(outputs.features)[0]),
    )


def _heat(bundle: Bundle, prediction: Prediction, outputs: Outputs) -> list[list[float]] | None:
    if outputs.cam is None:
        return None
    evidence = outputs.cam[0, bundle.classes.index(prediction.mood)].astype(np.float64)
    positive = np.maximum(evidence, 0)
    top = positive.max()
    scaled = positive / top if top > 0 else positive
    return [[round(float(v), 4) for v in line] for line in scaled]


def _near(bundle: Bundle, neighbour: Neighbour) -> Near:
    kept = bundle.training_photos
    pictures = kept.thumbnails if kept is not None else None
    uri = None
    if pictures is not None:
        uri = "data:image/jpeg;base64," + base64.b64encode(pictures[neighbour.index]).decode()
    return Near(path=neighbour.path, label=neighbour.label, distance=neighbour.distance, thumbnail=uri)
