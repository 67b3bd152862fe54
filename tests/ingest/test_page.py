"""Each row of the tables of docs/data.md is tried: what the page says is what happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image

from clips import write_clip
from drawing import jpeg, photo, write_tree
from hostile_pictures import HEIC, P3, floats, icc, saved
from petmood import images
from petmood.cache import ContentCache
from petmood.clips import with_frames
from petmood.config import read_options
from petmood.errors import DataError
from petmood.ingest import read_dataset
from petmood.ingest.pattern import parse_pattern
from petmood.ingest.reader import why_ignored
from petmood.jobs.export_data import FORMATS
from petmood.sources import open_source

PAGE: Final = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
PHOTO = photo(3, (64, 48))
GREY = np.asarray(PHOTO.convert("L")) / 255.0
Files = dict[str, bytes]


def rows(first: str) -> dict[str, str]:
    """Rows of the table whose header begins so: first cell -> the last."""
    body = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert body, first
    lines = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in body[1].splitlines()]
    return {cells[0]: cells[-1] for cells in lines}


def as_is(*formats: str, **options: object) -> Files:
    return {f"a.{fmt.lower()}": saved(PHOTO, fmt, **options) for fmt in formats}


def several(*formats: str) -> Files:
    more = [photo(i, (64, 48)) for i in (4, 5)]
    return {f"a.{f.lower()}": saved(PHOTO, f, save_all=True, append_images=more) for f in formats}


def grey(*values: np.ndarray) -> Files:  # type: ignore[type-arg]
    return {
        f"{i}.tif": saved(Image.fromarray(v), "TIFF") if v.dtype == np.uint16 else floats(v)
        for i, v in enumerate(values)
    }


def with_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x112] = orientation
    return saved(PHOTO, "JPEG", exif=exif)


def without(lost: float, **formats: Files) -> Files:
    return {
        f"{kind}{name}": data[: -max(3, int(lost * len(data)))]
        for kind, files in formats.items()
        for name, data in files.items()
    }


def junk_exif() -> bytes:
    data = saved(PHOTO, "JPEG")
    return data[:2] + b"\xff\xe1\x00\x20Exif\0\0" + b"\xff" * 24 + data[2:]


def too_large() -> bytes:
    data = saved(PHOTO, "PNG")
    return data[:16] + (20_000).to_bytes(4, "big") * 2 + data[24:]


PARTIAL = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
TRIED: dict[str, Callable[[], Files]] = {
    "JPEG, PNG, BMP, WebP, GIF, TIFF, AVIF, HEIC": lambda: (
        as_is("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "AVIF") | {"a.heic": HEIC}
    ),
    "the same under the extension of another": lambda: {
        "a.png": saved(PHOTO, "JPEG"),
        "b.JPG": saved(PHOTO, "WEBP"),
        "c.bmp": HEIC,
    },
    "animated GIF, PNG, WebP, AVIF": lambda: several("GIF", "PNG", "WEBP", "AVIF"),
    "TIFF of several pages": lambda: several("TIFF"),
    "CMYK, Lab, palettes, grey, transparency": lambda: {
        "a.jpg": saved(PHOTO.convert("CMYK"), "JPEG"),
        "b.png": saved(PHOTO.convert("P"), "PNG"),
        "c.png": saved(PHOTO.convert("L"), "PNG"),
        "d.png": saved(PHOTO.convert("RGBA"), "PNG"),
        "e.tif": saved(Image.new("LAB", (64, 48), (120, 128, 128)), "TIFF"),
    },
    "wide-gamut and other colour profiles": lambda: {
        f"{f}.{f.lower()}": saved(PHOTO, f, icc_profile=icc(P3, 2.2)) for f in ("JPEG", "PNG", "TIFF")
    },
    "16 bit; floats in [0, 1], [-1, 1], [0, 255] or [0, 65535]": lambda: grey(
        (GREY * 65535).astype(np.uint16), GREY, 2 * GREY - 1, GREY * 255, GREY * 65535
    ),
    "10 or 12 bit in 16; floats of other ranges": lambda: grey(
        (GREY * 1023).astype(np.uint16), (GREY * 4095).astype(np.uint16), (GREY - 0.45) / 0.22, GREY * 5000
    ),
    "floats that are no numbers": lambda: grey(np.where(GREY > 0.7, np.nan, GREY)),
    "broken EXIF, text or colour profile": lambda: {
        "a.jpg": junk_exif(),
        "b.jpg": saved(PHOTO, "JPEG", icc_profile=b"no" * 99),
    },
    "an orientation that does not exist": lambda: {f"{n}.jpg": with_exif(n) for n in (9, 77)},
    "a few last bytes missing (JPEG, PNG, GIF, BMP, WebP, plain TIFF)": lambda: (
        without(0.0005, x=as_is(*PARTIAL[:4], *PARTIAL[5:]))
        | without(0.0005, y={"a.webp": saved(photo(3), "WEBP", quality=95)})
    ),
    "a tenth or more missing": lambda: without(0.1, x=as_is(*PARTIAL)),
    "any byte missing (AVIF, HEIC, lossless WebP, TIFF with its tables at the end)": lambda: without(
        0,
        x=as_is("AVIF") | {"a.heic": HEIC},
        y={"a.webp": saved(PHOTO, "WEBP", lossless=True), "a.tif": saved(photo(3), "TIFF", compression="tiff_lzw")},
    ),
    "empty, over 64 MiB or 100 million pixels, a trap of parts, scans or layers": lambda: {
        "a.jpg": b"",
        "b.png": too_large(),
    },
    "PDF, SVG, Photoshop, JPEG XL, JPEG 2000, a page of the web, ... by an image's name": lambda: {
        "a.jpg": b"%PDF-1.7",
        "b.png": b"<svg xmlns='x'/>",
        "c.jpg": b"8BPS" + bytes(40),
        "d.jpg": b"\xff\x0a" + bytes(40),
        "e.jpg": b"\0\0\0\x0cjP  \r\n",
        "f.gif": b"<!DOCTYPE html><p>404",
    },
    "a broken video": lambda: {"a.mp4": b"\0\0\0\x18ftypmp42" + bytes(300), "b.avi": b"RIFF\0\0\0\0AVI "},
    "other extensions, hidden files, files of systems": lambda: {
        "a.txt": b"x",
        ".b.jpg": saved(PHOTO, "JPEG"),
        "Thumbs.db": b"x",
    },
}
CLIPS = "video (`.mp4`, `.mov`, `.avi`, `.mkv`, `.webm`, ...)"


def test_every_row_of_formats_is_tried() -> None:
    assert list(rows("format")) == sorted([*TRIED, CLIPS], key=list(rows("format")).index)


@pytest.mark.parametrize("row", TRIED)
def test_what_the_table_of_formats_says_is_so(tmp_path: Path, row: str) -> None:
    says = rows("format")[row]
    verdict = next(word for word in ("rejected", "ignored", "read") if word in says)
    note = re.search(r"noted as `([a-z-]+)`", says)
    tried = TRIED[row]()
    files = {f"happy/{name}": data for name, data in tried.items()}
    sound = {"happy/sound.jpg": jpeg(1), "sad/sound.jpg": jpeg(2)}
    with with_frames(open_source(write_tree(tmp_path / "d", files | sound))) as source:
        manifest = read_dataset(source, ContentCache(), options=read_options(layout="{class}/*"))
    found = {r.path: ("read", r.notes) for r in manifest.records if r.path not in sound}
    found |= {s.path: ("rejected", ()) for s in manifest.rejected} | {s.path: ("ignored", ()) for s in manifest.ignored}
    assert {path: what for path, (what, _) in found.items()} == dict.fromkeys(files, verdict)
    if verdict == "read":
        # what the row names is noted of every file, and nothing else is
        assert {path: told for path, (_, told) in found.items()} == dict.fromkeys(files, (note[1],) if note else ())
        assert not note or note[1] in {*images.NOTES, images.MISNAMED}
    if "says what it is" in says:
        assert all("; it is a" in skipped.reason for skipped in manifest.rejected)
    if row.startswith("16 bit"):
        for path in files:
            pixels = images.decode_full((tmp_path / "d" / path).read_bytes()).pixels[:, :, 0]
            assert np.abs(pixels / 255 - GREY).max() < 0.01
    if row.startswith("TIFF of several"):
        pixels = images.decode_full(next(iter(tried.values()))).pixels
        assert np.array_equal(pixels, np.asarray(PHOTO))


def test_videos_of_the_table_are_read_at_the_frames_of_the_option(tmp_path: Path) -> None:
    row = next(row for row in rows("format") if row.startswith("video"))
    assert row == CLIPS
    for k, suffix in enumerate(re.findall(r"`(\.\w+)`", row)):
        write_clip(tmp_path / "d" / ("happy", "sad")[k % 2] / f"{k}{suffix}", seconds=2.0, size=(96, 64 + 16 * k))
    for fps in (1.0, 2.0):
        with with_frames(open_source(tmp_path / "d"), fps) as source:
            manifest = read_dataset(source, ContentCache())
        assert (len(manifest), manifest.n_photos) == (5 * 2 * fps, 5)


def test_patterns_of_the_table_of_folders_read_its_examples() -> None:
    table = rows("your data")
    assert len(table) > 6
    for example, text in table.items():
        pattern, path = re.search(r"--layout '(.*)'", text), re.search(r"`(\S+\.jpg)`", example)
        assert pattern
        assert path
        found = parse_pattern(pattern[1]).read(path[1])
        assert found is not None, example
        assert found["class"] == "happy", example


KINDS: dict[str, Callable[[], Files]] = {
    "labelme": lambda: {
        "a.json": b'{"version": "5", "imagePath": "a.jpg", "shapes": [{"label": "happy", "points": []}]}'
    },
    "VIA": lambda: {"via.json": b'{"a.jpg1": {"filename": "a.jpg", "regions": []}}'},
    "Supervisely": lambda: {"ann/a.jpg.json": b'{"objects": [{"classTitle": "happy"}]}'},
}


@pytest.mark.parametrize("kind", KINDS)
def test_exports_that_are_not_read_are_a_question_and_disturb_no_class_folders(tmp_path: Path, kind: str) -> None:
    assert "labelme, VIA and others" in rows("export")
    loose = write_tree(tmp_path / "a", {f"{i}.jpg": jpeg(i) for i in range(4)} | KINDS[kind]())
    with open_source(loose) as source, pytest.raises(DataError, match=r"no class.*json \(read only where it is named"):
        read_dataset(source, ContentCache())
    sorted_ = {f"{('happy', 'sad')[i % 2]}/{i}.jpg": jpeg(i) for i in range(4)}
    with open_source(write_tree(tmp_path / "b", sorted_ | KINDS[kind]())) as source:
        assert read_dataset(source, ContentCache()).layout == "{class}/*"


def test_exports_of_the_page_are_those_of_the_command() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert told == list(FORMATS)


def test_files_that_are_no_images_are_ignored_by_name() -> None:
    for name in ("a.txt", ".a.jpg", "x/.git/a.jpg", "__MACOSX/a.jpg", "Thumbs.db", "a", "desktop.ini"):
        assert why_ignored(name)
    for name in (*(f"a{ending.upper()}" for ending in images.EXTENSIONS), "a.MP4", "a.mp4#t=1.000"):
        assert not why_ignored(name)
