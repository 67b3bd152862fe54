"""Parts of pictures as pictures: a name with a media fragment and the bytes of its file -> the bytes of that part.

The fragment is that of the W3C's Media Fragments: `#xywh=x,y,width,height` in pixels of the upright picture, or
`#xywh=percent:x,y,width,height`.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Final

from petmood import images
from petmood.errors import ImageError

MARK: Final = "#xywh="
_FRAGMENT: Final = re.compile(r"^(?P<unit>percent:)?(?P<box>-?[\d.]+,-?[\d.]+,[\d.]+,[\d.]+)$")


_FARTHEST: Final = 1e9


@dataclass(frozen=True, slots=True)
class CropBox:
    """A part of a picture: its left upper corner and its size, in pixels, or in percent of the picture."""

    x: float
    y: float
    width: float
    height: float
    percent: bool = False

    def __post_init__(self) -> None:
        if not all(abs(value) < _FARTHEST for value in (self.x, self.y, self.width, self.height)):
            raise ValueError("a box has corners that are no places in a picture")

    def widened(self, margin: float) -> CropBox:
        """The box with a share of its width and height added on each side."""
        dx, dy = margin * self.width, margin * self.height
        return CropBox(self.x - dx, self.y - dy, self.width + 2 * dx, self.height + 2 * dy, self.percent)

    def fragment(self) -> str:
        """As it stands after a name; pixels are rounded to whole ones, percent to four places."""
        values = (self.x, self.y, self.width, self.height)
        if self.percent:
            return f"{MARK}percent:{','.join(f'{value:.4f}'.rstrip('0').rstrip('.') for value in values)}"
        left, top = round(self.x), round(self.y)
        right, bottom = round(self.x + self.width), round(self.y + self.height)
        return f"{MARK}{left},{top},{max(right - left, 0)},{max(bottom - top, 0)}"


def part_of(name: str) -> tuple[str, CropBox | None]:
    """The file and the box that a name means; no box for a whole file."""
    path, mark, text = name.partition(MARK)
    match = _FRAGMENT.match(text) if mark else None
    if match is None:
        return name, None
    try:
        x, y, width, height = map(float, match["box"].split(","))
        return path, CropBox(x, y, width, height, match["unit"] is not None)
    except ValueError:  # a file may be named anything
        return name, None


def cut(data: bytes, box: CropBox) -> bytes:
    """An uncompressed picture of the part of a picture within a box; what of the box lies outside is left out.

    Raises:
        ImageError: the picture cannot be decoded, or nothing of it lies within the box.
    """
    picture = images.open_rgb(data)
    sx, sy = (picture.width / 100, picture.height / 100) if box.percent else (1.0, 1.0)
    left, top = max(round(box.x * sx), 0), max(round(box.y * sy), 0)
    right = min(round((box.x + box.width) * sx), picture.width)
    bottom = min(round((box.y + box.height) * sy), picture.height)
    if right <= left or bottom <= top:
        raise ImageError("its box is empty or lies outside the picture")
    out = io.BytesIO()
    # equal pixels make equal bytes in this format, whatever library wrote them
    picture.crop((left, top, right, bottom)).save(out, "BMP")
    return out.getvalue()
