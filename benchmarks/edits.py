"""Pictures -> edited copies of more than twenty kinds, and pictures that only look like copies.

Every edit is a function of (picture, random numbers, another picture); `KINDS` names them. `next_frame` gives what is
no copy: the scene a moment later, its foreground moved before its background, with noise of its own.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Edit = Callable[[Image.Image, np.random.Generator, Image.Image], Image.Image]

WORDS: Final = (
    "PREVIEW",
    "sample",
    "Do not copy",
    "www.example.org",
    "MOOD: happy",
    "2024-05-17",
    "Rex & Bella",
    "LOL",
)
_MIRRORS: Final = (
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSPOSE,
)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8, round(size)))


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in rng.integers(0, 256, 3))
    return r, g, b


def _place(rng: np.random.Generator, size: tuple[int, int], area: float) -> tuple[int, int, int, int]:
    """A box of a share of the picture's area, somewhere in it."""
    aspect = np.exp(rng.uniform(-0.6, 0.6))
    w = min(0.95, np.sqrt(area * aspect)) * size[0]
    h = min(0.95, np.sqrt(area / aspect)) * size[1]
    x, y = rng.uniform(0, size[0] - w), rng.uniform(0, size[1] - h)
    return round(x), round(y), round(x + w), round(y + h)


def text(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """One to four lines of large print."""
    out = im.copy()
    draw = ImageDraw.Draw(out)
    for _ in range(int(rng.integers(1, 5))):
        at = rng.uniform(0, 0.5) * im.width, rng.uniform(0, 0.9) * im.height
        fill = "white" if rng.random() < 0.5 else _colour(rng)
        draw.text(
            at,
            str(rng.choice(WORDS)),
            fill=fill,
            font=_font(rng.uniform(0.08, 0.2) * im.height),
            stroke_width=int(rng.integers(0, 3)),
            stroke_fill="black",
        )
    return out


def watermark(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Small print all over, opaque or half transparent, level or slanted."""
    side = 2 * max(im.size)
    layer = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(layer)
    size = rng.uniform(0.05, 0.1) * im.height
    word = f"{rng.choice(WORDS)}  " * 20
    for y in np.arange(0, side, size * rng.uniform(1.8, 4)):
        draw.text((0, y), word, fill=int(rng.integers(90, 256)), font=_font(size))
    if rng.random() < 0.5:
        layer = layer.rotate(rng.uniform(-45, 45))
    left, top = (side - im.width) // 2, (side - im.height) // 2
    out = im.copy()
    out.paste(Image.new("RGB", im.size, "white"), mask=layer.crop((left, top, left + im.width, top + im.height)))
    return out


def box(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Cutout: one box of one colour over an eighth to three tenths."""
    out = im.copy()
    ImageDraw.Draw(out).rectangle(_place(rng, im.size, rng.uniform(0.12, 0.3)), fill=_colour(rng))
    return out


def boxes(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Cutout: three to seven small boxes."""
    out = im.copy()
    for _ in range(int(rng.integers(3, 8))):
        ImageDraw.Draw(out).rectangle(_place(rng, im.size, rng.uniform(0.02, 0.06)), fill=_colour(rng))
    return out


def erased(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Random erasing: a box of noise."""
    left, top, right, bottom = _place(rng, im.size, rng.uniform(0.05, 0.3))
    out = im.copy()
    out.paste(Image.fromarray(rng.integers(0, 256, (bottom - top, right - left, 3), dtype=np.uint8)), (left, top))
    return out


def stickers(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """One to four drawn faces, stars and balloons."""
    out = im.copy()
    draw = ImageDraw.Draw(out)
    for _ in range(int(rng.integers(1, 5))):
        r = rng.uniform(0.08, 0.17) * min(im.size)
        x, y = rng.uniform(r, im.width - r), rng.uniform(r, im.height - r)
        ring = (x - r, y - r, x + r, y + r)
        if rng.random() < 0.6:
            draw.ellipse(ring, fill=(255, 205, 60), outline="black", width=2)
            for dx in (-0.4, 0.4):
                ex, ey = x + dx * r, y - 0.3 * r
                draw.ellipse((ex - 0.15 * r, ey - 0.2 * r, ex + 0.15 * r, ey + 0.2 * r), fill="black")
            draw.arc((x - 0.6 * r, y - 0.4 * r, x + 0.6 * r, y + 0.6 * r), 20, 160, fill="black", width=2)
        else:
            angles = np.arange(10) * np.pi / 5 - np.pi / 2
            reach = np.where(np.arange(10) % 2, 0.45, 1.0) * r
            draw.polygon(
                [(x + q * np.cos(a), y + q * np.sin(a)) for a, q in zip(angles, reach, strict=True)], _colour(rng)
            )
    return out


def inset(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Picture in picture: another picture over a part of this one."""
    share = rng.uniform(0.3, 0.5)
    w, h = round(im.width * share), round(im.height * share)
    out = im.copy()
    out.paste(other.resize((w, h)), (int(rng.choice([4, im.width - w - 4])), int(rng.choice([4, im.height - h - 4]))))
    return out


def inset_of(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Picture in picture: this one, small, in another."""
    share = rng.uniform(0.42, 0.6)
    w, h = round(other.width * share), round(other.height * share)
    out = other.copy()
    out.paste(im.resize((w, h)), (int(rng.integers(0, other.width - w)), int(rng.integers(0, other.height - h))))
    return out


def captioned(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """A frame with a caption above or below."""
    edge, band = round(im.width * rng.uniform(0.02, 0.12)), round(im.height * rng.uniform(0.12, 0.3))
    out = Image.new("RGB", (im.width + 2 * edge, im.height + edge + band), _colour(rng))
    above = rng.random() < 0.5
    out.paste(im, (edge, band if above else edge))
    y = band * 0.2 if above else im.height + edge + band * 0.2
    ImageDraw.Draw(out).text((edge, y), str(rng.choice(WORDS)), fill=_colour(rng), font=_font(band * 0.6))
    return out


def collage(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Two pictures side by side, or one above the other."""
    pair = [im, other.resize(im.size)]
    if rng.random() < 0.5:
        pair.reverse()
    across = rng.random() < 0.5
    out = Image.new("RGB", (im.width * (1 + across), im.height * (2 - across)))
    out.paste(pair[0], (0, 0))
    out.paste(pair[1], (im.width, 0) if across else (0, im.height))
    return (
        out.resize((im.width, im.height * 3 // 4) if across else (im.width * 3 // 4, im.height))
        if rng.random() < 0.5
        else out
    )


def mosaic(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """One tile of four, the others parts of another picture; saved at the size of one."""
    w, h = im.size
    out = Image.new("RGB", (2 * w, 2 * h))
    mine = int(rng.integers(0, 4))
    for k in range(4):
        tile = im
        if k != mine:
            x, y = (k % 2) * 0.4 * other.width, (k // 2) * 0.4 * other.height
            tile = other.crop((round(x), round(y), round(x + 0.6 * other.width), round(y + 0.6 * other.height)))
        out.paste(tile.resize((w, h)), (w * (k % 2), h * (k // 2)))
    return out.resize((w, h), Image.Resampling.LANCZOS)


def inverted(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """A negative."""
    return ImageOps.invert(im)


def toned(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Two colours, few grey levels, solarised, or equalised."""
    kind = int(rng.integers(0, 4))
    if kind == 0:
        return ImageOps.colorize(im.convert("L"), black=_colour(rng), white="white" if rng.random() < 0.5 else "black")
    if kind == 1:
        return ImageOps.posterize(im, int(rng.integers(2, 4)))
    return ImageOps.solarize(im, int(rng.integers(100, 200))) if kind == 2 else ImageOps.equalize(im)


def perspective(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Seen from aside: each corner moved in by up to a fifth."""
    w, h = im.size
    corners = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
    inward = np.float32([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * np.float32([w, h])
    to = (corners + rng.uniform(0, 0.2, (4, 2)) * inward).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, to)
    return Image.fromarray(cv2.warpPerspective(np.asarray(im), matrix, (w, h), flags=cv2.INTER_LINEAR))


def elastic(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Elastic deformation, from fine and faint to coarse and strong."""
    w, h = im.size
    sigma = rng.uniform(0.03, 0.1) * w
    strength = rng.uniform(0.005, 0.15 * sigma / w + 0.01) * w
    field = rng.normal(size=(2, h, w)).astype(np.float32)
    shift = np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one in field])
    shift *= strength / max(float(shift.std()), 1e-9)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    moved = cv2.remap(np.asarray(im), x + shift[0], y + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return Image.fromarray(moved)


def cropped(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """A third to seven tenths of the area, sometimes enlarged again."""
    out = im.crop(_place(rng, im.size, rng.uniform(0.33, 0.7)))
    return out.resize(im.size) if rng.random() < 0.5 else out


def blurred(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Out of focus."""
    return im.filter(ImageFilter.GaussianBlur(rng.uniform(0.008, 0.018) * im.width))


def noisy(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Sensor noise of 20 to 45 grey levels, or salt and pepper."""
    values = np.asarray(im).astype(np.float32)
    if rng.random() < 0.7:
        values += rng.normal(size=values.shape).astype(np.float32) * rng.uniform(20, 45)
    else:
        hit = rng.random(values.shape[:2])
        share = rng.uniform(0.02, 0.06)
        values[hit < share] = 0
        values[hit > 1 - share] = 255
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def small(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """A fifth to a third of the size, sometimes enlarged again."""
    share = rng.uniform(0.2, 0.33)
    out = im.resize((round(im.width * share), round(im.height * share)), Image.Resampling.LANCZOS)
    return out.resize(im.size, Image.Resampling.BICUBIC) if rng.random() < 0.5 else out


def compressed(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """JPEG of quality 5 to 15."""
    out = io.BytesIO()
    im.save(out, "JPEG", quality=int(rng.integers(5, 16)))
    return Image.open(out).convert("RGB")


def flipped(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Mirrored, turned by a quarter, or both."""
    return im.transpose(_MIRRORS[int(rng.integers(0, len(_MIRRORS)))])


def turned(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Turned by any angle, corners filled."""
    return im.rotate(rng.uniform(5, 355), Image.Resampling.BICUBIC, fillcolor=_colour(rng))


def sheared(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Sheared and squeezed."""
    a, b = rng.uniform(-0.3, 0.3, 2)
    out = im.transform(im.size, Image.Transform.AFFINE, (1, a, -a * im.height / 2, b, 1, -b * im.width / 2))
    return out.resize((im.width, round(im.height * rng.uniform(0.7, 1.3))))


def relit(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Darker or lighter, flatter or harder."""
    out = ImageEnhance.Brightness(im).enhance(rng.uniform(0.4, 1.7))
    return ImageEnhance.Contrast(out).enhance(rng.uniform(0.4, 1.8))


def recoloured(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Another hue, no colour, or channels exchanged."""
    if rng.random() < 0.3:
        return im.convert("L").convert("RGB")
    hsv = np.asarray(im.convert("HSV")).copy()
    hsv[..., 0] = (hsv[..., 0].astype(np.int64) + int(rng.integers(20, 236))) % 256
    return Image.fromarray(hsv, "HSV").convert("RGB") if rng.random() < 0.5 else Image.merge("RGB", im.split()[::-1])


def masked(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Cut to a circle or to round corners, on a plain ground."""
    mask = Image.new("L", im.size, 0)
    draw, whole = ImageDraw.Draw(mask), (0, 0, im.width - 1, im.height - 1)
    if rng.random() < 0.5:
        draw.ellipse(whole, fill=255)
    else:
        draw.rounded_rectangle(whole, min(im.size) * rng.uniform(0.15, 0.4), fill=255)
    return Image.composite(im, Image.new("RGB", im.size, _colour(rng)), mask)


def gridded(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Grid mask: a lattice of squares is left out."""
    out = im.copy()
    step = rng.uniform(0.15, 0.3) * im.width
    side = step * rng.uniform(0.3, 0.5)
    fill = _colour(rng)
    for y in np.arange(rng.uniform(0, step), im.height, step):
        for x in np.arange(rng.uniform(0, step), im.width, step):
            ImageDraw.Draw(out).rectangle((x, y, x + side, y + side), fill=fill)
    return out


def combined(im: Image.Image, rng: np.random.Generator, other: Image.Image) -> Image.Image:
    """Mirrored, cropped, relit, printed over and saved badly."""
    out = ImageOps.mirror(im).crop(_place(rng, im.size, rng.uniform(0.6, 0.8)))
    out = ImageEnhance.Brightness(out).enhance(rng.uniform(0.7, 1.3))
    out = (text if rng.random() < 0.5 else box)(out, rng, other)
    return compressed(out, rng, other) if rng.random() < 0.5 else out


KINDS: Final[dict[str, Edit]] = {
    one.__name__.replace("_", " "): one
    for one in (
        text,
        watermark,
        box,
        boxes,
        erased,
        stickers,
        inset,
        inset_of,
        captioned,
        collage,
        mosaic,
        inverted,
        toned,
        perspective,
        elastic,
        cropped,
        blurred,
        noisy,
        small,
        compressed,
        flipped,
        turned,
        sheared,
        relit,
        recoloured,
        masked,
        gridded,
        combined,
    )
}

MIXED: Final = frozenset({"inset", "inset of", "collage", "mosaic"})
"""Kinds that show another picture too, whose family they therefore belong to as well."""


def next_frame(im: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The scene a moment later: what stands in front moved before what is behind, new noise, other light. No copy."""
    w, h = im.size
    values = np.asarray(im).astype(np.float32)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    centre = rng.uniform(0.35, 0.65, 2) * (w, h)
    wave = cv2.GaussianBlur(rng.normal(size=(h, w)).astype(np.float32), (0, 0), w / 10)
    wave *= 0.25 / max(float(wave.std()), 1e-9)
    radii = rng.uniform(0.22, 0.38, 2) * (w, h)
    front = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1]) + wave < 1
    front = front.astype(np.uint8)
    behind = cv2.inpaint(np.asarray(im), cv2.dilate(front, np.ones((5, 5), np.uint8)), 5, cv2.INPAINT_TELEA)

    def motion(shift: float, turn: float, zoom: float) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D((w / 2, h / 2), rng.normal() * turn, 1 + rng.normal() * zoom)
        angle = rng.uniform(0, 2 * np.pi)
        matrix[:, 2] += shift * w * np.array([np.cos(angle), np.sin(angle)])
        return matrix

    ground = motion(rng.uniform(0, 0.03), 0.5, 0.005)
    own = motion(rng.uniform(0.01, 0.05), 1.5, 0.01)
    back = cv2.warpAffine(behind.astype(np.float32), ground, (w, h), borderMode=cv2.BORDER_REFLECT_101)
    moved = cv2.warpAffine(values, own, (w, h), borderMode=cv2.BORDER_REFLECT_101)
    alpha = cv2.GaussianBlur(cv2.warpAffine(front.astype(np.float32), own, (w, h)), (0, 0), 1.0)[..., None]
    out = (alpha * moved + (1 - alpha) * back) * rng.uniform(0.93, 1.07)
    out += rng.normal(size=out.shape) * rng.uniform(2, 6)
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8))
