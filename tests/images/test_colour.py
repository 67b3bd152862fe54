from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from drawing import photo
from hostile_pictures import ADOBE, P3, floats, icc, saved
from petmood import images

SRGB = {"r": (0.640, 0.330), "g": (0.300, 0.600), "b": (0.150, 0.060)}


def soft_photo(seed: int) -> Image.Image:
    """A photo whose colours every wide gamut holds with room to spare."""
    return photo(seed, (96, 64)).point(lambda v: 40 + v * 170 // 255)


def in_profile(image: Image.Image, profile: bytes, mode: str = "RGB") -> Image.Image:
    """The numbers that say the same colours in another profile; the profile itself is not attached."""
    moved = ImageCms.profileToProfile(
        image,
        ImageCms.createProfile("sRGB"),
        ImageCms.getOpenProfile(io.BytesIO(profile)),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode=mode,
    )
    assert moved is not None
    moved.info.clear()
    return moved


def far(image: Image.Image, data: bytes) -> float:
    """Mean difference in grey levels between a picture and what is decoded from a file."""
    found = images.decode_full(data).pixels.astype(int)
    return float(np.abs(found - np.asarray(image.convert("RGB"))).mean())


@pytest.mark.parametrize("primaries", [P3, ADOBE], ids=["display-p3", "adobe-rgb"])
@pytest.mark.parametrize(("fmt", "limit"), [("PNG", 1.5), ("TIFF", 1.5), ("JPEG", 6.0), ("WEBP", 6.0)])
def test_wide_gamuts_come_out_near_the_srgb_original(
    primaries: dict[str, tuple[float, float]], fmt: str, limit: float
) -> None:
    image, profile = soft_photo(3), icc(primaries, 2.2)
    moved = in_profile(image, profile)
    data = saved(moved, fmt, icc_profile=profile, **({} if fmt in ("PNG", "TIFF") else {"quality": 95}))
    assert far(image, data) < limit
    assert far(image, saved(moved, fmt)) > 1.5 * far(image, data)  # without the profile they are not the same colours
    assert "profile" in images.probe(data).notes


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_profiles_hold_under_transparency_and_palettes(mode: str) -> None:
    profile = icc(P3, 2.2)
    image = soft_photo(4)
    moved = in_profile(image, profile)
    if mode == "P":
        data = saved(moved.quantize(256), "PNG", icc_profile=profile)
        assert far(image, data) < 8
        assert far(image, data) < far(image, saved(moved.quantize(256), "PNG"))
    elif mode == "RGBA":
        moved.putalpha(255)
        assert far(image, saved(moved, "PNG", icc_profile=profile)) < 1.5
    else:  # a profile of colours does not speak of greys
        data = saved(image.convert("LA"), "PNG", icc_profile=profile)
        assert far(image.convert("L"), data) == 0
        assert images.probe(data).notes == ("metadata",)


def test_a_profile_that_is_srgb_moves_nothing() -> None:
    image = photo(5, (60, 50))
    for profile in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),):
        data = saved(image, "PNG", icc_profile=profile)
        assert far(image, data) == 0
        assert images.probe(data).notes == ()


def test_grey_profiles_are_applied() -> None:
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(1.0 * 256)) + bytes(2)
    base = icc(SRGB, 1.0)
    grey = grey_profile(curve)
    linear = Image.fromarray(np.full((8, 8), 55, np.uint8))  # a fifth of the light
    assert abs(int(images.decode(saved(linear, "PNG", icc_profile=grey), 8)[0, 0, 0]) - 128) <= 3
    assert len(base) > len(grey)


def grey_profile(curve: bytes) -> bytes:
    """A profile of greys with a curve of its own."""
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    desc = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(81)
    tags = {b"desc": desc, b"wtpt": white, b"kTRC": curve}
    from hostile_pictures import _profile

    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


def cmyk_profile() -> bytes:
    """A profile of four inks by a table of two steps an ink: each combination of inks has a colour in Lab."""
    from hostile_pictures import _profile

    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
    table = []
    for c in (0, 255):
        for m in (0, 255):
            for y in (0, 255):
                for k in (0, 255):
                    rgb = tuple((255 - ink) * (255 - k) // 255 for ink in (c, m, y))
                    colour = to_lab.apply(Image.new("RGB", (1, 1), rgb)).getpixel((0, 0))
                    assert isinstance(colour, tuple)
                    light, a, b = colour
                    table.append(bytes([light, a, b]))
    line = bytes(range(256))
    body = struct.pack(">BBBB", 4, 3, 2, 0) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + body + line * 4 + b"".join(table) + line * 3
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    desc = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(81)
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"desc": desc, b"wtpt": white, b"A2B0": lut, b"A2B1": lut})


@pytest.mark.parametrize("fmt", ["JPEG", "TIFF"])
def test_inks_come_out_near_the_srgb_original(fmt: str) -> None:
    image = soft_photo(6)
    options = {"quality": 95, "subsampling": 0} if fmt == "JPEG" else {}
    assert far(image, saved(image.convert("CMYK"), fmt, **options)) < 4
    data = saved(image.convert("CMYK"), fmt, icc_profile=cmyk_profile(), **options)
    assert "profile" in images.probe(data).notes
    # the table knows corners alone, so what lies between is only as good as a straight line in Lab
    assert far(image, data) < 40
    for corner in ((0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 0), (0, 255, 255, 0)):
        flat = Image.new("CMYK", (16, 16), corner)
        pixel = images.decode(saved(flat, fmt, icc_profile=cmyk_profile(), **options), 16)[8, 8].astype(int)
        assert np.abs(pixel - np.asarray(flat.convert("RGB"))[8, 8]).max() < 14


def test_lab_is_read() -> None:
    image = soft_photo(7)
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert far(image, saved(lab, "TIFF")) < 4


@given(st.integers(0, 10**6), st.floats(-0.03, 0.03), st.floats(0.5, 1.0))
def test_floats_to_one_are_as_bright_as_they_are(seed: int, start: float, most: float) -> None:
    grey = np.asarray(photo(seed, (24, 16)).convert("L")) / 255.0
    values = start + grey * most
    pixels = images.decode_full(floats(values)).pixels[:, :, 0]
    assert np.abs(pixels / 255.0 - np.clip(values, 0, 1)).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize(
    ("low", "high", "note"),
    [
        (0, 255, ()),
        (0, 65535, ()),
        (-1, 1, ()),
        (0, 4095, ("range",)),
        (900, 1200, ("range",)),
        (-1e30, 1e30, ("range",)),
        (-2.1, 2.6, ("range",)),
        (0, 7, ("range",)),
    ],
)
def test_floats_of_other_ranges_look_like_the_photo(low: float, high: float, note: tuple[str, ...]) -> None:
    grey = np.tile(np.arange(256.0), (8, 1))
    data = floats(low + grey / 255 * (high - low))
    assert images.probe(data).notes == note
    assert np.abs(images.decode_full(data).pixels[:, :, 0].astype(int) - grey).max() <= 1


@pytest.mark.parametrize(("bits", "note"), [(8, ()), (10, ("range",)), (12, ("range",)), (16, ())])
@pytest.mark.parametrize("fmt", ["TIFF", "PNG"])
def test_sixteen_bits_that_hold_fewer_are_not_black(bits: int, note: tuple[str, ...], fmt: str) -> None:
    grey = np.asarray(photo(bits).convert("L")).astype(float) / 255
    data = saved(Image.fromarray(np.rint(grey * (2**bits - 1)).astype(np.uint16)), fmt)
    found = images.decode_full(data)
    assert np.abs(found.pixels[:, :, 0] - 255 * grey).max() <= 1
    assert found.info.notes == note


def test_what_is_no_number_is_drawn_and_told() -> None:
    values = np.full((4, 4), 0.5)
    values[0] = (np.nan, np.inf, -np.inf, 0.5)
    found = images.decode_full(floats(values))
    assert found.pixels[0, :, 0].tolist() == [0, 255, 0, 128]
    assert found.info.notes == ("not-finite",)
    assert images.decode_full(floats(np.full((4, 4), np.nan))).pixels.max() == 0


@given(st.integers(1, 700), st.integers(1, 40), st.integers(1, 9))
def test_strips_are_as_good_as_the_whole(width: int, height: int, factor: int) -> None:
    from petmood.images import colour

    image = photo(width * height, (width, height)).convert("RGBA")
    image.putalpha(image.getchannel("R"))
    whole, _ = colour.to_rgb(image, factor=factor)
    before = colour._STRIP
    colour._STRIP = width * 2  # type: ignore[misc]
    try:
        pieces, _ = colour.to_rgb(image, factor=factor)
    finally:
        colour._STRIP = before  # type: ignore[misc]
    assert np.array_equal(np.asarray(whole), np.asarray(pieces))
    assert whole.size == (-(-width // factor), -(-height // factor))
