"""What the API says of the animals that a detector finds in pictures."""

from __future__ import annotations

from petmood.bundle import Unreadable
from petmood.bundle.schema import Record
from petmood.detection import Box


class Found(Record):
    """The animals in one picture, the surest first, at most 20: `width` and `height` are the picture's, in pixels."""

    source: str
    width: int
    height: int
    boxes: tuple[Box, ...]


class Detections(Record):
    """What `/v1/detect` answers: pictures in order, and what was unreadable."""

    pictures: tuple[Found, ...]
    errors: tuple[Unreadable, ...]
