"""What a detector's graph gives -> boxes, scores and classes: layouts are told apart by names and shapes.

Three families are read. DETR and its kin give `logits` (n, classes, perhaps with "no object" last) beside boxes (n, 4):
centre and size in shares of the input. YOLO gives one table of rows or columns: centre, size, perhaps the probability
of any object, and a score for each class. YOLO with its own suppression gives rows of corners, score and class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ModelError

Kind = Literal["detr", "yolo", "yolo-objectness", "end-to-end"]
Values = NDArray[np.float64]

COCO: Final = {
    80: dict(enumerate(["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"], 14)),
    91: dict(enumerate(["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"], 16)),
}
"""Number of classes -> class -> name, of the animals in COCO: by all of its numbers, or by the 80 that it uses."""

_SHARES: Final = 2.0  # no box of a picture's pixels is so small; boxes in shares may reach a little beyond 1


@dataclass(frozen=True)
class OutputLayout:
    """How a graph's outputs are to be read.

    Attributes:
        kind: of detector.
        scores: the output with scores or, but for DETR, with everything.
        boxes: DETR's output with boxes; "" for others.
        across: YOLO's attributes stand along the first axis, not the second.
        classes: how many there are; 0 where a class is a number in a row.
        other: DETR's last class is "no object".
    """

    kind: Kind
    scores: str
    boxes: str = ""
    across: bool = False
    classes: int = 0
    other: bool = False


@dataclass(frozen=True)
class RawBoxes:
    """Candidates: (n, 4) `corners` (left, top, right, bottom) in shares of the input, (n,) `scores`, (n,) `classes`."""

    corners: Values
    scores: Values
    classes: NDArray[np.int64]


def layout_of(outputs: Mapping[str, NDArray[Any]], labels: int | None, kind: Kind | None, name: str) -> OutputLayout:
    """The layout of what a graph gave for one picture.

    Args:
        outputs: by name, each with a batch of one.
        labels: how many classes have names, if that is known.
        kind: of detector, where the user says it.
        name: of the detector, for messages.

    Raises:
        ModelError: no layout fits, or several do.
    """
    tables = {key: rows.shape for key, value in outputs.items() if (rows := _rows(value)) is not None}
    if kind in (None, "detr"):
        boxes = _named(tables, ("box",), lambda shape: shape[1] == 4)
        rest = {key: shape for key, shape in tables.items() if key != boxes and boxes and shape[0] == tables[boxes][0]}
        scores = _named(rest, ("logit", "score", "class", "prob"), lambda shape: shape[1] >= 1)
        if boxes and scores:
            return _detr(scores, boxes, tables[scores][1], labels, name)
    if tables and kind != "detr":
        key = next(iter(tables))
        if (found := _yolo(key, tables[key], labels, kind)) is not None:
            return found
    shapes = ", ".join(f"{key} {'x'.join(map(str, value.shape))}" for key, value in outputs.items())
    named = "" if labels is None else f" for {labels} classes"
    raise ModelError(
        f"the outputs of {name} ({shapes[:200]}) are not those of a detector{named}. petmood reads logits and boxes "
        "(DETR) or one table of 4 + classes or 5 + classes (YOLO); name 'labels' and 'kind' in the JSON beside it."
    )


def _rows(value: NDArray[Any]) -> NDArray[Any] | None:
    if value.dtype.kind != "f":
        return None
    if value.ndim == 3 and len(value) == 1:
        value = value[0]
    return value if value.ndim == 2 and value.size else None


def _named(tables: Mapping[str, Any], words: tuple[str, ...], fits: Any) -> str:
    """The output that fits and whose name has one of the words; the only one that fits, whatever its name; or ""."""
    fitting = [key for key, shape in tables.items() if fits(shape)]
    called = [key for key in fitting if any(word in key.casefold() for word in words)]
    return called[0] if called else fitting[0] if len(fitting) == 1 and len(tables) <= 2 else ""


def _detr(scores: str, boxes: str, columns: int, labels: int | None, name: str) -> OutputLayout:
    for count in (labels,) if labels is not None else (80, 91):
        if columns in (count, count + 1):
            # 91 columns without names are COCO's numbers, not one class more than 90
            return OutputLayout("detr", scores, boxes, classes=count, other=columns == count + 1)
    known = "it has no names" if labels is None else f"{labels} have names"
    raise ModelError(
        f"{name} gives scores of {columns} classes, and {known}. List all 'labels' in the JSON beside it, in the order "
        "of the scores."
    )


def _yolo(key: str, shape: tuple[int, int], labels: int | None, kind: Kind | None) -> OutputLayout | None:
    short = int(shape[0] > shape[1])
    counts = [labels] if labels is not None else [80, shape[short] - 4] if shape[short] == 5 else [80]
    if kind in (None, "end-to-end") and shape[1] == 6 and (kind or not {1, 2} & set(counts)):
        return OutputLayout("end-to-end", key)
    found: list[OutputLayout] = []
    for count in counts:
        for made, extra in (("yolo", 4), ("yolo-objectness", 5)):
            for axis in (0, 1):
                if shape[axis] == extra + count and kind in (None, made):
                    found.append(OutputLayout(made, key, across=axis == 0, classes=count))  # type: ignore[arg-type]
    # where both axes would do: rows are many, and tables without objectness stand across
    found.sort(
        key=lambda one: (shape[int(not one.across)] > shape[int(one.across)], one.across != (one.kind == "yolo"))
    )
    return found[0] if found else None


def read_outputs(outputs: Mapping[str, NDArray[Any]], layout: OutputLayout, size: int, name: str) -> RawBoxes:
    """The candidates of one picture, those that are no numbers left out.

    Args:
        outputs: by name, with a batch of one.
        layout: of them.
        size: side of the input in pixels.
        name: of the detector, for messages.

    Raises:
        ModelError: the outputs have another shape than they had, or scores that are no probabilities.
    """
    table = _rows(outputs[layout.scores])
    if table is None:
        return RawBoxes(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64))
    values = table.astype(np.float64)
    if layout.kind == "detr":
        places = _rows(outputs[layout.boxes])
        if places is None or places.shape != (len(values), 4):
            raise ModelError(f"{name} gives boxes that do not belong to its scores. Export it again.")
        scores, boxes = _activated(values, layout.other), places.astype(np.float64)
    else:
        values = values.T if layout.across else values
        boxes = values[:, :4]
        scores = values[:, 4:]
        if layout.kind == "yolo-objectness":
            scores = scores[:, :1] * scores[:, 1:]
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.isfinite(boxes).all(axis=1) & np.isfinite(scores).all(axis=1)
        boxes, scores = boxes[whole], scores[whole]
        if layout.kind == "end-to-end":
            classes, best = scores[:, 1].clip(0, 1e6).astype(np.int64), scores[:, 0]
            corners = boxes
        else:
            classes = scores.argmax(axis=1) if scores.size else np.zeros(len(scores), dtype=np.int64)
            best = scores.max(axis=1, initial=0)
            half = np.abs(boxes[:, 2:]) / 2
            corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    if len(best) and not (best.min() >= -1e-3 and best.max() <= 1 + 1e-3):
        raise ModelError(
            f"{name} gives scores from {best.min():.3g} to {best.max():.3g}, which are no probabilities. Export it "
            "with its last layer."
        )
    if layout.kind != "detr" and len(corners) and np.abs(boxes).max() > _SHARES:
        corners = corners / size
    return RawBoxes(corners, best, classes)


def _activated(logits: Values, other: bool) -> Values:
    """(n, classes) probabilities: a softmax with "no object" among them, or each class by itself."""
    from scipy.special import expit, softmax

    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(softmax(logits, axis=1)[:, :-1] if other else expit(logits))
