from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drawing import jpeg, photo
from hostile_pictures import HEIC, saved
from petmood import images
from petmood.errors import ImageError


def encode(image: Image.Image, fmt: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def test_orientation_is_applied_and_told() -> None:
    image = Image.new("RGB", (60, 30), "red")
    image.paste("blue", (0, 0, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise to view
    data = encode(image, "JPEG", exif=exif.tobytes(), quality=95)
    info = images.probe(data)
    assert (info.width, info.height, info.reoriented) == (30, 60, True)
    pixels = images.decode(data, 32)
    assert pixels[4, 16, 2] > 200
    assert pixels[28, 16, 0] > 200


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "CMYK", "1", "I;16", "F"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((40, 40), 65535, np.uint16))
    elif mode == "F":
        image = Image.fromarray(np.full((40, 40), 255.0, np.float32))
    else:
        image = Image.new("RGB", (40, 40), "white").convert(mode)
    data = encode(image, "TIFF")
    pixels = images.decode(data, 16)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert pixels.min() >= 250


def test_transparency_is_laid_over_white() -> None:
    pixels = images.decode(encode(Image.new("RGBA", (8, 8), (0, 0, 0, 0))), 8)
    assert pixels.min() == 255


def test_resizing_is_pillows_lanczos() -> None:
    data = jpeg(3, (179, 179))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.LANCZOS))
    assert np.array_equal(images.decode(data, 224), expected)


def test_large_jpegs_decoded_small_look_the_same() -> None:
    data = jpeg(4, (1600, 1200))
    with Image.open(io.BytesIO(data)) as image:
        slow = np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(images.decode(data, 64).astype(int) - slow).mean() < 1.5


def test_unit_range() -> None:
    unit = images.to_unit(np.array([[[0, 128, 255]]], np.uint8))
    assert unit.dtype == np.float32
    assert unit.ravel().tolist() == [0.0, np.float32(128 / 255), 1.0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"GIF89a", r"not an image|broken"),
        (b"%PDF-1.4 not a picture", "not an image in a known format"),
        (jpeg(1)[:-200], "cut short"),
        (jpeg(1, fmt="AVIF")[:-3], "cut short: a picture as AVIF cannot be read in part"),
        (HEIC[:-3], "cut short: a picture as HEIF cannot be read in part"),
        (saved(photo(1), "TIFF", compression="tiff_lzw")[:-2], "cut short: what stands at its end"),
        (jpeg(1, fmt="PNG")[:29] + bytes(4) + jpeg(1, fmt="PNG")[33:], "its header cannot be read"),
    ],
)
def test_broken_files_have_reasons(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        images.probe(data)


def test_decompression_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.images.limits.MAX_PIXELS", 1000)
    with pytest.raises(ImageError, match="over the limit"):
        images.probe(jpeg(1, (100, 100)))
    monkeypatch.setattr("petmood.images.limits.MAX_FILE_BYTES", 10)
    with pytest.raises(ImageError, match="file too large"):
        images.probe(jpeg(1))


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF"]),
)
def test_no_bytes_make_the_decoder_crash(tail: bytes, head: bytes) -> None:
    try:
        info = images.probe(head + tail)
    except ImageError:
        return
    assert info.width > 0


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_no_flipped_byte_makes_the_decoder_crash(at: int, by: int) -> None:
    data = bytearray(jpeg(7))
    data[at % len(data)] ^= by
    try:
        images.decode(bytes(data), 16)
    except ImageError:
        return


def test_thumbnails_are_small_square_jpegs() -> None:
    with Image.open(io.BytesIO(images.thumbnail(jpeg(1, (300, 100)), 40))) as image:
        assert (image.size, image.format) == ((40, 40), "JPEG")
