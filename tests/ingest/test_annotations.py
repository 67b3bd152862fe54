"""Exports of annotation tools: each box an item, all items of one picture one family."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawing import jpeg, write_tree
from petmood.cache import ContentCache
from petmood.config import read_options
from petmood.errors import DataError, ImageError
from petmood.images import open_rgb
from petmood.ingest import read_dataset
from petmood.records import Manifest, picture_of
from petmood.sources import open_source
from petmood.sources.crop import Box, cut, part_of

SIZE = 80
# left half red with green below, right half blue
PICTURE = np.zeros((SIZE, SIZE, 3), np.uint8)
PICTURE[:, :40] = (255, 0, 0)
PICTURE[:, 40:] = (0, 0, 255)


def picture(seed: int) -> bytes:
    pixels = PICTURE.copy()
    pixels[0, 0] = pixels[0, SIZE - 1] = 10 * seed
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


PICTURES = {f"{i}.png": picture(i) for i in range(4)}


def read(path: Path, **options: Any) -> Manifest:
    with open_source(path) as source:
        return read_dataset(source, ContentCache(), options=read_options(**options))


def yolo() -> dict[str, bytes]:
    files = {"data.yaml": b"train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['happy', 'sad']\n"}
    for i, (name, data) in enumerate(PICTURES.items()):
        split = "train" if i < 3 else "valid"
        files[f"{split}/images/{name}"] = data
        # a box of the left half, and a polygon within the right half
        files[f"{split}/labels/{i}.txt"] = b"0 0.25 0.5 0.5 1.0\n1 0.5 0 1 0 1 1 0.5 1\n"
    return files


def coco() -> dict[str, bytes]:
    files = {}
    for split, part in (("train", list(PICTURES)[:3]), ("valid", list(PICTURES)[3:])):
        rows = [
            {"id": 2 * i + k, "image_id": i, "category_id": k, "bbox": [40 * k, 0, 40, SIZE]}
            for i in range(len(part))
            for k in (0, 1)
        ]
        data = {
            "images": [{"id": i, "file_name": name} for i, name in enumerate(part)],
            "categories": [{"id": 0, "name": "happy"}, {"id": 1, "name": "sad"}],
            "annotations": rows,
        }
        files |= {f"{split}/{name}": PICTURES[name] for name in part}
        files[f"{split}/_annotations.coco.json"] = json.dumps(data).encode()
    return files


def voc() -> dict[str, bytes]:
    files = {"ImageSets/Main/train.txt": b"0\n1\n2\n", "ImageSets/Main/val.txt": b"3\n"}
    for i, (name, data) in enumerate(PICTURES.items()):
        files[f"JPEGImages/{name}"] = data
        things = "".join(
            f"<object><name>{mood}</name><bndbox><xmin>{40 * k}</xmin><ymin>0</ymin><xmax>{40 * k + 40}</xmax>"
            f"<ymax>{SIZE}</ymax></bndbox></object>"
            for k, mood in enumerate(("happy", "sad"))
        )
        files[f"Annotations/{i}.xml"] = f"<annotation><filename>{name}</filename>{things}</annotation>".encode()
    return files


def studio() -> dict[str, bytes]:
    tasks = []
    files = {}
    for i, (name, data) in enumerate(PICTURES.items()):
        folder = "train" if i < 3 else "valid"
        files[f"{folder}/{name}"] = data
        result = [
            {
                "type": "rectanglelabels",
                "value": {"x": 50 * k, "y": 0, "width": 50, "height": 100, "rectanglelabels": [mood]},
            }
            for k, mood in enumerate(("happy", "sad"))
        ]
        url = f"/data/local-files/?d={folder}/{name}" if i % 2 else f"/data/upload/1/0123abcd-{name}"
        tasks.append({"id": i, "data": {"image": url}, "annotations": [{"result": result}]})
    return files | {"project-1.json": json.dumps(tasks).encode()}


def cvat() -> dict[str, bytes]:
    rows = "".join(
        f'<image id="{i}" name="{name}" subset="{"Train" if i < 3 else "Validation"}" width="80" height="80">'
        + "".join(
            f'<box label="face" xtl="{40 * k}" ytl="0" xbr="{40 * k + 40}" ybr="80">'
            f'<attribute name="mood">{mood}</attribute></box>'
            for k, mood in enumerate(("happy", "sad"))
        )
        + "</image>"
        for i, name in enumerate(PICTURES)
    )
    files = {f"images/{name}": data for name, data in PICTURES.items()}
    return files | {"annotations.xml": f"<annotations><version>1.1</version>{rows}</annotations>".encode()}


@pytest.mark.parametrize("export", [yolo, coco, voc, studio, cvat])
def test_each_box_is_an_item_and_each_picture_a_family(tmp_path: Path, export: Any) -> None:
    folder = write_tree(tmp_path / "d", export())
    manifest = read(folder)
    assert manifest.classes == ("happy", "sad")
    assert (len(manifest), manifest.n_photos) == (8, 4)
    assert {r.split: len(manifest.in_split(r.split)) for r in manifest.records} == {"train": 6, "valid": 2}
    assert len(manifest) + len(manifest.rejected) + len(manifest.ignored) == manifest.found
    assert len(set(manifest.sha256s())) == 8
    with open_source(folder) as source:
        for record in manifest.records:
            pixels = np.asarray(open_rgb(source.read(record.path, 1 << 20)))
            assert pixels.shape == (SIZE, 40, 3) == (record.height, record.width, 3)
            assert tuple(pixels[40, 20]) == ((255, 0, 0) if record.class_name == "happy" else (0, 0, 255))
            assert picture_of(record.path) in source.names()
    wide = read(folder, margin=0.25)
    assert {(r.width, r.height) for r in wide.records} == {(50, SIZE)}


def test_classifications_of_whole_pictures_are_read(tmp_path: Path) -> None:
    moods = ("happy", "sad", "happy", "sad")
    tasks = [
        {
            "data": {"image": f"http://localhost:8080/data/upload/2/89abcdef-{name}"},
            "annotations": [
                {"was_cancelled": True, "result": [{"type": "choices", "value": {"choices": ["wrong"]}}]},
                {"result": [{"type": "choices", "value": {"choices": [moods[i]]}}]},
            ],
        }
        for i, name in enumerate(PICTURES)
    ]
    short = [{"image": name, "choice": moods[i]} for i, name in enumerate(PICTURES)]
    tags = "".join(f'<image name="{n}"><tag label="{moods[i]}"/></image>' for i, n in enumerate(PICTURES))
    for k, (name, data) in enumerate(
        [
            ("export.json", json.dumps(tasks)),
            ("min.json", json.dumps(short)),
            ("annotations.xml", f"<annotations>{tags}</annotations>"),
        ]
    ):
        manifest = read(write_tree(tmp_path / str(k), PICTURES | {name: data.encode()}))
        assert {r.path: r.class_name for r in manifest.records} == dict(zip(PICTURES, moods, strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train/labels/0.txt": b"7 0.5 0.5 0.1 0.1\n"}, "train/labels/0.txt, line 1: .* known class"),
        ({"train/labels/0.txt": b"0 0.5 0.5\n"}, "neither a box nor a polygon"),
        ({"data.yaml": b"train: x\nnames: 3\n"}, "lists no classes"),
        ({"other.json": coco()["train/_annotations.coco.json"]}, "several kinds"),
    ],
)
def test_faulty_exports_are_named(tmp_path: Path, change: dict[str, bytes], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(write_tree(tmp_path / "d", yolo() | change))


def test_an_external_entity_is_refused(tmp_path: Path) -> None:
    bad = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><object/></annotation>'
    with pytest.raises(DataError, match="document type"):
        read(write_tree(tmp_path / "d", PICTURES | {"0.xml": bad}))


def test_a_box_outside_its_picture_rejects_the_item_alone(tmp_path: Path) -> None:
    files = yolo()
    files["train/labels/0.txt"] = b"0 0.25 0.5 0.5 1.0\n1 3.0 0.5 0.1 0.1\n"
    manifest = read(write_tree(tmp_path / "d", files))
    assert [s.reason for s in manifest.rejected] == ["its box is empty or lies outside the picture"]
    assert len(manifest) == 7


def test_fragments_name_boxes_and_other_names_are_left_alone() -> None:
    for box in (Box(1, 2, 30, 40), Box(12.5, 0, 33.3333, 100, percent=True)):
        assert part_of("a b/#1.jpg" + box.fragment()) == ("a b/#1.jpg", box)
    assert part_of("a#xywh=1,2.jpg") == ("a#xywh=1,2.jpg", None)
    with pytest.raises(ImageError, match="outside"):
        cut(jpeg(1), Box(500, 500, 10, 10))
