"""Bytes of a picture file -> what a decoder is given to read, and what the file says beside its pixels.

Each format's own structure is walked before any decoder sees it: its parts are counted, its work is bounded, and what
pixels do not depend on (EXIF, texts, profiles, further frames) is taken out, so that none of it can break or burden the
decoding.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from petmood.errors import ImageError
from petmood.images import limits, tiff

CUT: Final = "cut"
METADATA: Final = "metadata"
ORIENTATION: Final = "orientation"
ANIMATED: Final = "animated"
PAGES: Final = "pages"


@dataclass(frozen=True)
class Container:
    """A picture file, taken apart.

    Attributes:
        format: as Pillow calls it.
        data: the file that a decoder is to read: whole, or without what pixels do not depend on.
        width, height: in pixels, before orientation.
        orientation: 1 to 8 as EXIF has them; 1 where the decoder turns the picture itself.
        icc: the colour profile; empty if there is none.
        whole: whether the end of the pixels' data is there.
        scans: of a JPEG: how often its decoder goes through the picture.
        covered: of a JPEG: whether the scans that have begun hold every coefficient to its last bit.
        extra: bytes of memory that decoding takes beside the picture itself.
        notes: codes of what was found odd.
        missing: of data of known length: the share that is missing.
    """

    format: str
    data: bytes = field(repr=False)
    width: int
    height: int
    orientation: int = 1
    icc: bytes = field(default=b"", repr=False)
    whole: bool = True
    scans: int = 1
    covered: bool = True
    extra: int = 0
    notes: tuple[str, ...] = ()
    missing: float = 0.0


def read_container(data: bytes) -> Container:
    """Take a picture file apart.

    Raises:
        ImageError: no known format, over a limit, or so broken that no pixels can be in it.
    """
    limits.check_file(data)
    name = identify(data)
    if name not in _READERS:
        raise ImageError(f"not an image in a known format ({', '.join(_READERS)}){_what_else(data)}")
    try:
        found = _READERS[name](data)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise ImageError("broken image (its header is cut)") from error
    limits.check_size(found.width, found.height)
    return found


def identify(data: bytes) -> str:
    """The format that the first bytes show, as Pillow calls it; "" for none that is read."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data.startswith(b"BM"):
        return "BMP"
    if tiff.is_tiff(data):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return _brand(data)


def _brand(data: bytes) -> str:
    if data[4:8] != b"ftyp":
        return ""
    size = int.from_bytes(data[:4], "big")
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(size, 256, len(data)), 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"} else ""


_OTHERS: Final = (
    (b"%PDF", "a PDF document"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
    (b"<!doctype html", "a page of the web"),
    (b"<html", "a page of the web"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the picture"),
)


def _what_else(data: bytes) -> str:
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, what in _OTHERS:
        if start.startswith(mark.lower()):
            return f"; it is {what}"
    return "; it holds zeros alone" if not data.strip(b"\0") else ""


# --- JPEG ---------------------------------------------------------------------------------------------------------

_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # begins with one known byte: looked for in half the time
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_COMPLETE: Final = 0xD9


@dataclass
class _Frame:
    """The frame of a JPEG: its size, whether it is progressive, and the share of all samples that each part has."""

    width: int
    height: int
    progressive: bool
    shares: dict[int, float]
    lowest: dict[int, list[int]] = field(default_factory=dict)

    def samples(self, parts: bytes) -> float:
        """Samples that a scan of some parts visits."""
        return self.width * self.height * sum(self.shares.get(part, 1.0) for part in parts)

    def begin(self, head: bytes) -> float:
        """Take note of a scan by its header; returns the samples that it visits."""
        parts = head[3 : 3 + 2 * head[2] : 2]
        first, last, bits = head[-3:] if self.progressive else (0, 63, 0)
        for part in parts:
            self.lowest.setdefault(part, [13] * 64)[first : last + 1] = [bits & 15] * (last + 1 - first)
        return self.samples(parts)

    @property
    def covered(self) -> bool:
        """Whether each coefficient of each part has been begun to its last bit."""
        return all(not any(self.lowest.get(part, [13])) for part in self.shares)


@dataclass
class _Beside:
    """What a JPEG holds beside its pixels."""

    exif: bytes = b""
    xmp: bytes = b""
    profile: dict[int, bytes] = field(default_factory=dict)
    dropped: list[tuple[int, int]] = field(default_factory=list)

    def take(self, marker: int, data: bytes, at: int, end: int) -> None:
        if marker in (0xE0, 0xEE) and data[at + 2 : at + 6] in (b"JFIF", b"Adob"):
            return  # these say how colours are kept
        body = data[at + 2 : end]
        if marker == 0xE1 and body.startswith(b"Exif\0\0") and len(self.exif) < limits.MAX_METADATA:
            self.exif += body[6:] if self.exif else body
        elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            self.xmp = body
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            self.profile[body[12]] = body[14:]
        self.dropped.append((at - 2, end))


def _jpeg(data: bytes) -> Container:
    beside = _Beside()
    frame: _Frame | None = None
    at, scans, segments, work, whole, end = 2, 0, 0, 0.0, False, len(data)
    while at < end:
        found = _MARKER.search(data, at)
        if found is None:
            break
        marker, at = data[found.end() - 1], found.end()
        if marker == _COMPLETE:
            whole, end = True, at
            break
        if marker in (0x01, 0xD8):
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > end:
            break
        segments += 1
        limits.check_parts(segments, "segments")
        if marker in _FRAMES and frame is None:
            frame = _frame(marker, data[at : at + length])
            limits.check_size(frame.width, frame.height)
        elif marker == 0xDA and frame is not None:
            scans += 1
            work += frame.begin(data[at : at + length])
            if scans > limits.MAX_SCANS or work > limits.MAX_SAMPLES:
                raise ImageError(
                    f"a JPEG of {frame.width}x{frame.height} pixels in {scans:,} scans or more: too much work"
                )
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            beside.take(marker, data, at, at + length)
        at += length
    if frame is None or not scans:
        raise ImageError("broken image (a JPEG without a picture)")
    orientation, notes = _orientation(beside.exif, beside.xmp)
    return Container(
        "JPEG",
        _without(data[:end] if end < len(data) else data, beside.dropped),
        frame.width,
        frame.height,
        orientation,
        _joined(beside.profile),
        whole,
        scans,
        frame.covered,
        # coefficients of all scans are kept until the last
        int(2 * frame.samples(bytes(frame.shares))) if frame.progressive or scans > 1 else 0,
        notes if whole else (*notes, CUT),
    )


def _frame(marker: int, body: bytes) -> _Frame:
    height, width, count = struct.unpack_from(">HHB", body, 3)
    parts = [struct.unpack_from("BB", body, 8 + 3 * i) for i in range(count)]
    across = max((sampling >> 4 for _, sampling in parts), default=1) or 1
    down = max((sampling & 15 for _, sampling in parts), default=1) or 1
    shares = {name: (sampling >> 4) * (sampling & 15) / (across * down) for name, sampling in parts}
    return _Frame(width, height, marker in _PROGRESSIVE, shares)


def _without(data: bytes, dropped: list[tuple[int, int]]) -> bytes:
    if not dropped:
        return data
    starts = [0, *(end for _, end in dropped)]
    ends = [*(start for start, _ in dropped), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def _joined(parts: dict[int, bytes]) -> bytes:
    profile = b"".join(parts[number] for number in sorted(parts))
    return profile if len(profile) <= limits.MAX_METADATA else b""


_SAID: Final = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def _orientation(exif: bytes, xmp: bytes) -> tuple[int, tuple[str, ...]]:
    """1 to 8 as EXIF says, else as XMP says, and notes of what is wrong with either."""
    said = tiff.orientation(exif)
    if not said and (match := _SAID.search(xmp)):
        said = int(match[1])
    if said is None:
        return 1, (METADATA,)
    if said > 8:
        return 1, (ORIENTATION,)
    return said or 1, ()


# --- PNG ----------------------------------------------------------------------------------------------------------

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS"})


def _png(data: bytes) -> Container:
    kept: list[bytes] = []
    pixels: list[tuple[int, int]] = []
    exif, xmp, icc, notes, whole = b"", b"", b"", [], False
    for kind, start, end, sound in _chunks(data):
        if kind == b"IDAT":
            pixels.append((start, min(end, len(data))))
            if end > len(data):
                break
        elif end + 4 > len(data):
            break
        elif kind == b"IEND":
            whole = True
            break
        elif kind in _PNG_KEPT:
            kept.append(data[start - 8 : end + 4])
        elif kind == b"acTL":
            if int.from_bytes(data[start : start + 4], "big") > 1:
                notes.append(ANIMATED)
        elif not sound():
            notes.append(METADATA)
        elif kind == b"eXIf":
            exif = data[start:end] if end - start <= limits.MAX_METADATA else b""
        elif kind == b"iTXt" and data[start : start + 18] == b"XML:com.adobe.xmp\0":
            xmp = data[start : min(end, start + limits.MAX_METADATA)]
        elif kind in (b"tEXt", b"zTXt") and data[start:end].startswith(b"Raw profile type exif\0"):
            exif = exif or _raw_profile(kind, data[start : min(end, start + limits.MAX_METADATA)])
        elif kind == b"iCCP":
            icc = _inflated(data[start:end].partition(b"\0")[2][1:])
            if not icc:
                notes.append(METADATA)
    if not kept or not pixels:
        raise ImageError("broken image (a PNG without a picture)")
    width, height = struct.unpack_from(">II", kept[0], 8)
    body = b"".join(data[start:end] for start, end in pixels)
    orientation, odd = _orientation(exif, xmp)
    notes.extend(odd)
    if not whole:
        notes.append(CUT)
    clean = b"".join((_PNG, *kept, png_chunk(b"IDAT", body), png_chunk(b"IEND", b"")))
    limits.check_size(width, height)
    return Container(
        "PNG",
        clean if len(clean) != len(data) else data,
        width,
        height,
        orientation,
        icc if len(icc) <= limits.MAX_METADATA else b"",
        whole,
        extra=len(clean) if len(clean) > 2**20 else 0,
        notes=tuple(dict.fromkeys(notes)),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int, Callable[[], bool]]]:
    """(kind, start, end, whether its checksum holds) of each chunk of a PNG; the last may end outside."""
    at, n = len(_PNG), 0
    while at + 8 <= len(data):
        n += 1
        limits.check_parts(n, "chunks")
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        start, end = at + 8, at + 8 + length

        def sound(at: int = at, end: int = end) -> bool:
            return zlib.crc32(data[at + 4 : end]) == int.from_bytes(data[end : end + 4], "big")

        yield kind, start, end, sound
        at = end + 4


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return b"".join((struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(kind + body))))


def _inflated(data: bytes) -> bytes:
    """What compressed metadata holds; nothing if it is broken or large."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, limits.MAX_METADATA)
    except zlib.error:
        return b""
    return found if stream.eof else b""


def _raw_profile(kind: bytes, text: bytes) -> bytes:
    body = text.partition(b"\0")[2]
    if kind == b"zTXt":
        body = _inflated(body[1:])
    try:
        return bytes.fromhex("".join(body.decode("latin-1").split("\n")[3:]))
    except ValueError:
        return b"?"


# --- GIF ----------------------------------------------------------------------------------------------------------


def _gif(data: bytes) -> Container:
    """The first picture alone: what stands before and after it (comments, frames) is left out."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    head, control, blocks = data[:at], b"", 0
    while at < len(data):
        blocks += 1
        limits.check_parts(blocks, "blocks")
        mark = data[at]
        if mark == 0x21:
            end, blocks, _ = _sub_blocks(data, at + 2, blocks)
            if data[at + 1] == 0xF9:
                control = data[at:end]
            at = end
        elif mark == 0x2C:
            left, top, w, h, local = struct.unpack_from("<HHHHB", data, at + 1)
            start = at + 10 + (3 << (local & 7) + 1 if local & 0x80 else 0)
            end, _, whole = _sub_blocks(data, start + 1, 0)
            notes = [ANIMATED] if _another(data, end) else []
            if not whole:
                notes.append(CUT)
            return Container(
                "GIF",
                b"".join((head, control, data[at:end], b";")),
                max(width, left + w),
                max(height, top + h),
                whole=whole,
                extra=w * h,
                notes=tuple(notes),
            )
        elif mark == 0x3B:
            break
        else:
            at += 1
    raise ImageError("broken image (a GIF without a picture)")


def _sub_blocks(data: bytes, at: int, blocks: int) -> tuple[int, int, bool]:
    """Where a row of sub-blocks ends, how many blocks there were so far, and whether its end is there."""
    while at < len(data):
        length = data[at]
        at += 1 + length
        if not length:
            return at, blocks, True
        blocks += 1
        limits.check_parts(blocks // 10, "blocks")
    return len(data), blocks, False


def _another(data: bytes, at: int) -> bool:
    """Whether another frame follows, after at most a few extensions."""
    for _ in range(100):
        if data[at : at + 1] == b"\x2c":
            return True
        if data[at : at + 1] != b"\x21":
            return False
        at, _, _ = _sub_blocks(data, at + 2, 0)
    return False


# --- WebP ---------------------------------------------------------------------------------------------------------

_WEBP_FLAGS: Final = 0x20 | 0x08 | 0x04  # profile, EXIF, XMP


def _webp(data: bytes) -> Container:
    kept: list[bytes] = []
    found: dict[bytes, bytes] = {}
    frames, parts, at, missing, whole = 0, 0, 12, 0.0, True
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        parts += 1
        limits.check_parts(parts, "chunks")
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + length]
        if len(body) < length:
            whole = False
        if kind == b"ANMF":
            frames += 1
        if kind in (b"EXIF", b"XMP ", b"ICCP"):
            if whole and length <= limits.MAX_METADATA:
                found.setdefault(kind, body)
        elif kind in (b"VP8X", b"ANIM", b"ALPH", b"VP8 ", b"VP8L") or (kind == b"ANMF" and frames == 1):
            if not whole:
                missing = 1 - len(body) / length
                body += bytes(length - len(body))
            if kind == b"VP8X":
                body = bytes([body[0] & ~_WEBP_FLAGS]) + body[1:]
            kept.append(kind + length.to_bytes(4, "little") + body + bytes(length & 1))
        at += 8 + length + (length & 1)
    width, height = _webp_size(kept)
    orientation, notes = _orientation(found.get(b"EXIF", b""), found.get(b"XMP ", b""))
    if frames > 1:
        notes = (*notes, ANIMATED)
    if missing and b"VP8L" in {part[:4] for part in kept}:
        raise ImageError("cut short: a lossless WebP cannot be read in part")
    inside = b"WEBP" + b"".join(kept)
    return Container(
        "WEBP",
        b"RIFF" + len(inside).to_bytes(4, "little") + inside,
        width,
        height,
        orientation,
        found.get(b"ICCP", b""),
        not missing,
        # its decoder holds two canvases with alpha, and hands out a copy
        extra=12 * width * height,
        notes=notes if whole else (*notes, CUT),
        missing=missing,
    )


def _webp_size(kept: list[bytes]) -> tuple[int, int]:
    for part in kept:
        body = part[8:]
        if part[:4] == b"VP8X":
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if part[:4] == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            return width & 0x3FFF, height & 0x3FFF
        if part[:4] == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise ImageError("broken image (a WebP without a picture)")


# --- BMP ----------------------------------------------------------------------------------------------------------


def _bmp(data: bytes) -> Container:
    offset, size = struct.unpack_from("<II", data, 10)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = 0
    else:
        width, height, _, bits, packed = struct.unpack_from("<iiHHI", data, 18)
    width, height = abs(width), abs(height)
    limits.check_size(width, height)
    notes: tuple[str, ...] = ()
    missing, whole = 0.0, True
    wanted = (width * bits + 31) // 32 * 4 * height
    if packed in (0, 3) and wanted and offset + wanted > len(data):
        missing = min(1.0, (offset + wanted - len(data)) / wanted)
        whole, notes = False, (CUT,)
        if missing < 0.5:
            data += bytes(offset + wanted - len(data))
    return Container("BMP", data, width, height, whole=whole, notes=notes, missing=missing)


# --- TIFF ---------------------------------------------------------------------------------------------------------

_KEPT: Final = frozenset(
    {*range(254, 260), 262, 266, 273, *range(277, 280), 282, 283, 284, 292, 293, 296, 317, 320, *range(322, 326)}
    | {338, 339, 340, 341, 347, *range(529, 533)}
)
_PLAIN: Final = 1
_PACKINGS: Final = {
    _PLAIN: "none",
    2: "CCITT",
    3: "CCITT",
    4: "CCITT",
    5: "LZW",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    50000: "Zstandard",
}


def _tiff(data: bytes) -> Container:
    directory = tiff.first_directory(data)
    if tiff.lies_outside(data, directory, _KEPT):
        raise ImageError("cut short: what stands at its end says where the pixels are")
    width, height = (tiff.value(data, directory, tag) for tag in (256, 257))
    limits.check_size(width, height)
    packing = tiff.value(data, directory, 259, _PLAIN)
    if packing not in _PACKINGS:
        known = ", ".join(dict.fromkeys(_PACKINGS.values()))
        raise ImageError(f"a TIFF with compression {packing}; those that are read: {known}")
    bits = tiff.values(data, directory, 258) or (1,)
    samples = max(tiff.value(data, directory, 277, 1), 1)
    row = width * max(bits) * samples // 8 + 1
    strip = min(tiff.value(data, directory, 278, height) or height, height) * row
    across, down = tiff.value(data, directory, 322), tiff.value(data, directory, 323)
    if across and down:
        strip = (across * max(bits) * samples // 8 + 1) * down
    spans = _spans(data, directory)
    if packing == 7:
        _check_scans(data, spans)
    missing = _missing(len(data), spans)
    notes: list[str] = [CUT] if missing else []
    icc = tiff.blob(data, directory, 34675, limits.MAX_METADATA)
    said = tiff.value(data, directory, tiff.ORIENTATION, 1)
    if said > 8:
        notes.append(ORIENTATION)
    if tiff.pages(data, directory) > 1:
        notes.append(PAGES)
    clean = tiff.reduced(data, directory, _KEPT)
    if missing and packing == _PLAIN:
        clean += bytes(max(at + n for at, n in spans) - len(clean))
    return Container(
        "TIFF",
        clean,
        width,
        height,
        said if 1 <= said <= 8 else 1,
        icc,
        not missing,
        extra=strip + len(clean),
        notes=tuple(notes),
        missing=missing,
    )


def _spans(data: bytes, directory: tiff.Directory) -> list[tuple[int, int]]:
    """(offset, bytes) of each strip or tile."""
    for offsets, counts in ((273, 279), (324, 325)):
        found = tiff.values(data, directory, offsets)
        if found:
            return list(zip(found, tiff.values(data, directory, counts), strict=False))
    return []


def _missing(length: int, spans: list[tuple[int, int]]) -> float:
    total = sum(n for _, n in spans)
    lost = sum(min(n, max(0, at + n - length)) for at, n in spans)
    return lost / total if total else 0.0


def _check_scans(data: bytes, spans: list[tuple[int, int]]) -> None:
    if sum(n for _, n in spans) > 4 * len(data):
        raise ImageError("a TIFF whose strips share their bytes: taken for a trap, not a picture")
    for at, n in spans:
        if data.count(b"\xff\xda", at, at + n) > 4:
            raise ImageError("a TIFF of JPEG strips with many scans: too much work")


# --- AVIF and HEIF ------------------------------------------------------------------------------------------------


def _boxed(name: str) -> Callable[[bytes], Container]:
    def read(data: bytes) -> Container:
        if tiff.heaviest_exif(data) > 4 * limits.MAX_METADATA:
            raise ImageError("its EXIF block claims more bytes than it has: taken for a trap, not a picture")
        if _lacks_end(data):
            raise ImageError(f"cut short: a picture as {name} cannot be read in part")
        width, height = _largest(data)
        # planes of ten bits, the picture they become, and a copy that is handed out
        return Container(name, data, width, height, extra=7 * width * height)

    return read


def _lacks_end(data: bytes) -> bool:
    """Whether the last box of a file is to be longer than the file."""
    at = 0
    for _ in range(limits.MAX_PARTS):
        if at + 8 > len(data):
            break
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1 and at + 16 <= len(data):
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0 is to the end; less is damage of another kind
            return False
        at += size
    return at > len(data)


def _largest(data: bytes) -> tuple[int, int]:
    """Size of the largest picture that the file speaks of (it may be made of tiles, and have thumbnails)."""
    found, at = [(0, 0)], data.find(b"ispe")
    while at >= 0:
        limits.check_parts(len(found), "pictures")
        if at + 16 <= len(data):
            found.append(struct.unpack_from(">II", data, at + 8))
        at = data.find(b"ispe", at + 4)
    return max(found, key=lambda size: size[0] * size[1])


_READERS: Final[dict[str, Callable[[bytes], Container]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "BMP": _bmp,
    "GIF": _gif,
    "TIFF": _tiff,
    "AVIF": _boxed("AVIF"),
    "HEIF": _boxed("HEIF"),
}
FORMATS: Final = tuple(_READERS)
