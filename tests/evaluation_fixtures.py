"""A head bundle with its memory, trained once a session on textured pictures, and other data with copies planted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageOps

from drawing import photo, saved, write_tree
from networks import network
from shared import once

if TYPE_CHECKING:
    from petmood.bundle import Bundle

SIZE = (160, 150)
CLASSES = ("Angry", "happy")


@dataclass(frozen=True)
class Evaluated:
    """A bundle, its own data, and other data in which `planted` files show ten of its training photos."""

    path: Path
    bundle: Bundle
    own: Path
    other: Path
    planted: tuple[str, ...]


def _changed(image: Image.Image, number: int) -> Image.Image:
    width, height = image.size
    if number % 3 == 0:
        return ImageOps.mirror(image)
    return image.crop((18, 14, width - 22, height - 18)) if number % 3 == 1 else image


def _make(root: Path) -> None:
    """Write `own`, `other` with the planted files p*.jpg, and the bundle `model` of a small random network."""
    from petmood.build.heads import save_head_bundle
    from petmood.config import RunSettings
    from petmood.dataset import open_dataset

    files, seeds, seed = {}, list[int](), 0
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        for name in CLASSES:
            for i in range(count):
                seed += 1
                files[f"{split}/{name}/{split}{i}.jpg"] = saved(photo(seed, SIZE))
                if split != "test":
                    seeds.append(seed)
    own = write_tree(root / "own", files)
    with open_dataset(own, families="names") as opened:
        save_head_bundle(
            root / "model", opened, network(root / "small.onnx", 0, 17, imagenet=True, mean=120.0), RunSettings(folds=3)
        )
    names = ("angry", "HAPPY")
    planted = {
        f"{names[i % 2]}/p{i}.jpg": saved(_changed(photo(source, SIZE), i), quality=75)
        for i, source in enumerate(seeds[:10])
    }
    others = {f"{names[i % 2]}/n{i}.png": saved(photo(500 + i, SIZE), "PNG") for i in range(12)}
    write_tree(root / "other", planted | others)


@pytest.fixture(scope="session")
def evaluated(of_all_workers: Path) -> Evaluated:
    """Read it, never write to it."""
    from petmood.bundle import load

    root = once(of_all_workers / "evaluated", _make)
    other = root / "other"
    planted = sorted(path.relative_to(other).as_posix() for path in other.rglob("p*.jpg"))
    return Evaluated(root / "model", load(root / "model"), root / "own", other, tuple(planted))
