"""The only decoder: bytes of an image file -> upright RGB pixels, within limits, always the same way."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from petmood.errors import ImageError

DECODE_VERSION: Final = 2
"""Raise it when the pixels that `decode` gives for some file change: it is part of every cache key."""

CANONICAL: Final = 256
"""Whoever shrinks a picture to this many pixels a side or fewer reads it from one and the same decoding."""

MAX_FILE_BYTES: Final = 64 * 2**20
MAX_PIXELS: Final = 100_000_000
FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
EXTENSIONS: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

Pixels = NDArray[np.uint8]

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a file says of itself: size in pixels after orientation, its format, and what preparing it involves."""

    width: int
    height: int
    format: str
    mode: str
    reoriented: bool


@dataclass(frozen=True)
class Resized:
    """(size, size, 3) uint8 RGB `pixels` of a picture that is `width` x `height` pixels when upright."""

    pixels: Pixels
    width: int
    height: int


def _open(data: bytes) -> Image.Image:
    if not data:
        raise ImageError("empty file (0 bytes)")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"file too large: {len(data):,} bytes, the limit is {MAX_FILE_BYTES:,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(f"not an image in a known format ({', '.join(FORMATS)})") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"more pixels than the limit of {MAX_PIXELS:,}") from error
    except Exception as error:  # Pillow's plugins raise whatever a malformed header leads them to
        raise ImageError(f"broken image ({_short(error)})") from error
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"{image.width}x{image.height} pixels is over the limit of {MAX_PIXELS:,}")
    return image


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _upright_rgb(image: Image.Image) -> Image.Image:
    try:
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            return _from_deep_grey(image)
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            rgba = image.convert("RGBA")
            white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
            return Image.alpha_composite(white, rgba).convert("RGB")
        return image.convert("RGB")
    except ImageError:
        raise
    except (
        Exception
    ) as error:  # truncated or corrupt data surfaces as OSError, SyntaxError, ValueError, struct.error...
        raise ImageError(f"broken image ({_short(error)})") from error


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """16-bit and float greys, whose plain conversion clips: scaled by their format's range."""
    values = np.asarray(image, dtype=np.float64)
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    grey = np.clip(values / top * 255, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def probe(data: bytes) -> ImageInfo:
    """Decode a file fully, to know that it can be, and tell what it is.

    Raises:
        ImageError: not an image, broken, or over a limit; the message is the reason alone.
    """
    image = _open(data)
    mode, kind = image.mode, image.format or "?"
    orientation = 1
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # malformed EXIF raises anything at all
        raise ImageError(f"broken image ({_short(error)})") from error
    upright = _upright_rgb(image)
    return ImageInfo(upright.width, upright.height, kind, mode, orientation not in (0, 1))


def limit_pixels(data: bytes, limit: int) -> None:
    """Refuse a picture of more than `limit` pixels by its header, before anything is decoded.

    Raises:
        ImageError: not an image, or over the limit.
    """
    image = _open(data)
    if image.width * image.height > limit:
        raise ImageError(f"{image.width}x{image.height} pixels is over the limit of {limit:,}")


def open_rgb(data: bytes, *, at_least: int | None = None) -> Image.Image:
    """Decode to an upright RGB picture (EXIF orientation applied, transparency over white).

    Args:
        data: the file's bytes.
        at_least: if the caller will shrink the picture to this many pixels a side or fewer, a JPEG may be decoded at a
            half, quarter or eighth of its size, never below twice this: much faster, hardly different.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    image = _open(data)
    if at_least is not None and image.format == "JPEG":
        image.draft("RGB", (2 * at_least, 2 * at_least))
    return _upright_rgb(image)


def resize(image: Image.Image, size: int) -> Pixels:
    """(size, size, 3) uint8: a picture resized with Lanczos, as the reference study does (aspect ratio not kept)."""
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


def decode(data: bytes, size: int) -> Pixels:
    """(size, size, 3) uint8 RGB pixels of an image file.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    return resize(open_rgb(data, at_least=max(size, CANONICAL)), size)


def read(data: bytes, size: int) -> Resized:
    """As `decode`, with the size that the picture had.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    image = _open(data)
    before = image.size
    if image.format == "JPEG":
        image.draft("RGB", (2 * max(size, CANONICAL),) * 2)
    at = image.size
    upright = _upright_rgb(image)
    turned = upright.size != at and upright.size == (at[1], at[0])
    width, height = reversed(before) if turned else before
    return Resized(resize(upright, size), width, height)


def from_picture(image: Image.Image, size: int) -> Resized:
    """A picture that is decoded already, made upright RGB and resized.

    Raises:
        ImageError: it has more pixels than the limit, none at all, or cannot be loaded.
    """
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"{image.width}x{image.height} pixels is over the limit of {MAX_PIXELS:,}")
    if not image.width * image.height:
        raise ImageError("a picture without pixels")
    upright = _upright_rgb(image)
    return Resized(resize(upright, size), upright.width, upright.height)


def to_unit(pixels: Pixels) -> NDArray[np.float32]:
    """Same shape, float32 in [0, 1]: the study's normalisation."""
    return pixels.astype(np.float32) / np.float32(255)


def thumbnail(data: bytes, size: int = 160, quality: int = 82) -> bytes:
    """JPEG bytes of a square-cropped thumbnail.

    Raises:
        ImageError: not an image, broken, or over a limit.
    """
    return to_thumbnail(open_rgb(data, at_least=max(size, CANONICAL)), size, quality)


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
