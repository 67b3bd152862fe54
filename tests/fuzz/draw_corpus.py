"""Draws the corpus that fuzzing begins with: small files of every kind, sound and damaged; run it to draw it anew.

python tests/fuzz/draw_corpus.py
"""

from __future__ import annotations

import io
import json
import random
import sys
import zipfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "src"), str(TESTS.parent / "benchmarks")]

from hostile_cases import EXPORTS, TEXTS  # noqa: E402

import hostile_pictures  # noqa: E402
from bundle.test_hostile import GOOD, graph  # noqa: E402
from drawing import jpeg  # noqa: E402

_SMALL = 3000


def main() -> None:
    """Write tests/fuzz/corpus/TARGET/NAME."""
    files: dict[str, list[bytes]] = {"decode": [], "archive": [], "table": [], "annotations": [], "bundle": []}
    files["decode"] = [data for kind in hostile_pictures.kinds() if len(data := kind.draw(1)) < _SMALL]
    for fmt in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"):
        files["decode"].append(jpeg(3, (16, 16), fmt=fmt))
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as packed:
            packed.writestr(zipfile.ZipInfo("a/b.jpg"), b"x" * 40, method)
            packed.writestr(zipfile.ZipInfo("\u00e9.txt"), b"y", method)
        files["archive"].append(out.getvalue())
    files["table"] = [text for text in TEXTS.values() if len(text) < _SMALL]
    for name, text in EXPORTS.values():
        mark = b"\0" if name.endswith(".xml") else b"\1" if name.endswith(".yaml") else b""
        if len(text) < _SMALL:
            files["annotations"].append(mark + text)
    files["bundle"] = [json.dumps(GOOD).encode() + b"\0\0\0\0" + graph().SerializeToString()]
    for target, some in files.items():
        folder = TESTS / "fuzz" / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        drawn = random.Random(target).sample(some, min(len(some), 24))
        for i, data in enumerate(drawn):
            (folder / f"{i:02d}").write_bytes(data)


if __name__ == "__main__":
    main()
