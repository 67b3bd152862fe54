"""A decoded picture of any mode and colour profile -> RGB of eight bits in sRGB, strip by strip.

A strip is converted at a time, so that nothing but the result is held beside the picture itself; with a factor, each
strip is shrunk at once and the result is small too.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

PROFILE: Final = "profile"
RANGE: Final = "range"
NOT_FINITE: Final = "not-finite"
METADATA: Final = "metadata"

_STRIP: Final = 2**20  # pixels of a strip
_SAME: Final = 3
"""Grey levels by which a profile may differ from sRGB and still be called sRGB: nobody sees them."""

_NO_CACHE: Final = 0x0040  # Little CMS keeps its last pixel in the transform otherwise, which threads would share

Convert = Callable[[Image.Image], Image.Image]


def to_rgb(image: Image.Image, icc: bytes = b"", factor: int = 1) -> tuple[Image.Image, tuple[str, ...]]:
    """A loaded picture as RGB, transparency over white, in sRGB.

    Args:
        image: of any mode that Pillow has.
        icc: the colour profile that the file carries; nothing is converted where it is sRGB or cannot be used.
        factor: shrink so many times by the mean of squares; sides are rounded up.

    Returns:
        The picture (the one given, where nothing is to be done), and codes of what was done to its colours.

    Raises:
        ValueError: Pillow has no way from its mode to RGB.
    """
    convert, notes = _converter(image, icc)
    if convert is None and factor == 1:
        return image, notes
    size = (-(-image.width // factor), -(-image.height // factor))
    made = Image.new("RGB", size)
    for top, strip in _strips(image, factor):
        piece = strip if convert is None else convert(strip)
        made.paste(piece.reduce(factor) if factor > 1 else piece, (0, top // factor))
    return made, notes


def _strips(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    rows = max(factor, _STRIP // image.width // factor * factor)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _converter(image: Image.Image, icc: bytes) -> tuple[Convert | None, tuple[str, ...]]:
    mode = image.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        scale = _scale_of(image)
        return scale.convert, scale.notes
    if mode == "LAB":
        return _profiled(_from_lab(), lambda strip: strip), ()
    has_alpha = mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    transform, notes = (None, ()) if not icc or mode == "1" else _transform_for(icc, _space(mode, has_alpha))
    if has_alpha:
        return (lambda strip: _over_white(strip, transform)), notes
    if transform is not None:
        return _profiled(transform, lambda strip: strip.convert(_space(mode, has_alpha))), notes
    return None if mode == "RGB" else (lambda strip: strip.convert("RGB")), notes


def _space(mode: str, has_alpha: bool) -> str:
    if mode == "CMYK" or (mode == "L" and not has_alpha):
        return mode
    return "L" if mode in ("LA", "La") else "RGB"


def _profiled(transform: ImageCms.ImageCmsTransform, prepared: Convert) -> Convert:
    def convert(strip: Image.Image) -> Image.Image:
        return transform.apply(prepared(strip))

    return convert


def _over_white(strip: Image.Image, transform: ImageCms.ImageCmsTransform | None) -> Image.Image:
    rgba = strip.convert("RGBA")
    if transform is not None:
        alpha = rgba.getchannel("A")
        rgba = transform.apply(rgba.convert(transform.input_mode)).convert("RGBA")
        rgba.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255, 255)), rgba).convert("RGB")


# --- profiles -----------------------------------------------------------------------------------------------------

_SPACES: Final = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


@lru_cache(maxsize=32)
def _transform_for(icc: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, tuple[str, ...]]:
    try:
        profile = ImageCms.getOpenProfile(io.BytesIO(icc))
        if _SPACES.get(profile.profile.xcolor_space) != mode:
            return None, (METADATA,)
        transform = _to_srgb(profile, mode)
        if mode != "CMYK" and _is_srgb(transform, mode):
            return None, ()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None, (METADATA,)
    return transform, (PROFILE,)


def _to_srgb(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION | _NO_CACHE,
    )


@lru_cache(maxsize=1)
def _from_lab() -> ImageCms.ImageCmsTransform:
    return _to_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    plain = Image.fromarray(grid).convert(mode)
    moved = np.asarray(transform.apply(plain)).astype(int) - np.asarray(plain.convert("RGB"))
    return int(np.abs(moved).max()) <= _SAME


# --- more than eight bits -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scale:
    """How grey values of more than eight bits become 0 to 255: `(value - low) / (high - low)`."""

    low: float
    high: float
    exact: bool
    notes: tuple[str, ...]

    def convert(self, strip: Image.Image) -> Image.Image:
        values = np.asarray(strip, dtype=np.float64)
        if self.exact:
            grey = np.clip(values / self.high * 255, 0, 255)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                grey = np.rint(np.clip((values - self.low) / (self.high - self.low) * 255, 0, 255))
            grey = np.nan_to_num(grey, nan=0.0)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


_NEAR: Final = 1.05
"""A range may be overshot by so much, as resampling does, and still be that range."""


def _scale_of(image: Image.Image) -> _Scale:
    low, high, finite = _extent(image)
    notes = () if finite else (NOT_FINITE,)
    if image.mode != "F" and low >= 0 and high <= 65535:
        for most in (1023, 4095):  # ten or twelve bits, as cameras of laboratories have: as sixteen they would be black
            if 255 < high <= most:
                return _Scale(0, float(most), True, (*notes, RANGE))
        return _Scale(0, 65535.0 if high > 255 else 255.0, True, notes)
    if image.mode == "F":
        if low >= 1 - _NEAR and high <= _NEAR:
            return _Scale(0, 1.0, False, notes)
        if low >= -_NEAR and high <= _NEAR:
            return _Scale(-1.0, 1.0, False, notes)
        if low >= 255 * (1 - _NEAR) and 255 / 16 < high <= 255 * _NEAR:
            return _Scale(0, 255.0, False, notes)
        if low >= 65535 * (1 - _NEAR) and 65535 / 4 < high <= 65535 * _NEAR:
            return _Scale(0, 65535.0, False, notes)
    return _Scale(low, high if high > low else low + 1, False, (*notes, RANGE))


def _extent(image: Image.Image) -> tuple[float, float, bool]:
    """Least and greatest finite value, and whether all are finite."""
    low, high, finite = np.inf, -np.inf, True
    for _, strip in _strips(image):
        values: NDArray[np.float64] = np.asarray(strip, dtype=np.float64)
        sound = values[np.isfinite(values)]
        finite = finite and sound.size == values.size
        if sound.size:
            low, high = min(low, float(sound.min())), max(high, float(sound.max()))
    return (low, high, finite) if low <= high else (0.0, 0.0, finite)
