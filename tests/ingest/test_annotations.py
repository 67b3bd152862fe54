"""Exports of annotation tools: each box an item, all items of one picture one family."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
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
from petmood.sources.crop import CropBox, cut, part_of

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


def yolo_lists() -> dict[str, bytes]:
    """One folder of pictures; lists of them say the splits."""
    files = {"data.yaml": b"path: .\ntrain: train.txt\nval: val.txt\nnames: {0: happy, 1: sad}\n"}
    lists: dict[str, list[str]] = {"train.txt": [], "val.txt": []}
    for i, (name, data) in enumerate(PICTURES.items()):
        files[f"images/{name}"] = data
        files[f"labels/{i}.txt"] = b"0 0.25 0.5 0.5 1.0\n1 0.5 0 1 0 1 1 0.5 1\n"
        lists["train.txt" if i < 3 else "val.txt"].append(f"./images/{name}")
    return files | {name: "\n".join(lines).encode() for name, lines in lists.items()}


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


@pytest.mark.parametrize("export", [yolo, yolo_lists, coco, voc, studio, cvat])
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


Files = dict[str, bytes]
LEFT, WHOLE = (0, 0, 40, 80), None
"""The left half of each picture, and all of it; the boxes below are one of them."""


def in_json(make: Callable[[int, str, str], Any], whole: Callable[[list[Any]], Any] = list) -> Files:
    rows = [make(i, name, MOODS[i % 2]) for i, name in enumerate(PICTURES)]
    return PICTURES | {"export.json": json.dumps(whole(rows)).encode()}


def in_coco(row: Callable[[int, str, str], dict[str, Any]]) -> Files:
    head = {
        "images": [{"id": i, "file_name": f"images/{name}"} for i, name in enumerate(PICTURES)],
        "categories": [{"id": k, "name": mood} for k, mood in enumerate((*MOODS, "never used"))],
    }
    return in_json(
        lambda i, name, mood: {"id": i, "image_id": i, "category_id": i % 2, **row(i, name, mood)},
        lambda rows: {**head, "annotations": rows},
    )


def in_yolo(
    line: str, head: str = "data.yaml", text: str = "names: {0: happy, 1: sad}\nnc: 2\n", at: str = ""
) -> Files:
    labels = {f"{at}{i}.txt": f"{i % 2}{line}\n".encode() for i in range(len(PICTURES))}
    pictures = {f"{at}{name}".replace("labels", "images"): data for name, data in PICTURES.items()}
    return pictures | labels | {head: text.encode()}


def in_studio(
    kind: str, value: dict[str, Any], more: dict[str, Any] | None = None, answers: str = "annotations"
) -> Files:
    def task(i: int, name: str, mood: str) -> dict[str, Any]:
        result = {"type": kind, "value": {kind: [mood], **value}, **(more or {})}
        return {"data": {"image": f"s3://pets/{name}"}, answers: [{"result": [result]}]}

    return in_json(task)


def in_cvat(shape: str) -> Files:
    rows = "".join(f'<image name="{n}">{shape.replace("MOOD", MOODS[i % 2])}</image>' for i, n in enumerate(PICTURES))
    return PICTURES | {"a.xml": f'<?xml version="1.0"?>\n<annotations>{rows}</annotations>'.encode()}


MOODS = ("happy", "sad")
TURNED = {"x": 50, "y": 0, "width": 100, "height": 50, "rotation": 90}
FACE = '<attribute name="occluded">false</attribute><attribute name="mood">MOOD</attribute>'


@pytest.mark.parametrize(
    ("files", "box"),
    [
        (in_yolo(" 0.25 0.5 0.5 1", "classes.txt", "happy\nsad\n", "labels/"), LEFT),
        (in_yolo(" 0.25 0.5 0.5 1 0.9", "classes.txt", "happy\nsad"), LEFT),
        (in_yolo(".0 0 0 0.5 0 0.5 1", at="train/"), LEFT),
        (in_yolo(" 0.25 0.5 0.5 1", "obj.names", "happy\nsad\n\n", "obj_train_data/"), LEFT),
        (in_yolo(" 0.25 0.5 0.5 1 .1 .9 2 .3 .7 1", text="names: [happy, sad]\nkpt_shape: [2, 3]\nnc: 2"), LEFT),
        (in_coco(lambda i, name, mood: {"segmentation": [[0, 0, 40, 0], [40, 80, 0, 80]]}), LEFT),
        (in_coco(lambda i, name, mood: {"bbox": [0, 0, 40, 80], "segmentation": {"counts": "x"}}), LEFT),
        (in_coco(lambda i, name, mood: {"bbox": []}), WHOLE),
        (in_studio("ellipselabels", {"x": 25, "y": 50, "radiusX": 25, "radiusY": 50}), LEFT),
        (in_studio("rectanglelabels", TURNED, {"original_width": 80, "original_height": 80}), LEFT),
        (in_studio("choices", {}, answers="completions"), WHOLE),
        (in_cvat('<tag label="MOOD"/>'), WHOLE),
        (in_cvat('<ellipse label="MOOD" cx="20" cy="40" rx="20" ry="40"/>'), LEFT),
        (in_cvat('<mask label="MOOD" rle="1, 2" left="0" top="0" width="40" height="80"/>'), LEFT),
        (in_cvat('<box label="MOOD" xtl="-20" ytl="20" xbr="60" ybr="60" rotation="90"/>'), LEFT),
        (in_cvat(f'<box label="face" xtl="0" ytl="0" xbr="40" ybr="80">{FACE}</box>'), LEFT),
        (
            in_cvat('<box label="MOOD" xtl="0" ytl="0" xbr="40" ybr="80"><attribute name="cut">true</attribute></box>'),
            LEFT,
        ),
        (
            in_json(
                lambda i, name, mood: {
                    "image": name,
                    "annotations": [{"label": mood, "coordinates": {"x": 20, "y": 40, "width": 40, "height": 80}}],
                }
            ),
            LEFT,
        ),
        (in_json(lambda i, name, mood: {"image": name, "annotations": [{"label": mood}]}), WHOLE),
    ],
)
def test_exports_of_other_shapes_are_read_to_the_pixel(tmp_path: Path, files: Files, box: Any) -> None:
    manifest = read(write_tree(tmp_path / "d", files))
    assert [Path(picture_of(r.path)).name for r in manifest.records if r.class_name == "happy"] == ["0.png", "2.png"]
    assert len(manifest) == 4
    for record in manifest.records:
        found = part_of(record.path)[1]
        if box is None:
            assert found is None
        else:
            assert found is not None
            scale = 0.8 if found.percent else 1
            assert [round(v * scale) for v in (found.x, found.y, found.width, found.height)] == list(box)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (in_coco(lambda i, name, mood: {"bbox": [1, 2]}), "export.json, annotation 0: a box is not four numbers"),
        (in_coco(lambda i, name, mood: {"bbox": ["a", 1, 2, 3]}), "not four numbers"),
        (in_coco(lambda i, name, mood: {"segmentation": {"counts": "x"}}), "a mask without a bbox"),
        (in_coco(lambda i, name, mood: {"iscrowd": 1, "bbox": [0, 0, 9, 9]}), "label no picture"),
        (in_coco(lambda i, name, mood: {"category_id": 9, "bbox": [0, 0, 9, 9]}), "unknown category 9"),
        (in_coco(lambda i, name, mood: {"bbox": 7}), "not four numbers|not as such tools"),
        (in_yolo(" nan 0.5 0.5 1"), "0.txt, line 1: .* not a number"),
        (in_yolo(" 40 40 30 30"), "shares of it, not pixels"),
        (in_yolo(" 0.1 0.1 0.5 0.5", text="names: {a: happy}\nnc: 1"), "by number"),
        (in_yolo(" 0.1 0.1 0.5 0.5", text="names: [happy\nnc: 1"), "not readable YAML"),
        (in_yolo(" 0.5 0.5 1 1") | {"b/data.yml": b"names: [a]\nnc: 1"}, "several YOLO descriptions"),
        (in_yolo(" 0.5 0.5 1 1", "classes.txt", "a\nb") | {"b/classes.txt": b"b\na"}, "differ"),
        (in_studio("brushlabels", {}), "brushlabels, which are not read"),
        (in_studio("polygonlabels", {"points": [[1]]}), "not as such tools write them"),
        (in_studio("rectanglelabels", {"x": 1}), "not four numbers"),
        (in_studio("choices", {"choices": ["a", "b"]}), "several labels"),
        (in_studio("choices", {}, answers="predictions"), "no finished answers|class folders"),
        (in_cvat('<points label="MOOD" points="1,2"/>'), "a points is not read"),
        (in_cvat('<box label="MOOD" xtl="a" ytl="0" xbr="1" ybr="1"/>'), "a box is not made of numbers"),
        (in_cvat('<box label="MOOD" ytl="0" xbr="1" ybr="1"/>'), "not a number"),
        (in_cvat('<polygon label="MOOD" points=""/>'), "no points"),
        (in_cvat('<tag label="happy"/><tag label="sad"/>'), "both 'happy' and 'sad' of '0.png'"),
        (PICTURES | {"a.xml": b"<annotations><track id='0'/></annotations>"}, "CVAT for images"),
        (
            in_cvat('<tag label="cat"><attribute name="mood">sad</attribute></tag>')
            | {
                "b.xml": b'<annotations><image name="0.png"><tag label="cat"><attribute name="mood">sad</attribute>'
                b'</tag></image><image name="1.png"><tag label="dog"><attribute name="mood">happy</attribute></tag>'
                b"</image></annotations>"
            },
            r"labels \(cat, dog\) and attributes \(mood\) may say the class",
        ),
        (
            in_json(lambda i, name, mood: {"image": name, "annotations": [{"label": mood, "coordinates": 3}]}),
            "not as such",
        ),
    ],
)
def test_odd_exports_end_in_one_line_that_names_the_place(tmp_path: Path, files: Files, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(write_tree(tmp_path / "d", files))
    assert "\n" not in str(caught.value)


def test_annotations_and_class_folders_that_differ_are_a_question(tmp_path: Path) -> None:
    rows = "".join(f'<image name="{i}.png"><tag label="{MOODS[i % 2]}"/></image>' for i in range(4))
    file = {"a.xml": f"<annotations>{rows}</annotations>".encode()}
    same = {f"{MOODS[i % 2]}/{name}": data for i, (name, data) in enumerate(PICTURES.items())}
    assert read(write_tree(tmp_path / "a", same | file)).layout == "CVAT annotations"
    other = {f"{('cat', 'dog')[i % 2]}/{name}": data for i, (name, data) in enumerate(PICTURES.items())}
    folder = write_tree(tmp_path / "b", other | file)
    with pytest.raises(DataError, match=r"--layout annotations \(2 classes\); or --layout '\{class\}/\*'"):
        read(folder)
    assert read(folder, layout="annotations").classes == MOODS
    assert read(folder, layout="{class}/*").classes == ("cat", "dog")
    with pytest.raises(DataError, match="no annotations that are read"):
        read(write_tree(tmp_path / "c", other), layout="annotations")


def test_files_that_only_look_like_annotations_disturb_nothing(tmp_path: Path) -> None:
    files = {f"{MOODS[i % 2]}/{name}": data for i, (name, data) in enumerate(PICTURES.items())}
    files |= {"config.yaml": b"names: [a]\ntrain: x\n", "labels/readme.txt": b"hi"}
    files |= {"package.json": b'{"annotations": 1, "choices": []}', "b.xml": b"<html/>", "classes.csv": b"a,b\n"}
    assert read(write_tree(tmp_path / "d", files)).layout == "{class}/*"


def test_xml_in_the_encoding_that_it_names_is_read(tmp_path: Path) -> None:
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>40</ymax></bndbox>"
    for encoding in ("ISO-8859-1", "utf-16", "UTF-8"):
        files = dict(PICTURES)
        for i, name in enumerate(PICTURES):
            text = f'<?xml version="1.0" encoding="{encoding}"?>\n<annotation><filename>{name}</filename>'
            text += f"<object><name>{('fröhlich', 'müde')[i % 2]}</name>{box}</object></annotation>"
            files[f"{i}.xml"] = text.encode(encoding)
        assert read(write_tree(tmp_path / encoding, files)).classes == ("fröhlich", "müde")


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
    for box in (CropBox(1, 2, 30, 40), CropBox(12.5, 0, 33.3333, 100, percent=True)):
        assert part_of("a b/#1.jpg" + box.fragment()) == ("a b/#1.jpg", box)
    assert part_of("a#xywh=1,2.jpg") == ("a#xywh=1,2.jpg", None)
    with pytest.raises(ImageError, match="outside"):
        cut(jpeg(1), CropBox(500, 500, 10, 10))


def test_folders_tell_apart_what_has_one_name_and_two_names_of_one_file_are_a_question(tmp_path: Path) -> None:
    files: Files = {}
    for split in ("train", "test"):
        for i, (name, data) in enumerate(PICTURES.items()):
            files[f"JPEGImages/{split}/{name}"] = data
            files[f"Annotations/{split}/{name[:-4]}.xml"] = in_voc(name, ("happy", "sad")[i % 2])
    found = read(write_tree(tmp_path / "a", files))
    assert {r.split: len(found.in_split(r.split)) for r in found.records} == {"train": 4, "test": 4}
    files["Annotations/test/1.xml"] = in_voc("2.png", "happy")
    with pytest.raises(DataError, match=r"test/1.xml names '.*test/2.png' inside, but is called after '.*test/1.png'"):
        read(write_tree(tmp_path / "b", files))


def in_voc(name: str, label: str) -> bytes:
    corners = "".join(
        f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), "0099", strict=True)
    )
    thing = f"<object><name>{label}</name><bndbox>{corners}</bndbox></object>"
    return f"<annotation><filename>{name}</filename>{thing}</annotation>".encode()


def test_names_of_yolo_are_texts_and_its_numbers_whole(tmp_path: Path) -> None:
    files = yolo()
    files["data.yaml"] = b"names: [no, off]\ntrain: train/images\n"
    assert read(write_tree(tmp_path / "a", files)).classes == ("no", "off")
    files["train/labels/0.txt"] = b"0.5 0.5 0.4 0.4 1\n"
    with pytest.raises(DataError, match=r"0.txt, line 1: .* known class"):
        read(write_tree(tmp_path / "b", files))


def test_numbers_of_coco_may_be_texts_but_name_one_category_each(tmp_path: Path) -> None:
    files = coco()
    name = next(name for name in files if name.endswith(".json"))
    whole = json.loads(files[name])
    texts = {**whole, "annotations": [{**a, "image_id": str(a["image_id"])} for a in whole["annotations"]]}
    assert len(read(write_tree(tmp_path / "a", files | {name: json.dumps(texts).encode()}))) == len(
        read(write_tree(tmp_path / "b", files))
    )
    whole["categories"].append({**whole["categories"][0], "name": "another"})
    with pytest.raises(DataError, match="two categories have the number"):
        read(write_tree(tmp_path / "c", files | {name: json.dumps(whole).encode()}))
