"""The only decoder: bytes of an image file -> upright RGB pixels, within limits, always the same way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from petmood.errors import ImageError, reason_of
from petmood.images import colour, cut, limits, tiff
from petmood.images.containers import ANIMATED, CUT, METADATA, ORIENTATION, PAGES, Container, read_container

DECODE_VERSION: Final = 4
"""Raise it when the pixels that `decode` gives for some file change: it is part of every cache key."""

NOTES: Final = {
    ANIMATED: "animated; its first frame is used",
    CUT: "its last bytes are missing; what is left is used",
    METADATA: "broken EXIF, text or colour profile, left aside",
    colour.NOT_FINITE: "values that are no numbers, drawn black",
    ORIENTATION: "an orientation that does not exist, left aside",
    PAGES: "several pages; the first is used",
    colour.PROFILE: "converted from another colour profile to sRGB",
    colour.RANGE: "values of an unusual range, made as bright as they seem to be meant",
}
"""What the codes in `ImageInfo.notes` and `Decoded.notes` mean."""

LONGEST: Final = 2048
"""Longest side in pixels of what `decode_full` gives, by default."""

CANONICAL: Final = 256
"""Whoever shrinks a picture to this many pixels a side or fewer reads it from one and the same decoding."""

LARGE: Final = 4_000_000
"""Pixels above which a picture that is to be small is shrunk while its colours are converted."""

Pixels = NDArray[np.uint8]

# headers are held against the limit before; what a decoder finds beyond it is an error there, not a warning
Image.MAX_IMAGE_PIXELS = limits.MAX_PIXELS


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a file says of itself: size in pixels after orientation, its format, and what preparing it involves.

    `notes` are codes of what was found odd or was done to the pixels: see `NOTES`.
    """

    width: int
    height: int
    format: str
    mode: str
    reoriented: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resized:
    """(size, size, 3) uint8 RGB `pixels` of a picture that is `width` x `height` pixels when upright."""

    pixels: Pixels
    width: int
    height: int


@dataclass(frozen=True)
class Decoded:
    """A picture in full: (h, w, 3) uint8 RGB `pixels`, upright, and what its file says of itself.

    `info` has the size of the picture in the file; `pixels` are fewer where it is larger than was asked for.
    """

    pixels: Pixels
    info: ImageInfo


@contextmanager
def _reasons(cost: int) -> Iterator[None]:
    """Whatever a malformed file leads Pillow to is told as the reason why it is not a picture.

    Raises:
        ImageError: the reason.
        MemoryError: the machine lacks the `cost` bytes that the picture may take, which says nothing about the picture.
    """
    try:
        yield
    except ImageError:
        raise
    except limits.OutOfTime as error:
        raise ImageError(f"takes more than {limits.DECODE_SECONDS:g} s of processor time to decode") from error
    except MemoryError as error:
        bytearray(cost)
        raise ImageError("broken image (it asks for more memory than it needs)") from error
    except Exception as error:  # OSError, SyntaxError, ValueError, struct.error ...
        raise _broken(error) from error


def _broken(error: Exception) -> ImageError:
    # Pillow's own words name an object of ours
    unknown = isinstance(error, UnidentifiedImageError)
    return ImageError(f"broken image ({'its header cannot be read' if unknown else reason_of(error, 120)})")


def _open(data: bytes) -> tuple[Container, Image.Image]:
    container = read_container(data)
    with _reasons(limits.MAX_METADATA):
        container = cut.completed(container)
        if container.format == "HEIF":
            _learn_heif()
        image = Image.open(limits.ClockedBytes(container.data), formats=(container.format,))
    limits.check_size(*image.size)
    return container, image


def _learn_heif() -> None:
    import pi_heif

    pi_heif.register_heif_opener(thumbnails=False)


@contextmanager
def _picture(data: bytes, at_least: int | None = None) -> Iterator[tuple[Image.Image, ImageInfo]]:
    """An upright RGB picture, perhaps smaller than in its file, and what the file says.

    The memory that it takes counts as held until the block ends.
    """
    container, image = _open(data)
    format_, mode, factor = container.format, image.mode, 1
    with _reasons(limits.MAX_METADATA):
        if at_least is not None and format_ == "JPEG":
            image.draft("RGB", (2 * at_least, 2 * at_least))
        if at_least is not None and image.width * image.height > LARGE:
            factor = max(1, min(image.size) // (2 * at_least))
        cost = _cost(container, image, factor)
        limits.check_cost(cost)
    with _reasons(cost), limits.budget.reserve(cost):
        rgb, orientation, notes = _loaded(container, image, factor)
        del image
        if method := _TURNS.get(orientation):
            rgb = rgb.transpose(method)
        size = container.width or rgb.width, container.height or rgb.height
        width, height = reversed(size) if orientation > 4 else size
        yield rgb, ImageInfo(width, height, format_, mode, orientation > 1, notes)


_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_NARROW: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}


def _cost(container: Container, image: Image.Image, factor: int) -> int:
    """Bytes of memory that decoding takes at its worst moment, the file itself not counted."""
    pixels = image.width * image.height
    made = 4 * pixels // factor**2
    own = pixels * _NARROW.get(image.mode, 4)
    converted = own if image.mode == "RGB" and factor == 1 else own + made
    turned = 2 * made if container.orientation > 1 else 0
    return container.extra + max(converted, turned)


def _loaded(container: Container, image: Image.Image, factor: int) -> tuple[Image.Image, int, tuple[str, ...]]:
    """The picture as RGB, how it is to be turned, and notes."""
    icc, orientation, notes = container.icc, container.orientation, list(container.notes)
    if container.scans > 1:
        image.decodermaxblock = limits.CHUNK  # type: ignore[attr-defined]
    if container.format in ("AVIF", "HEIF"):
        icc = image.info.get("icc_profile") or b""
        said = tiff.orientation(image.info.get("exif") or b"") if container.format == "AVIF" else 1
        orientation = said if said and said <= 8 else 1
        if getattr(image, "n_frames", 1) > 1:
            notes.append(ANIMATED if container.format == "AVIF" else PAGES)
    try:
        image.load()
    except OSError:
        if container.format != "GIF" or container.whole:
            raise
        image.tile = []  # type: ignore[attr-defined]  # the little that is missing stays in the background's colour
    rgb, coloured = colour.to_rgb(image, icc, factor)
    return rgb, orientation, tuple(sorted({*notes, *coloured}))


def probe(data: bytes) -> ImageInfo:
    """Decode a file fully, to know that it can be, and tell what it is.

    Raises:
        ImageError: not an image, broken, or over a limit; the message is the reason alone.
    """
    with _picture(data) as (_, info):
        return info


def limit_pixels(data: bytes, limit: int) -> None:
    """Refuse a picture of more than `limit` pixels by its header, before anything is decoded.

    Raises:
        ImageError: not an image, or over the limit.
    """
    _, image = _open(data)
    if image.width * image.height > limit:
        raise ImageError(f"{image.width}x{image.height} pixels is over the limit of {limit:,}")


def open_rgb(data: bytes, *, at_least: int | None = None) -> Image.Image:
    """Decode to an upright RGB picture (EXIF orientation applied, transparency over white, in sRGB).

    Args:
        data: the file's bytes.
        at_least: if the caller will shrink the picture to this many pixels a side or fewer, a JPEG may be decoded at a
            half, quarter or eighth of its size, and any large picture shrunk by the mean of squares, never below twice
            this: much faster, hardly different.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    with _picture(data, at_least) as (image, _):
        return image


def resize(image: Image.Image | Pixels, size: int) -> Pixels:
    """(size, size, 3) uint8: a picture resized with Lanczos, as the reference study does (aspect ratio not kept)."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def part(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """A part of a picture: left, top, width and height in shares of it, rounded to pixels as browsers do."""
    left, top, wide, high = (floor(s * n + 0.5) for s, n in zip(box, (*image.size, *image.size), strict=True))
    left, top = min(left, image.width - 1), min(top, image.height - 1)
    return image.crop((left, top, min(image.width, left + max(1, wide)), min(image.height, top + max(1, high))))


def shrunk(image: Image.Image, size: tuple[int, int]) -> Pixels:
    """(height, width, 3) uint8: an upright RGB picture resized with Lanczos, a large one by the mean of squares first.

    Args:
        image: the picture in full.
        size: width and height of the result in pixels.
    """
    if image.width * image.height > LARGE:
        image = image.reduce(max(1, min(image.size) // (2 * max(*size, CANONICAL))))
    return np.asarray(image if image.size == size else image.resize(size, Image.Resampling.LANCZOS))


def decode(data: bytes, size: int) -> Pixels:
    """(size, size, 3) uint8 RGB pixels of an image file.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    with _picture(data, max(size, CANONICAL)) as (image, _):
        return resize(image, size)


def decode_full(data: bytes) -> Decoded:
    """A picture in full, or shrunk with Lanczos until its longer side is `LONGEST`.

    `resize` of its pixels is `decode` to the bit where neither shrinks first: for pictures of less than 1,024 pixels on
    their shorter side, and at most `LONGEST` on the longer.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    with _picture(data, LONGEST) as (image, info):
        if max(image.size) > LONGEST:
            image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return Decoded(np.asarray(image), info)


def read(data: bytes, size: int) -> Resized:
    """As `decode`, with the size that the picture had.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    with _picture(data, max(size, CANONICAL)) as (image, info):
        return Resized(resize(image, size), info.width, info.height)


def from_picture(image: Image.Image, size: int) -> Resized:
    """A picture that is decoded already, made upright RGB and resized.

    Raises:
        ImageError: it has more pixels than the limit, none at all, or cannot be loaded.
    """
    rgb = upright(image)
    return Resized(resize(rgb, size), rgb.width, rgb.height)


def upright(image: Image.Image) -> Image.Image:
    """A picture that is decoded already, upright and RGB.

    Raises:
        ImageError: as for `from_picture`.
    """
    limits.check_size(*image.size)
    try:
        image.load()
        turned = ImageOps.exif_transpose(image)
        rgb, _ = colour.to_rgb(turned, image.info.get("icc_profile") or b"")
    except MemoryError:
        raise
    except Exception as error:  # whatever a lazily opened file leads Pillow to
        raise _broken(error) from error
    return rgb


def to_unit(pixels: Pixels) -> NDArray[np.float32]:
    """Same shape, float32 in [0, 1]: the study's normalisation."""
    return pixels.astype(np.float32) / np.float32(255)


def thumbnail(data: bytes, size: int = 160, quality: int = 82) -> bytes:
    """JPEG bytes of a square-cropped thumbnail.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    with _picture(data, max(size, CANONICAL)) as (image, _):
        return to_thumbnail(image, size, quality)


def to_thumbnail(image: Image.Image, size: int = 160, quality: int = 82) -> bytes:
    """JPEG bytes of a square-cropped thumbnail of an upright RGB picture."""
    out = io.BytesIO()
    ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def preview(data: bytes, longest: int = 1024, quality: int = 88) -> bytes:
    """JPEG bytes of the whole picture, its longer side at most `longest` pixels; small pictures keep their size.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    image = open_rgb(data, at_least=longest)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
