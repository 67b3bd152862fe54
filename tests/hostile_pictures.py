"""Draws hostile and odd picture files: each a kind of trap or oddity, with what is to become of it.

Files are made when they are asked for, from a seed, so that runs differ where they may and repeat where they must.
"""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from drawing import photo

Random = random.Random


@dataclass(frozen=True)
class Hostile:
    """One kind of file.

    Attributes:
        name: of the kind.
        suffix: extension for its file.
        make: gives its bytes from a source of randomness.
        accepted: whether it must be accepted; None where either is right.
        says: a note that it must bear if accepted, or a pattern that the reason must match if rejected.
        large: whether it is a bomb: slow or greedy if nothing stops it.
    """

    name: str
    suffix: str
    make: Callable[[Random], bytes]
    accepted: bool | None
    says: str = ""
    large: bool = False

    def draw(self, seed: int = 0) -> bytes:
        """The bytes of one file of the kind."""
        return self.make(random.Random(f"{self.name} {seed}"))


_ALL: list[Hostile] = []


def kinds() -> tuple[Hostile, ...]:
    """Every kind, in a fixed order."""
    return tuple(_ALL)


def _kind(
    suffix: str, accepted: bool | None, says: str = "", large: bool = False
) -> Callable[[Callable[[Random], bytes]], Callable[[Random], bytes]]:
    def add(make: Callable[[Random], bytes]) -> Callable[[Random], bytes]:
        _ALL.append(Hostile(make.__name__.replace("_", "-"), suffix, make, accepted, says, large))
        return make

    return add


def saved(image: Image.Image, fmt: str, **options: object) -> bytes:
    """Bytes of a picture as a file."""
    out = io.BytesIO()
    image.save(out, fmt, **options)  # type: ignore[arg-type]
    return out.getvalue()


def picture(draw: Random, mode: str = "RGB") -> Image.Image:
    """A textured picture of a drawn size."""
    return photo(draw.randrange(10**6), (draw.randrange(60, 200), draw.randrange(60, 200))).convert(mode)


def jpeg(draw: Random, **options: object) -> bytes:
    return saved(picture(draw), "JPEG", **{"quality": 90, **options})


def png(draw: Random, mode: str = "RGB", **options: object) -> bytes:
    return saved(picture(draw, mode), "PNG", **options)


# --- parts of files -----------------------------------------------------------------------------------------------


def segment(marker: int, body: bytes) -> bytes:
    """One segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """A JPEG with one segment more at its beginning."""
    return data[:2] + segment(marker, body) + data[2:]


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    """One chunk of a PNG, its checksum right unless given."""
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)
    )


def with_chunk(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks more after its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def exif(entries: list[tuple[int, int, int, int]]) -> bytes:
    """An EXIF block of (tag, type, count, value or offset), as JPEG holds it."""
    body = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + bytes(4)


def orientation(value: int) -> bytes:
    """An EXIF block that has an orientation alone."""
    return exif([(0x0112, 3, 1, value << 16)])


def icc(primaries: dict[str, tuple[float, float]], gamma: float) -> bytes:
    """A matrix profile of a display: xy of `r`, `g`, `b` under D65, adapted to D50 as the format wants it."""
    white = _xyz(0.3127, 0.3290)
    columns = np.stack([_xyz(*primaries[name]) for name in "rgb"], axis=1)
    matrix = columns * np.linalg.solve(columns, white)
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50 = np.array([0.96422, 1.0, 0.82521])
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ d50) / (bradford @ white)) @ bradford
    matrix = adapt @ matrix
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78 + 3),
        b"cprt": b"text" + bytes(4) + b"none\0" + bytes(3),
        b"wtpt": _xyz_tag(d50),
        **{name + b"XYZ": _xyz_tag(matrix[:, i]) for i, name in enumerate((b"r", b"g", b"b"))},
        **{name + b"TRC": curve for name in (b"r", b"g", b"b")},
    }
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


P3 = {"r": (0.680, 0.320), "g": (0.265, 0.690), "b": (0.150, 0.060)}
ADOBE = {"r": (0.640, 0.330), "g": (0.210, 0.710), "b": (0.150, 0.060)}


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _xyz_tag(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(float(v) * 65536)) for v in values)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value
    head = struct.pack(">I", at + len(body)) + b"lcms" + bytes([2, 64, 0, 0]) + kind + space + connection
    head += bytes(12) + b"acsp" + bytes(28) + b"".join(struct.pack(">i", v) for v in (63190, 65536, 54061))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def tiff(tags: dict[int, tuple[int, list[int]]], pixels: bytes = b"", big: bool = False) -> bytes:
    """A little-endian TIFF whose pixels follow its header: {tag: (type, values)}; 273 counts from the pixels' start."""
    head = 16 if big else 8
    size = {3: 2, 4: 4, 16: 8}
    code = {3: "H", 4: "I", 16: "Q"}
    body, records = bytearray(pixels), b""
    for tag, (kind, values) in sorted(tags.items()):
        values = [v + head for v in values] if tag in (273, 324) else values
        packed = struct.pack(f"<{len(values)}{code[kind]}", *values)
        room = 8 if big else 4
        if size[kind] * len(values) > room:
            packed, at = struct.pack("<Q" if big else "<I", head + len(body)), packed
            body += at
        records += struct.pack("<HHQ" if big else "<HHI", tag, kind, len(values)) + packed.ljust(room, b"\0")
    place = head + len(body)
    start = b"II+\0\x08\0\0\0" + struct.pack("<Q", place) if big else b"II*\0" + struct.pack("<I", place)
    count = struct.pack("<Q" if big else "<H", len(tags))
    return start + bytes(body) + count + records + bytes(8)


def plain_tiff(width: int, height: int, bits: list[int], pixels: bytes, packing: int = 1, **more: int) -> bytes:
    """A TIFF of one strip; `more` as t273=..., numbers of tags."""
    tags = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, bits),
        259: (3, [packing]),
        262: (3, [1 if len(bits) == 1 else 2]),
        273: (4, [0]),
        277: (3, [len(bits)]),
        278: (4, [height]),
        279: (4, [len(pixels)]),
        **({338: (3, [2])} if len(bits) == 4 else {}),
        **{int(name[1:]): (4, [value]) for name, value in more.items()},
    }
    return tiff(tags, pixels)


def zeros(n: int, level: int = 9) -> bytes:
    """`n` zero bytes, deflated, without ever holding them all."""
    made, out = zlib.compressobj(level), []
    block = bytes(2**20)
    for _ in range(n >> 20):
        out.append(made.compress(block))
    return b"".join([*out, made.compress(bytes(n & 2**20 - 1)), made.flush()])


PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Left, top, step right, step down of each pass through an interlaced PNG."""


def png_of(width: int, height: int, depth: int, colour: int, interlaced: int = 0) -> bytes:
    """A black PNG of any size, quick to make."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = [(0, 0, 1, 1)] if not interlaced else PASSES
    raw = sum(
        -(-(height - top) // down) * (1 + (-(-(width - left) // right) * depth * channels + 7) // 8)
        for left, top, right, down in passes
    )
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    parts = (chunk(b"IHDR", head), palette, chunk(b"IDAT", zeros(raw, 1)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


# --- JPEG ---------------------------------------------------------------------------------------------------------


def many_scans(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated; nearly nothing is in it, but each visits every block."""
    data = saved(Image.new("RGB", (width, height), (90, 120, 60)), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * scans + data[-2:]


def resized_header(data: bytes, width: int, height: int) -> bytes:
    """A JPEG that says it is of another size."""
    at = next(data.index(mark) for mark in (b"\xff\xc2", b"\xff\xc0") if mark in data)
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


@_kind(".jpg", False, "scans", large=True)
def jpeg_of_thousands_of_scans(draw: Random) -> bytes:
    return many_scans(4000, 4000, draw.randrange(2000, 4000))


@_kind(".jpg", False, "scans|limit|memory", large=True)
def jpeg_large_with_scans(draw: Random) -> bytes:
    return resized_header(many_scans(300, 300, draw.randrange(40, 90)), 9900, 9900)


@_kind(".jpg", True, large=True)
def jpeg_with_all_scans_that_are_let(draw: Random) -> bytes:
    return many_scans(2000, 2000, 80)


@_kind(".jpg", True)
def jpeg_progressive(draw: Random) -> bytes:
    return jpeg(draw, progressive=True)


@_kind(".jpg", False, "segments", large=True)
def jpeg_of_countless_segments(draw: Random) -> bytes:
    return jpeg(draw)[:2] + segment(0xFE, b"") * 150_000 + jpeg(draw)[2:]


@_kind(".jpg", True)
def jpeg_with_comments(draw: Random) -> bytes:
    return jpeg(draw)[:2] + segment(0xFE, b"x" * 999) * 500 + jpeg(draw)[2:]


@_kind(".jpg", True, large=True)
def jpeg_exif_that_claims_gigabytes(draw: Random) -> bytes:
    entries = [(tag, 7, 30_000, 8) for tag in range(1, 2700)]
    block = exif(entries)
    return with_segment(jpeg(draw), 0xE1, block + bytes(65_000 - len(block)))


@_kind(".jpg", True, "metadata")
def jpeg_broken_exif(draw: Random) -> bytes:
    return with_segment(jpeg(draw), 0xE1, b"Exif\0\0" + draw.randbytes(draw.randrange(3, 60)))


@_kind(".jpg", True, "metadata")
def jpeg_exif_cut(draw: Random) -> bytes:
    return with_segment(jpeg(draw), 0xE1, orientation(6)[: draw.randrange(9, 24)])


@_kind(".jpg", True, "orientation")
def jpeg_orientation_that_does_not_exist(draw: Random) -> bytes:
    return with_segment(jpeg(draw), 0xE1, orientation(draw.choice([9, 10, 42, 255, 65535])))


@_kind(".jpg", True)
def jpeg_orientation_nought(draw: Random) -> bytes:
    return with_segment(jpeg(draw), 0xE1, orientation(0))


@_kind(".jpg", True)
def jpeg_turned(draw: Random) -> bytes:
    return with_segment(jpeg(draw), 0xE1, orientation(draw.randrange(2, 9)))


@_kind(".jpg", False, "limit", large=True)
def jpeg_header_bomb(draw: Random) -> bytes:
    data = bytearray(jpeg(draw))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xdc\xff\xdc"
    return bytes(data)


@_kind(".jpg", True, "cut")
def jpeg_without_its_last_bytes(draw: Random) -> bytes:
    return jpeg(draw)[: -draw.randrange(1, 12)]


@_kind(".jpg", True, "cut")
def jpeg_progressive_without_its_end(draw: Random) -> bytes:
    return jpeg(draw, progressive=True)[: -draw.randrange(1, 8)]


@_kind(".jpg", False, "cut short")
def jpeg_without_a_tenth(draw: Random) -> bytes:
    data = jpeg(draw)
    return data[: -len(data) * draw.randrange(10, 80) // 100]


@_kind(".jpg", False, "cut short")
def jpeg_progressive_without_a_tenth(draw: Random) -> bytes:
    data = jpeg(draw, progressive=True)
    return data[: -(len(data) - 700) * draw.randrange(12, 90) // 100]


@_kind(".jpg", True)
def jpeg_cmyk(draw: Random) -> bytes:
    return saved(picture(draw, "CMYK"), "JPEG", quality=90)


@_kind(".jpg", True, "profile")
def jpeg_display_p3(draw: Random) -> bytes:
    return jpeg(draw, icc_profile=icc(P3, 2.2))


@_kind(".jpg", True, "metadata")
def jpeg_broken_profile(draw: Random) -> bytes:
    return jpeg(draw, icc_profile=icc(P3, 2.2)[: draw.randrange(20, 300)])


@_kind(".jpg", True, "metadata")
def jpeg_profile_of_another_space(draw: Random) -> bytes:
    return saved(picture(draw, "L"), "JPEG", icc_profile=icc(P3, 2.2))


@_kind(".jpg", True)
def jpeg_of_two_pictures(draw: Random) -> bytes:
    return saved(picture(draw), "MPO", save_all=True, append_images=[picture(draw)])


@_kind(".jpg", True)
def jpeg_and_a_zip(draw: Random) -> bytes:
    return jpeg(draw) + b"PK\x03\x04" + draw.randbytes(500)


@_kind(".jpg", None)
def jpeg_of_twelve_bits(draw: Random) -> bytes:
    data = bytearray(jpeg(draw))
    data[data.index(b"\xff\xc0") + 4] = 12
    return bytes(data)


@_kind(".jpg", False)
def jpeg_without_tables(draw: Random) -> bytes:
    return jpeg(draw).replace(b"\xff\xc4", b"\xff\xfe").replace(b"\xff\xdb", b"\xff\xfe")


@_kind(".jpg", False, "without a picture|without pixels")
def jpeg_without_pixels(draw: Random) -> bytes:
    data = bytearray(jpeg(draw))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = bytes(4)
    return bytes(data)


@_kind(".jpg", False)
def jpeg_of_markers_alone(draw: Random) -> bytes:
    return b"\xff\xd8\xff" + b"".join(bytes([0xFF, draw.randrange(1, 255)]) for _ in range(500))


@_kind(".jpg", None)
def jpeg_of_flipped_bytes(draw: Random) -> bytes:
    data = bytearray(jpeg(draw))
    for _ in range(draw.randrange(1, 30)):
        data[draw.randrange(2, len(data))] ^= draw.randrange(1, 256)
    return bytes(data)


# --- PNG ----------------------------------------------------------------------------------------------------------


@_kind(".png", False, "limit", large=True)
def png_header_bomb(draw: Random) -> bytes:
    data = png(draw)
    return data[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)) + data[33:]


@_kind(".png", True, large=True)
def png_large_sixteen_bits(draw: Random) -> bytes:
    return png_of(7000, 7000, 16, 0)


@_kind(".png", True, large=True)
def png_large_alpha_sixteen_bits(draw: Random) -> bytes:
    return png_of(6000, 6000, 16, 6)


@_kind(".png", True, large=True)
def png_large_interlaced(draw: Random) -> bytes:
    return png_of(6000, 6000, 8, 6, 1)


@_kind(".png", True)
def png_sixteen_bits(draw: Random) -> bytes:
    return saved(Image.fromarray(np.asarray(picture(draw, "L")).astype(np.uint16) * 257), "PNG")


@_kind(".png", True)
def png_alpha(draw: Random) -> bytes:
    return png(draw, draw.choice(["RGBA", "LA"]))


@_kind(".png", True)
def png_palette_and_transparency(draw: Random) -> bytes:
    return saved(picture(draw).quantize(16), "PNG", transparency=bytes(draw.randrange(256) for _ in range(16)))


@_kind(".png", True)
def png_of_one_bit(draw: Random) -> bytes:
    return png(draw, "1")


@_kind(".png", True, "metadata")
def png_text_with_a_wrong_checksum(draw: Random) -> bytes:
    return with_chunk(png(draw), chunk(draw.choice([b"tEXt", b"iTXt", b"zTXt", b"tIME"]), b"a\0b", crc=1))


@_kind(".png", True, "metadata")
def png_junk_for_exif(draw: Random) -> bytes:
    return with_chunk(png(draw), chunk(b"eXIf", draw.randbytes(9)))


@_kind(".png", True, "metadata")
def png_broken_profile(draw: Random) -> bytes:
    return with_chunk(png(draw), chunk(b"iCCP", b"x\0\0" + draw.randbytes(20)))


@_kind(".png", True, large=True)
def png_text_that_inflates(draw: Random) -> bytes:
    return with_chunk(png(draw), *[chunk(b"zTXt", b"a\0\0" + zeros(2**26))] * 20)


@_kind(".png", True, "metadata", large=True)
def png_profile_that_inflates(draw: Random) -> bytes:
    return with_chunk(png(draw), chunk(b"iCCP", b"x\0\0" + zeros(2**28)))


@_kind(".png", False, "chunks", large=True)
def png_of_countless_chunks(draw: Random) -> bytes:
    return with_chunk(png(draw), chunk(b"tEXt", b"a\0b") * 150_000)


@_kind(".png", True, large=True)
def png_exif_that_claims_gigabytes(draw: Random) -> bytes:
    block = exif([(tag, 7, 2**20, 8) for tag in range(1, 4000)])[6:]
    return with_chunk(png(draw), chunk(b"eXIf", block + bytes(2**21)))


@_kind(".png", True, "animated")
def png_animated(draw: Random) -> bytes:
    first = picture(draw)
    return saved(first, "PNG", save_all=True, append_images=[first.rotate(90 * i) for i in range(1, 4)])


@_kind(".png", True)
def png_animation_out_of_order(draw: Random) -> bytes:
    return with_chunk(png(draw), chunk(b"acTL", struct.pack(">II", 0, 0)), chunk(b"fcTL", draw.randbytes(26)))


@_kind(".png", False)
def png_with_little_in_it(draw: Random) -> bytes:
    return png_of(3000, 3000, 8, 2)[:60] + chunk(b"IDAT", zeros(9000)) + chunk(b"IEND", b"")


@_kind(".png", True, "cut")
def png_without_its_end(draw: Random) -> bytes:
    return png(draw)[: -draw.randrange(1, 25)]


@_kind(".png", True, "cut")
def png_interlaced_without_its_end(draw: Random) -> bytes:
    image = picture(draw)
    raw = b""
    for left, top, right, down in PASSES:
        part = np.asarray(image)[top::down, left::right]
        raw += b"".join(b"\0" + row.tobytes() for row in part)
    head = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw))[: -draw.randrange(20, 200)]


@_kind(".png", False, "cut short")
def png_without_a_tenth(draw: Random) -> bytes:
    data = png(draw)
    return data[: -len(data) * draw.randrange(10, 90) // 100]


@_kind(".png", None)
def png_of_flipped_bytes(draw: Random) -> bytes:
    data = bytearray(png(draw))
    for _ in range(draw.randrange(1, 6)):
        data[draw.randrange(8, len(data))] ^= draw.randrange(1, 256)
    return bytes(data)


# --- GIF ----------------------------------------------------------------------------------------------------------


@_kind(".gif", True, "animated")
def gif_animated(draw: Random) -> bytes:
    first = picture(draw)
    return saved(first, "GIF", save_all=True, append_images=[first.rotate(90 * i) for i in range(1, 4)])


@_kind(".gif", True, "animated", large=True)
def gif_of_thousands_of_frames(draw: Random) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 8, 8, 0) + b"\x02\x02\x44\x01\x00"
    data = saved(picture(draw), "GIF")
    return data[:-1] + frame * 200_000 + b";"


@_kind(".gif", False, "blocks", large=True)
def gif_of_countless_comments(draw: Random) -> bytes:
    data = saved(picture(draw), "GIF")
    at = 13 + (3 << (data[10] & 7) + 1)
    return data[:at] + b"!\xfe\x01x\x00" * 200_000 + data[at:]


@_kind(".gif", True)
def gif_comment_of_megabytes(draw: Random) -> bytes:
    data = saved(picture(draw), "GIF")
    at = 13 + (3 << (data[10] & 7) + 1)
    return data[:at] + b"!\xfe" + (b"\xff" + b"x" * 255) * 10_000 + b"\0" + data[at:]


@_kind(".gif", None)
def gif_frame_beyond_its_screen(draw: Random) -> bytes:
    data = bytearray(saved(picture(draw), "GIF"))
    data[6:10] = struct.pack("<HH", 4, 4)
    return bytes(data)


@_kind(".gif", False, "limit", large=True)
def gif_header_bomb(draw: Random) -> bytes:
    data = bytearray(saved(picture(draw), "GIF"))
    data[6:10] = b"\xff\xff\xff\xff"
    return bytes(data)


@_kind(".gif", True, large=True)
def gif_large(draw: Random) -> bytes:
    return saved(Image.new("P", (8000, 8000)), "GIF")


@_kind(".gif", True)
def gif_transparent(draw: Random) -> bytes:
    return saved(picture(draw).quantize(8), "GIF", transparency=3)


@_kind(".gif", True)
def gif_without_its_trailer(draw: Random) -> bytes:
    return saved(picture(draw), "GIF")[:-1]


@_kind(".gif", True, "cut")
def gif_without_its_last_bytes(draw: Random) -> bytes:
    return saved(picture(draw), "GIF")[: -draw.randrange(3, 30)]


@_kind(".gif", False, "cut short|broken")
def gif_without_a_tenth(draw: Random) -> bytes:
    data = saved(picture(draw), "GIF")
    return data[: -(len(data) - 800) * draw.randrange(12, 95) // 100]


# --- WebP ---------------------------------------------------------------------------------------------------------


@_kind(".webp", True)
def webp(draw: Random) -> bytes:
    return saved(picture(draw, draw.choice(["RGB", "RGBA"])), "WEBP", lossless=draw.random() < 0.5)


@_kind(".webp", True, "animated")
def webp_animated(draw: Random) -> bytes:
    first = picture(draw)
    return saved(first, "WEBP", save_all=True, append_images=[first.rotate(90 * i) for i in range(1, 4)])


@_kind(".webp", True, "metadata")
def webp_broken_exif(draw: Random) -> bytes:
    return saved(picture(draw), "WEBP", exif=b"Exif\0\0" + draw.randbytes(7))


@_kind(".webp", True, "profile")
def webp_adobe_rgb(draw: Random) -> bytes:
    return saved(picture(draw), "WEBP", icc_profile=icc(ADOBE, 2.2))


@_kind(".webp", False, "chunks", large=True)
def webp_of_countless_chunks(draw: Random) -> bytes:
    inside = saved(picture(draw), "WEBP")[8:] + b"ABCD\0\0\0\0" * 150_000
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


@_kind(".webp", True, "cut")
def webp_without_its_last_bytes(draw: Random) -> bytes:
    return saved(picture(draw), "WEBP", quality=90)[: -draw.randrange(2, 8)]


@_kind(".webp", False, "cut short|broken")
def webp_without_a_tenth(draw: Random) -> bytes:
    data = saved(picture(draw), "WEBP", quality=90)
    return data[: -len(data) * draw.randrange(10, 95) // 100]


@_kind(".webp", False, "limit|memory", large=True)
def webp_canvas_bomb(draw: Random) -> bytes:
    inside = b"WEBPVP8X" + struct.pack("<IB", 10, 2) + bytes(3) + b"\xfe\x3f\0" * 2
    inside += saved(picture(draw), "WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


@_kind(".webp", True, large=True)
def webp_large(draw: Random) -> bytes:
    return saved(Image.new("RGBA", (6000, 6000), (3, 200, 90, 77)), "WEBP", quality=10, method=0)


# --- BMP ----------------------------------------------------------------------------------------------------------


@_kind(".bmp", True)
def bmp(draw: Random) -> bytes:
    return saved(picture(draw, draw.choice(["RGB", "L", "1", "P"])), "BMP")


@_kind(".bmp", False, "limit", large=True)
def bmp_header_bomb(draw: Random) -> bytes:
    data = bytearray(saved(picture(draw), "BMP"))
    data[18:26] = struct.pack("<ii", 2**30, 2**30)
    return bytes(data)


@_kind(".bmp", None, large=True)
def bmp_run_lengths_without_end(draw: Random) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, 9000, 9000, 1, 8, 1, 0, 0, 0, 256, 0) + bytes(1024)
    body = b"\x01\x07" * 2_000_000
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(body), 0, 0, 14 + len(head)) + head + body


@_kind(".bmp", True, "cut")
def bmp_without_its_last_bytes(draw: Random) -> bytes:
    return saved(picture(draw), "BMP")[: -draw.randrange(1, 100)]


@_kind(".bmp", False, "cut short")
def bmp_without_a_tenth(draw: Random) -> bytes:
    data = saved(picture(draw), "BMP")
    return data[: -len(data) * draw.randrange(10, 80) // 100]


# --- TIFF ---------------------------------------------------------------------------------------------------------


def floats(values: np.ndarray) -> bytes:
    """A TIFF of single-precision values."""
    return saved(Image.fromarray(values.astype(np.float32)), "TIFF")


def _greys(draw: Random) -> np.ndarray:
    return np.asarray(picture(draw, "L")).astype(np.float32)


@_kind(".tif", True)
def tiff_float_to_one(draw: Random) -> bytes:
    return floats(_greys(draw) / 255)


@_kind(".tif", True, "not-finite")
def tiff_float_not_finite(draw: Random) -> bytes:
    values = _greys(draw) / 255
    values[3, 5:9] = (np.nan, np.inf, -np.inf, np.nan)
    return floats(values)


@_kind(".tif", True, "range")
def tiff_float_of_any_range(draw: Random) -> bytes:
    scale, start = draw.choice([(1e-9, 400.0), (3.3e4, 0.0), (-7.0, 0.0), (1e30, 0.0), (1.0, 900.0), (16.0, 0.0)])
    return floats(_greys(draw).astype(np.float64) * scale + start)


@_kind(".tif", True, large=True)
def tiff_float_large(draw: Random) -> bytes:
    side = 7000
    return plain_tiff(side, side, [32], zeros(4 * side * side), 8, t339=3)


@_kind(".tif", None, large=True)
def tiff_alpha_that_inflates(draw: Random) -> bytes:
    side = 9900
    return plain_tiff(side, side, [8] * 4, zeros(4 * side * side), 8)


@_kind(".tif", True, large=True)
def tiff_alpha_large(draw: Random) -> bytes:
    side = 6000
    return plain_tiff(side, side, [8] * 4, zeros(4 * side * side), 8)


@_kind(".tif", None, large=True)
def tiff_of_sixteen_bits_in_one_strip(draw: Random) -> bytes:
    side = 7000
    return plain_tiff(side, side, [16] * 4, zeros(8 * side * side), 8)


@_kind(".tif", True)
def tiff_sixteen_bits(draw: Random) -> bytes:
    return saved(Image.fromarray(np.asarray(picture(draw, "L")).astype(np.uint16) * 257), "TIFF")


@_kind(".tif", True, "pages")
def tiff_of_pages(draw: Random) -> bytes:
    return saved(picture(draw), "TIFF", save_all=True, append_images=[picture(draw), picture(draw)])


@_kind(".tif", True)
def tiff_whose_pages_go_round(draw: Random) -> bytes:
    data = bytearray(plain_tiff(40, 40, [8], bytes(range(40)) * 40))
    place = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, place)[0]
    struct.pack_into("<I", data, place + 2 + 12 * count, place)
    return bytes(data)


@_kind(".tif", False, "memory", large=True)
def tiff_tile_bomb(draw: Random) -> bytes:
    tags = {256: (4, [64]), 257: (4, [64]), 258: (3, [8]), 259: (3, [8]), 262: (3, [1]), 277: (3, [1])}
    tags |= {322: (4, [2**17]), 323: (4, [2**16]), 324: (4, [0]), 325: (4, [100])}
    return tiff(tags, zeros(2**17)[:100])


@_kind(".tif", False, "strips", large=True)
def tiff_of_countless_strips(draw: Random) -> bytes:
    n = 200_000
    tags = {256: (4, [4]), 257: (4, [n]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    tags |= {278: (4, [1]), 273: (4, [0] * n), 279: (4, [4] * n)}
    return tiff(tags, bytes(4))


@_kind(".tif", False, "compression")
def tiff_of_an_odd_compression(draw: Random) -> bytes:
    return plain_tiff(30, 30, [8], bytes(900), draw.choice([6, 9, 34925, 50001, 65000]))


@_kind(".tif", False, "scans|strips", large=True)
def tiff_of_jpeg_scans(draw: Random) -> bytes:
    return plain_tiff(2000, 2000, [8] * 3, many_scans(2000, 2000, 500), 7)


@_kind(".tif", True)
def tiff_with_countless_tags(draw: Random) -> bytes:
    more = {f"t{tag}": tag for tag in range(40_000, 44_000)}
    return plain_tiff(40, 40, [8], bytes(range(40)) * 40, **more)


@_kind(".tif", True, "orientation")
def tiff_orientation_that_does_not_exist(draw: Random) -> bytes:
    return plain_tiff(40, 40, [8], bytes(range(40)) * 40, t274=draw.randrange(9, 200))


@_kind(".tif", True)
def tiff_of_sixty_four_bits(draw: Random) -> bytes:
    tags = {256: (4, [40]), 257: (4, [30]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    tags |= {278: (4, [30]), 273: (16, [0]), 279: (16, [1200])}
    return tiff(tags, bytes(range(40)) * 30, big=True)


@_kind(".tif", True)
def tiff_lab_or_cmyk(draw: Random) -> bytes:
    return saved(picture(draw, "CMYK"), "TIFF", compression=draw.choice(["raw", "tiff_lzw", "tiff_adobe_deflate"]))


@_kind(".tif", True, "cut")
def tiff_without_its_last_bytes(draw: Random) -> bytes:
    return saved(picture(draw), "TIFF")[: -draw.randrange(1, 99)]


@_kind(".tif", None)
def tiff_of_flipped_bytes(draw: Random) -> bytes:
    data = bytearray(saved(picture(draw), "TIFF", compression="tiff_lzw"))
    for _ in range(draw.randrange(1, 9)):
        data[draw.randrange(8, len(data))] ^= draw.randrange(1, 256)
    return bytes(data)


# --- AVIF and HEIC ------------------------------------------------------------------------------------------------

HEIC = base64.b64decode(
    b"AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    b"ADRpbG9jAAAAAERAAAIAAQAAAAAB7AABAAAAAAAAAZYAAgAAAAADggABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAA"
    b"AAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAA"
    b"kAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq"
    b"5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xh"
    b"cAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEA"
    b"AQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAcJtZGF0AAABkigBrwngIVe0df3TH/+dPJ1O5vwJ7/vUx/wFVv6V"
    b"W4l+2IghvGX7DZv3277fltWhQWQm+AZn6XRKGzjykJK/XZhxOV/iFplkbapTgT9gJdDiT+9/4zhMszCVDA3WucQ1Nvrb8W2peMqK"
    b"6BD5SUmjLCOkv6lXSmYjUItJeE4XaRcyD31zVJY4vdbH5Cj1Vm8k1kBuCHP93EF9+KGXzkrSQy2or0nlHH/f4rI88J2sggzPrKG7"
    b"qrIKsINRXVBCUPBQKqFvi9QnIiQcsVEhhKMCXZocn0aQm8h7X1RKmN/HQ+uDWqy0Zv+IHOqkONc/XSyeJeE+iSGMIVUBwNiwXCEN"
    b"mz7fWDd7AFuu/5dvB02A7+x+mU8JlbnrLgNL850Yr3Mvj7zBF4oXBaItOlzItvRaa4xjGu7Smt5MP1HDpnR0FXqCBJqFEPzYhX+B"
    b"KkhZ8Jo0rusiATwqAAp6kTHfhle6tGyzphfyTB5QrQOd3KSJBFd5dqgYIOSrbkl/8PhvswBtUfWE1nz2NCwdV3H4unoPROeLYAAA"
    b"AAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA=="
)
"""A blue and a red field and a yellow disc, 64 x 48 pixels, turned by a quarter: nothing here can write HEIC."""


@_kind(".avif", True)
def avif(draw: Random) -> bytes:
    return saved(picture(draw, draw.choice(["RGB", "RGBA"])), "AVIF", speed=10)


@_kind(".avif", True, "animated")
def avif_animated(draw: Random) -> bytes:
    first = picture(draw)
    return saved(first, "AVIF", save_all=True, append_images=[first.rotate(180)], speed=10)


@_kind(".avif", False, "claims", large=True)
def avif_exif_that_claims_gigabytes(draw: Random) -> bytes:
    block = exif([(tag, 7, 2**20, 8) for tag in range(1, 4000)])[6:]
    return saved(picture(draw), "AVIF", speed=10) + struct.pack(">I", 2**21 + 8) + b"free" + block + bytes(2**21)


@_kind(".avif", None)
def avif_cut(draw: Random) -> bytes:
    data = saved(picture(draw), "AVIF", speed=10)
    return data[: -len(data) * draw.randrange(1, 90) // 100]


@_kind(".heic", True)
def heic(draw: Random) -> bytes:
    return HEIC


@_kind(".heic", None)
def heic_cut(draw: Random) -> bytes:
    return HEIC[: -draw.randrange(1, 400)]


@_kind(".heic", None)
def heic_of_flipped_bytes(draw: Random) -> bytes:
    data = bytearray(HEIC)
    for _ in range(draw.randrange(1, 9)):
        data[draw.randrange(12, len(data))] ^= draw.randrange(1, 256)
    return bytes(data)


@_kind(".heic", False, "limit", large=True)
def heic_header_bomb(draw: Random) -> bytes:
    at = HEIC.index(b"ispe") + 8
    return HEIC[:at] + struct.pack(">II", 30_000, 30_000) + HEIC[at + 8 :]


# --- no pictures --------------------------------------------------------------------------------------------------


@_kind(".jpg", False, "empty")
def nothing(draw: Random) -> bytes:
    return b""


@_kind(".jpg", False, "zeros")
def zeros_alone(draw: Random) -> bytes:
    return bytes(draw.randrange(1, 5000))


@_kind(".jpg", False, "page of the web")
def web_page(draw: Random) -> bytes:
    return b"<!DOCTYPE html><html><body>404</body></html>"


@_kind(".jpg", False, "PDF")
def pdf(draw: Random) -> bytes:
    return b"%PDF-1.7\n" + draw.randbytes(200)


@_kind(".jpg", False, "LFS")
def pointer(draw: Random) -> bytes:
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@_kind(".jpg", False, "not an image")
def noise(draw: Random) -> bytes:
    return b"\x01" + draw.randbytes(draw.randrange(1, 5000))


@_kind(".png", None)
def random_after_a_signature(draw: Random) -> bytes:
    signatures = [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]
    signatures += [
        b"RIFF\xff\0\0\0WEBPVP8 ",
        b"\0\0\0\x18ftypavif\0\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"II+\0\x08\0\0\0",
    ]
    return draw.choice(signatures) + draw.randbytes(draw.randrange(0, 800))


def corpus(seed: int = 0, each: int = 1) -> Iterator[tuple[Hostile, bytes]]:
    """Files of every kind, `each` of them drawn differently."""
    for kind in _ALL:
        for number in range(each):
            yield kind, kind.draw(seed * 1000 + number)
