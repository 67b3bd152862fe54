from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawing import photo
from hostile_pictures import saved
from petmood import images
from petmood.errors import ImageError

FORMS: dict[str, tuple[str, dict[str, object]]] = {
    "jpeg": ("JPEG", {"quality": 90}),
    "jpeg-grey": ("JPEG", {"quality": 90}),
    "jpeg-restarts": ("JPEG", {"quality": 90, "restart_marker_blocks": 4}),
    "jpeg-progressive": ("JPEG", {"quality": 90, "progressive": True}),
    "png": ("PNG", {}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "webp": ("WEBP", {"quality": 90}),
}


def form(name: str, seed: int) -> tuple[Image.Image, bytes]:
    fmt, options = FORMS[name]
    image = photo(seed, (224, 200)).convert("L" if name == "jpeg-grey" else "RGB")
    return image, saved(image, fmt, **options)


@settings(max_examples=60)
@given(st.sampled_from([name for name in FORMS if name != "webp"]), st.integers(0, 10**6), st.integers(1, 40))
def test_some_missing_last_bytes_are_counted_and_cost_little(name: str, seed: int, lost: int) -> None:
    _, data = form(name, seed)
    whole, cut = images.decode_full(data), images.decode_full(data[:-lost])
    assert ("cut" in cut.info.notes) == (name != "gif" or lost > 1)
    assert whole.info.notes == ()
    # all but the last rows are as they were; a scan too few costs the last bit of some coefficients
    part = len(whole.pixels) * 9 // 10
    assert np.abs(whole.pixels[:part].astype(int) - cut.pixels[:part]).mean() < 1


@settings(max_examples=60)
@given(st.sampled_from(list(FORMS)), st.integers(0, 10**6), st.floats(0.1, 0.97))
def test_a_tenth_missing_is_rejected(name: str, seed: int, share: float) -> None:
    _, data = form(name, seed)
    with pytest.raises(ImageError, match=r"cut short|broken|without a picture"):
        images.probe(data[: int(len(data) * (1 - share))])


def test_a_sound_file_with_a_tail_is_whole() -> None:
    for name in ("jpeg", "png", "gif", "webp"):
        _, data = form(name, 1)
        assert images.probe(data + b"tail of another program").notes == ()
