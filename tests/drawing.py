"""Draws tiny labelled data sets for tests: real image files, different from one another, cheap to make."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


@cache
def jpeg(seed: int, size: tuple[int, int] = (48, 48), mode: str = "RGB", fmt: str = "JPEG") -> bytes:
    """Bytes of a picture of smooth colour noise, unique to its seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)
    out = io.BytesIO()
    image.save(out, fmt)
    return out.getvalue()


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Write files into a zip archive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def split_files(per_class: int = 4, classes: tuple[str, ...] = ("Angry", "happy")) -> dict[str, bytes]:
    """`split/class/*.jpg` with one augmented copy in each class of train."""
    files = {}
    seed = 0
    for split, count in (("train", per_class), ("valid", 2), ("test", 2)):
        for name in classes:
            for i in range(count):
                files[f"{split}/{name}/{split}{i}.jpg"] = jpeg(seed := seed + 1)
            if split == "train":
                files[f"{split}/{name}/aug-3-train0.jpg"] = jpeg(seed := seed + 1, (40, 40))
    return files


def photo(seed: int, size: tuple[int, int] = (224, 224)) -> Image.Image:
    """A textured picture unique to its seed: patches of colour at several scales, as hard to mistake as a photo."""
    rng = np.random.default_rng([seed, 1])
    total = np.zeros((size[1], size[0], 3))
    for cells, weight in ((3, 90.0), (12, 70.0), (40, 60.0)):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        total += weight * (np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)) / 255.0 - 0.5)
    return Image.fromarray(np.clip(total + 128, 0, 255).astype(np.uint8))


def saved(image: Image.Image, fmt: str = "JPEG", quality: int = 90) -> bytes:
    """Bytes of a picture as a file."""
    out = io.BytesIO()
    image.save(out, fmt, **{"JPEG": {"quality": quality}, "PNG": {"compress_level": 1}}.get(fmt, {}))
    return out.getvalue()


def covered(image: Image.Image) -> Image.Image:
    """A copy with a grey box over a part of it."""
    out = image.copy()
    ImageDraw.Draw(out).rectangle((60, 70, 140, 150), fill=(127, 127, 127))
    return out


def deformed(image: Image.Image, seed: int = 0, reach: float = 12.0, strength: float = 3.0) -> Image.Image:
    """A copy that is pulled about: by `strength` pixels, alike within some `reach` of them."""
    import cv2

    y, x = np.mgrid[: image.height, : image.width].astype(np.float32)
    drawn = np.random.default_rng(seed).normal(size=(2, image.height, image.width)).astype(np.float32)
    shift = np.stack([cv2.GaussianBlur(one, (0, 0), reach) for one in drawn])
    shift *= strength / shift.std()
    moved = cv2.remap(np.asarray(image), x + shift[0], y + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return Image.fromarray(moved)


def printed(image: Image.Image) -> Image.Image:
    """A copy with print all over it."""
    out = image.copy()
    for y in range(4, out.height, 30):
        ImageDraw.Draw(out).text((6, y), "PREVIEW " * 6, fill="white")
    return out
