"""A picture file without its last bytes -> how much of the picture is missing, and a file that a decoder accepts."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petmood.errors import ImageError
from petmood.images import limits
from petmood.images.containers import Container, png_chunk

MAX_MISSING: Final = 0.04
"""Share of a picture that may be missing at its end: a file that lost a tenth of its bytes must not pass."""

_END: Final = b"\xff\xd9"
_GREY: Final = (126, 129)  # what a JPEG decoder draws where there is no data
_MOST_CODES: Final = 2_000_000


def completed(container: Container) -> Container:
    """The same picture as a file that a decoder reads to its end, what is missing made up.

    Raises:
        ImageError: too much is missing.
    """
    if container.whole:
        return container
    if container.format == "JPEG":
        closed = replace(container, data=container.data.rstrip(b"\xff") + _END)
        missing = _of_one_scan(closed.data) if container.scans == 1 else _of_last_scan(closed, container.covered)
    elif container.format == "PNG":
        closed, missing = _padded_png(container)
    elif container.format == "GIF":
        closed, missing = container, _of_gif(container)
    else:
        closed, missing = container, container.missing
    if missing > MAX_MISSING:
        raise ImageError(f"cut short: about {missing:.0%} of the picture is missing")
    return closed


def _open(data: bytes, format: str) -> Image.Image:
    return Image.open(limits.ClockedBytes(data), formats=(format,))


# --- JPEG ---------------------------------------------------------------------------------------------------------


def _of_one_scan(data: bytes) -> float:
    """Share of a sequential JPEG that is mid-grey at its end, counted in the units in which it is coded."""
    image = _open(data, "JPEG")
    across, down = 1, 1
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    if len(layers) > 1:
        across, down = (max(layer[i] for layer in layers) for i in (1, 2))
    image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))  # a pixel a block
    image.load()
    values = np.asarray(image)
    grey = (values >= _GREY[0]) & (values <= _GREY[1])
    blank = np.asarray(grey.reshape(*values.shape[:2], -1).all(axis=2), dtype=np.bool_)
    units = _tiles(blank, down, across, True).all(axis=(1, 3)).ravel()
    return float(np.argmin(units[::-1]) / len(units)) if not units.all() else 1.0


def _of_last_scan(closed: Container, covered: bool) -> float:
    """Share of a JPEG of several scans that its last scan has not reached.

    Where it ended shows in what changes when a few bytes more are taken away.
    """
    if not covered:
        return 1.0
    whole = _pixels(closed.data)
    for fewer in (32, 512, 8192):
        changed = (whole != _pixels(closed.data[: -fewer - len(_END)] + _END)).any(axis=2)
        blocks = _tiles(changed, 8, 8, False)[:, 1:-1, :, 1:-1].any(axis=(1, 3)).ravel()
        if blocks.any():
            return float(np.argmax(blocks[::-1]) / len(blocks))
    return 0.0


def _pixels(data: bytes) -> NDArray[np.uint8]:
    image = _open(data, "JPEG")
    image.decodermaxblock = limits.CHUNK  # type: ignore[attr-defined]
    values = np.asarray(image)
    return values.reshape(*values.shape[:2], -1)


def _tiles(mask: NDArray[np.bool_], rows: int, columns: int, fill: bool) -> NDArray[np.bool_]:
    """(n, rows, m, columns) bool: a mask cut into tiles, filled up at its right and lower edge."""
    height, width = mask.shape
    padded = np.full((-(-height // rows) * rows, -(-width // columns) * columns), fill)
    padded[:height, :width] = mask
    return padded.reshape(padded.shape[0] // rows, rows, -1, columns)


# --- PNG ----------------------------------------------------------------------------------------------------------

_PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_MOST_RAW: Final = 2**28


def _padded_png(container: Container) -> tuple[Container, float]:
    start = container.data.index(b"IDAT")
    head = container.data[: start - 4]
    length = int.from_bytes(container.data[start - 4 : start], "big")
    depth, colour, interlaced = head[24], head[25], head[28]
    rows = _rows(container.width, container.height, depth * _CHANNELS.get(colour, 4), interlaced)
    wanted = sum(count * size for count, size in rows)
    if wanted > _MOST_RAW:
        raise ImageError("cut short, and too large to be completed")
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(container.data[start + 4 : start + 4 + length], wanted)
    except zlib.error as error:
        raise ImageError(f"broken image ({error})") from error
    if len(raw) >= wanted:
        return container, 0.0
    missing = 1 - len(raw) / wanted
    if missing > MAX_MISSING:
        return container, missing
    pixels = zlib.compress(raw + _repeated(rows, len(raw)), 1)
    data = b"".join((head, png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b"")))
    return replace(container, data=data), missing


def _rows(width: int, height: int, bits: int, interlaced: int) -> list[tuple[int, int]]:
    """(rows, bytes of a row) of each pass through a PNG."""
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    found = []
    for left, top, right, down in passes:
        columns, count = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and count > 0:
            found.append((count, 1 + (columns * bits + 7) // 8))
    return found


def _repeated(rows: list[tuple[int, int]], at: int) -> bytes:
    """Bytes that complete a PNG's rows from a place on: the row above, again and again."""
    parts, start = [], 0
    for count, size in rows:
        for row in range(max(0, (at - start) // size), count):
            begin = start + row * size
            parts.append(bytes(begin + size - at) if begin < at else b"\x02" + bytes(size - 1))
        start += count * size
        at = max(at, start)
    return b"".join(parts)


# --- GIF ----------------------------------------------------------------------------------------------------------


def _of_gif(container: Container) -> float:
    """Share of a GIF's pixels that its codes do not reach: their lengths are followed, not their colours."""
    data = container.data
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    while data[at] == 0x21:
        at = _after_blocks(data, at + 2)
    width, height, flags = int.from_bytes(data[at + 5 : at + 7], "little"), data[at + 7 : at + 9], data[at + 9]
    wanted = width * int.from_bytes(height, "little")
    at += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    return max(0.0, 1 - _coded(_joined(data, at + 1), data[at]) / max(wanted, 1))


def _after_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _joined(data: bytes, at: int) -> bytes:
    parts = []
    while at < len(data) and data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


def _coded(codes: bytes, least: int) -> int:
    """Pixels that a GIF's codes stand for."""
    clear, total, held, bits, last = 1 << least, 0, 0, 0, 0
    lengths, width = [1] * (clear + 2), least + 1
    for number, byte in enumerate(codes):
        if number > _MOST_CODES:
            break
        held |= byte << bits
        bits += 8
        while bits >= width:
            code, held, bits = held & (1 << width) - 1, held >> width, bits - width
            if code == clear:
                lengths, width, last = [1] * (clear + 2), least + 1, 0
            elif code == clear + 1 or code > len(lengths):
                return total
            else:
                length = lengths[code] if code < len(lengths) else last + 1
                total += length
                if last and len(lengths) < 4096:
                    lengths.append(last + 1)
                    if len(lengths) == 1 << width and width < 12:
                        width += 1
                last = length
    return total
