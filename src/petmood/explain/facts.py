"""The schema of an explanation: what the command writes, the API answers and the page shows."""

from __future__ import annotations

from petmood.bundle import Neighbour, Prediction, Unreadable
from petmood.bundle.schema import Record

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
