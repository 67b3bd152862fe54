"""A detector at work: pixels in, a few boxes around animals out."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.detection.outputs import OutputLayout, layout_of, read_outputs
from petmood.errors import ModelError, reason_of
from petmood.features.backbones import Preprocess

if TYPE_CHECKING:
    import onnxruntime as ort
    from PIL.Image import Image

    from petmood.detection.outputs import Kind

Fit = Literal["letterbox", "stretch"]

MOST: Final = 20
"""Animals of one picture; those of the lowest scores are left out."""

_CANDIDATES: Final = 1000
_OVERLAP: Final = 0.5  # intersection over union by which two boxes are of one animal
_LEAST: Final = 0.01  # side of a box, in shares of the picture
_GREY: Final = 114  # what YOLO fills up with


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a picture, in shares of its width and height from the upper left corner.

    Attributes:
        x, y: of its upper left corner, in [0, 1].
        width, height: so that x + width and y + height are at most 1.
        label: the detector's name for what is inside.
        score: the detector's own, in [0, 1].
    """

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float


@dataclass(frozen=True)
class GraphReading:
    """How a graph is fed and read.

    Attributes:
        preprocess: side of the square that it reads, and the normalisation of channels.
        fit: "letterbox" keeps a picture's proportions and fills up the square; "stretch" does not.
        labels: class -> its name, those that are known.
        animals: classes that count.
        threshold: the least score of a box.
    """

    preprocess: Preprocess
    fit: Fit
    labels: dict[int, str]
    animals: frozenset[int]
    threshold: float


class Detector:
    """Finds animals. It may be used by several threads."""

    def __init__(self, name: str, session: ort.InferenceSession, reading: GraphReading, layout: OutputLayout) -> None:
        """Use an open graph with one input whose outputs have a layout."""
        self.name = name
        self.reading = reading
        self._session = session
        self._layout = layout

    @property
    def size(self) -> int:
        """Side in pixels of what it reads."""
        return self.reading.preprocess.size

    def find(self, picture: Image) -> tuple[Box, ...]:
        """The animals of an upright RGB picture, those of the highest score first, at most `MOST`.

        Raises:
            ModelError: the graph fails, or what it gives is not what it gave before.
        """
        import cv2

        square, across, down = fitted(picture, self.size, self.reading.fit)
        found = read_outputs(
            run(self._session, self.reading.preprocess, square, self.name), self._layout, self.size, self.name
        )
        kept = np.isin(found.classes, list(self.reading.animals)) & (found.scores >= self.reading.threshold)
        corners = np.clip(found.corners[kept] / np.tile([across, down], 2), 0, 1)
        scores, classes = found.scores[kept], found.classes[kept]
        large = (corners[:, 2:] - corners[:, :2] >= _LEAST).all(axis=1)
        corners, scores, classes = corners[large], scores[large], classes[large]
        first = np.argsort(-scores, kind="stable")[:_CANDIDATES]
        corners, scores, classes = corners[first], scores[first], classes[first]
        sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        # of one animal there is one answer, be it called a dog and a cat
        chosen = cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, _OVERLAP) if len(sides) else ()
        return tuple(
            Box(
                x=round(float(sides[i, 0]), 6),
                y=round(float(sides[i, 1]), 6),
                width=round(float(sides[i, 2]), 6),
                height=round(float(sides[i, 3]), 6),
                label=self.reading.labels[int(classes[i])],
                score=round(min(float(scores[i]), 1.0), 6),
            )
            for i in list(chosen)[:MOST]
        )


def fitted(picture: Image, size: int, fit: Fit) -> tuple[NDArray[np.uint8], float, float]:
    """(size, size, 3) uint8 pixels, and the shares of their width and height that the picture takes.

    A picture that has been fitted before keeps its pixels, so that a browser may do it and send few.
    """
    across, down = size, size
    if fit == "letterbox":
        scale = size / max(picture.size)
        across, down = (max(1, floor(side * scale + 0.5)) for side in picture.size)
    pixels = images.shrunk(picture, (across, down))
    square = np.full((size, size, 3), _GREY, dtype=np.uint8)
    square[:down, :across] = pixels
    return square, across / size, down / size


def run(
    session: ort.InferenceSession, preprocess: Preprocess, square: NDArray[np.uint8], name: str
) -> dict[str, NDArray[Any]]:
    """All outputs of a graph for one picture, by name.

    Raises:
        ModelError: it fails.
    """
    feed = session.get_inputs()[0]
    values: NDArray[Any] = (
        square[None].transpose(0, 3, 1, 2) if "uint8" in feed.type else preprocess.apply(square[None])
    )
    if "float16" in feed.type:
        values = values.astype(np.float16)
    try:
        given = session.run(None, {feed.name: np.ascontiguousarray(values)})
    except Exception as error:  # ONNX Runtime raises its own undocumented exception types
        reason = reason_of(error)
        raise ModelError(f"the detector {name} cannot read a picture ({reason}). Export it for one picture.") from error
    return {
        output.name: np.asarray(value)
        for output, value in zip(session.get_outputs(), given, strict=True)
        if isinstance(value, np.ndarray)
    }


def try_layout(
    session: ort.InferenceSession, preprocess: Preprocess, labels: int | None, kind: Kind | None, name: str
) -> OutputLayout:
    """The layout of a graph's outputs, from a grey picture.

    Raises:
        ModelError: it fails, or gives no detections.
    """
    grey = np.full((preprocess.size, preprocess.size, 3), _GREY, dtype=np.uint8)
    return layout_of(run(session, preprocess, grey, name), labels, kind, name)
