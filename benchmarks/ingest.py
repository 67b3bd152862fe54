"""Peak memory and time of reading many files, for each kind of source: python benchmarks/ingest.py [--files 100000].

The files are hard links to a few small pictures (in archives: copies), so that their number alone is measured. Each
kind is read in a process of its own; the peak is that process's, above what it held before reading.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from PIL import Image

KINDS = ("folders", "zip", "table", "parquet", "coco", "voc", "yolo", "label-studio", "cvat", "createml")
MOODS = ("angry", "happy", "sad")


def pictures(n: int = 200) -> list[bytes]:
    """Small pictures, each of its own colour."""
    found = []
    for i in range(n):
        out = io.BytesIO()
        Image.new("RGB", (16, 16), (i % 256, 2 * i % 256, 90)).save(out, "PNG")
        found.append(out.getvalue())
    return found


def build(root: Path, kind: str, n: int) -> Path:
    """A source of `n` pictures of one kind; gives the place to read."""
    data = pictures()
    names = [(f"p{i:06d}.png", MOODS[i % 3], i % len(data)) for i in range(n)]
    if kind == "zip":
        with zipfile.ZipFile(root / "d.zip", "w") as archive:
            for name, mood, k in names:
                archive.writestr(f"{mood}/{name}", data[k])
        return root / "d.zip"
    if kind == "parquet":
        import polars as pl

        (root / "d").mkdir()
        for number, start in enumerate(range(0, n, 10_000)):
            some = names[start : start + 10_000]
            cells = {"image": [{"bytes": data[k], "path": name} for name, _, k in some]}
            frame = pl.DataFrame({**cells, "label": [mood for _, mood, _ in some]})
            frame.write_parquet(root / "d" / f"part-{number:05d}.parquet")
        return root / "d"
    folder = root / "d"
    base = {"yolo": folder / "images" / "train", "voc": folder / "JPEGImages", "folders": folder}.get(
        kind, folder / "images"
    )
    stock = root / "stock"
    stock.mkdir()
    for k, body in enumerate(data):
        (stock / f"{k}.png").write_bytes(body)
    for part in [base / mood for mood in MOODS] if kind == "folders" else [base]:
        part.mkdir(parents=True)
    for name, mood, k in names:
        os.link(stock / f"{k}.png", base / mood / name if kind == "folders" else base / name)
    if kind == "table":
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("filename", "label"), *((name, mood) for name, mood, _ in names)])
    if kind == "coco":
        rows = [{"image_id": i, "category_id": i % 3, "bbox": [1, 1, 12, 12]} for i in range(n)]
        images = [{"id": i, "file_name": name} for i, (name, _, _) in enumerate(names)]
        categories = [{"id": i, "name": mood} for i, mood in enumerate(MOODS)]
        text = json.dumps({"images": images, "annotations": rows, "categories": categories})
        (folder / "coco.json").write_text(text, encoding="utf-8")
    if kind in ("label-studio", "createml"):
        place = {"x": 9, "y": 9, "width": 12, "height": 12}
        tasks: list[object] = [
            {"image": name, "annotations": [{"label": mood, "coordinates": place}]}
            if kind == "createml"
            else {
                "data": {"image": f"/data/upload/1/0123abcd-{name}"},
                "annotations": [
                    {"result": [{"type": "rectanglelabels", "value": {**place, "rectanglelabels": [mood]}}]}
                ],
            }
            for name, mood, _ in names
        ]
        (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    if kind == "cvat":
        box = 'xtl="1" ytl="1" xbr="12" ybr="12"'
        shown = "".join(f'<image name="{name}"><box label="{mood}" {box}/></image>' for name, mood, _ in names)
        (folder / "annotations.xml").write_text(f"<annotations>{shown}</annotations>", encoding="utf-8")
    if kind == "voc":
        (folder / "Annotations").mkdir()
        box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>12</xmax><ymax>12</ymax></bndbox>"
        for name, mood, _ in names:
            text = f"<annotation><filename>{name}</filename><object><name>{mood}</name>{box}</object></annotation>"
            (folder / "Annotations" / name.replace(".png", ".xml")).write_text(text, encoding="utf-8")
    if kind == "yolo":
        (folder / "data.yaml").write_text("train: images/train\nnames: [angry, happy, sad]\n", encoding="utf-8")
        (folder / "labels" / "train").mkdir(parents=True)
        for i, (name, _, _) in enumerate(names):
            text = f"{i % 3} 0.5 0.5 0.8 0.8\n"
            (folder / "labels" / "train" / name.replace(".png", ".txt")).write_text(text, encoding="utf-8")
    return folder


def read(place: Path) -> None:
    """Read a source; print images, processor seconds and the peak above what the process held before, in MiB."""
    from petmood.cache import ContentCache
    from petmood.ingest import read_dataset
    from petmood.sources import open_source

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with open_source(place) as source:
        n = len(read_dataset(source, ContentCache()))
    seconds = time.process_time() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{n:,} images, {seconds:.1f} s, {peak:.0f} MiB, {1024 * peak / n:.1f} KiB a file")


def main() -> None:
    """Build and read each kind in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read)
        return
    for kind in given.kind or KINDS:
        with tempfile.TemporaryDirectory() as root:
            place = build(Path(root), kind, given.files)
            done = subprocess.run(
                [sys.executable, __file__, "--read", str(place)], capture_output=True, text=True, check=False
            )
            print(f"{kind}: {done.stdout.strip() or done.stderr.strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
