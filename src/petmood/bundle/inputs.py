"""A picture however it was given (path, bytes, PIL image, array) -> pixels of a model's size, and what they measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.detection import Box, Detector
from petmood.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture = str | Path | bytes | Image | NDArray[Any]


@dataclass(frozen=True)
class Prepared:
    """A picture ready for a model.

    Attributes:
        source: the path or name by which it was given.
        pixels: (size, size, 3) uint8 RGB.
        width, height: of the picture, upright, in pixels.
        sharpness: standard deviation of the Laplacian of the grey pixels.
        brightness: mean of the grey pixels, 0 to 255.
        box: the part of the picture that this is, as a detector found it, whose size `width` and `height` then are.
        undetected: a detector looked at the picture and found no animal.
    """

    source: str
    pixels: NDArray[np.uint8]
    width: int
    height: int
    sharpness: float
    brightness: float
    box: Box | None = None
    undetected: bool = False


def prepare(picture: Picture, size: int, source: str | None = None) -> Prepared:
    """Decode a picture, make it upright and RGB, and resize it to a square.

    A large JPEG given as path or bytes is decoded at a fraction of its size, which a picture that is already decoded
    cannot be: its pixels may differ by a few grey levels.

    Args:
        picture: a path, the bytes of an image file, a PIL image, or (h, w, 3) or (h, w) uint8 pixels.
        size: side of the square in pixels.
        source: what to call it; the path, or the kind of input, by default.

    Raises:
        ImageError: it cannot be read, is not a picture, or exceeds a limit; the message is the reason alone.
    """
    if isinstance(picture, bytes | str | Path):
        data = picture if isinstance(picture, bytes) else _read(Path(picture))
        found = images.read(data, size)
        name = "image" if isinstance(picture, bytes) else str(picture)
    else:
        found = images.from_picture(_opened(picture), size)
        name = type(picture).__name__
    sharpness, brightness = measure(found.pixels)
    return Prepared(source or name, found.pixels, found.width, found.height, sharpness, brightness)


def prepare_animals(picture: Picture, size: int, detector: Detector, source: str | None = None) -> list[Prepared]:
    """Each animal of a picture as a picture of its own; the whole picture where the detector finds none.

    Args:
        picture: as for `prepare`.
        size: side of the square in pixels.
        detector: what finds them.
        source: what to call it, as for `prepare`.

    Raises:
        ImageError: as for `prepare`.
        ModelError: the detector fails.
    """
    if isinstance(picture, bytes | str | Path):
        data = picture if isinstance(picture, bytes) else _read(Path(picture))
        image = images.open_rgb(data)
        name = "image" if isinstance(picture, bytes) else str(picture)
    else:
        image, name = images.upright(_opened(picture)), type(picture).__name__
    found = []
    for box in detector.find(image):
        cut = images.part(image, (box.x, box.y, box.width, box.height))
        pixels = images.shrunk(cut, (size, size))
        found.append(Prepared(source or name, pixels, cut.width, cut.height, *measure(pixels), box))
    # a whole picture is read as it always is
    return found or [replace(prepare(picture, size, source), undetected=True)]


def measure(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """(sharpness, brightness) of (h, w, 3) uint8 RGB pixels, as `Prepared` has them."""
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.std()), float(grey.mean())


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ImageError("no such file" if not path.exists() else "not a regular file")
        size = path.stat().st_size
        if size > images.MAX_FILE_BYTES:
            raise ImageError(f"file too large: {size:,} bytes, the limit is {images.MAX_FILE_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})") from error


def _opened(picture: Image | NDArray[Any]) -> Image:
    from PIL import Image as Pillow

    if isinstance(picture, Pillow.Image):
        return picture
    if not isinstance(picture, np.ndarray):
        raise ImageError(f"a {type(picture).__name__} is not a picture; give a path, bytes, a PIL image or an array")
    shape_is_known = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))
    if picture.dtype != np.uint8 or not shape_is_known or not picture.size:
        raise ImageError(
            f"an array of shape {picture.shape} and type {picture.dtype} is not a picture; give (h, w, 3) uint8 RGB"
        )
    return Pillow.fromarray(np.ascontiguousarray(picture))
