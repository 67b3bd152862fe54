"""Small drawn faces with two moods: what the networks of these tests learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Drawn = tuple[NDArray[np.uint8], NDArray[np.str_]]


def draw_faces(n: int, size: int, seed: int) -> Drawn:
    """(n, size, size, 3) uint8 faces and their moods: the corners of the mouth point up ("happy") or down ("Sad")."""
    rng = np.random.default_rng(seed)
    images, moods = [], []
    for i in range(n):
        mood = ("happy", "Sad")[i % 2]
        fur, background = (tuple(int(v) for v in rng.integers(low, low + 80, 3)) for low in (150, 20))
        image = Image.new("RGB", (size, size), background)
        pen = ImageDraw.Draw(image)
        x, y = rng.integers(0, size // 8, 2)
        pen.ellipse((x, y, x + 7 * size // 8, y + 7 * size // 8), fill=fur)
        box = (x + size // 4, y + size // 3, x + 5 * size // 8, y + 3 * size // 4)
        pen.arc(box, *((20, 160) if mood == "happy" else (200, 340)), fill=(0, 0, 0), width=max(2, size // 12))
        images.append(np.asarray(image))
        moods.append(mood)
    return np.stack(images), np.array(moods)


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks as small as these gain nothing from a second thread, and lose much where other tests run beside them."""
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def faces() -> Callable[[int, int, int], Drawn]:
    """Draws (n, size, seed) faces."""
    return draw_faces
