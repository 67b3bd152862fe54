"""A picture however it was given (path, bytes, PIL image, array) -> pixels of a model's size, and what they measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.detection import Box, Detector
from petmood.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture = str | Path | bytes | bytearray | BinaryIO | Image | NDArray[Any]


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
        picture: a path, the bytes of an image file, an open file, a PIL image, or (h, w, 3) or (h, w) uint8 pixels.
        size: side of the square in pixels.
        source: what to call it; the path, or the kind of input, by default.

    Raises:
        ImageError: it cannot be read, is not a picture, or exceeds a limit; the message is the reason alone.
    """
    data = _bytes(picture)
    found = images.from_picture(_opened(picture), size) if data is None else images.read(data, size)
    name = _name(picture)
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
    data, name = _bytes(picture), _name(picture)
    if data is None:
        image = images.upright(_opened(picture))
    else:
        picture, image = data, images.open_rgb(data)  # an open file is read once
    found = []
    for box in detector.find(image):
        cut = images.part(image, (box.x, box.y, box.width, box.height))
        pixels = images.shrunk(cut, (size, size))
        found.append(Prepared(source or name, pixels, cut.width, cut.height, *measure(pixels), box))
    # a whole picture is read as it always is
    return found or [replace(prepare(picture, size, source or name), undetected=True)]


def measure(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """(sharpness, brightness) of (h, w, 3) uint8 RGB pixels, as `Prepared` has them."""
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.std()), float(grey.mean())


def is_file(picture: object) -> bool:
    """Whether something is open for reading, such as a file or `io.BytesIO`."""
    return callable(getattr(picture, "read", None))


def _name(picture: object) -> str:
    if isinstance(picture, str | Path):
        return str(picture)
    return "image" if isinstance(picture, bytes | bytearray) or is_file(picture) else type(picture).__name__


def _bytes(picture: Any) -> bytes | None:
    """Bytes of an image file, however they come; None for pixels."""
    if isinstance(picture, str | Path):
        return _read(Path(picture))
    if is_file(picture):
        picture = picture.read(images.MAX_FILE_BYTES + 1)
        if not isinstance(picture, bytes):
            raise ImageError("a file of text is not a picture; open it with 'rb'")
        if len(picture) > images.MAX_FILE_BYTES:
            raise ImageError(f"file too large: the limit is {images.MAX_FILE_BYTES:,} bytes")
    return bytes(picture) if isinstance(picture, bytes | bytearray) else None


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


def _opened(picture: object) -> Image:
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


@dataclass(frozen=True)
class Outputs:
    """What the graph gives for n pictures, all float32.

    Attributes:
        probabilities: (n, n_classes), calibrated.
        scores: (n, n_classes), before calibration and softmax.
        features: (n, dim).
        cam: (n, n_classes, h, w): evidence for each class at each place, or None.
        imagenet: (n, 1000): scores of ImageNet's classes, or None.
    """

    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]
    features: NDArray[np.float32]
    cam: NDArray[np.float32] | None
    imagenet: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.probabilities)

    @classmethod
    def joined(cls, parts: Sequence[Outputs]) -> Outputs:
        """The outputs of several batches as those of one."""

        def whole(name: str) -> Any:
            values = [getattr(part, name) for part in parts]
            return None if values[0] is None else np.concatenate(values)

        return cls(**{field.name: whole(field.name) for field in fields(cls)})

    def row(self, at: int) -> Outputs:
        """The outputs of one picture, as a batch of one."""
        part = slice(at, at + 1)
        return Outputs(
            probabilities=self.probabilities[part],
            scores=self.scores[part],
            features=self.features[part],
            cam=None if self.cam is None else self.cam[part],
            imagenet=None if self.imagenet is None else self.imagenet[part],
        )
