"""Detectors that were built here, so that every box is known: all layouts, all ways to be fed, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from detectors import CELLS, LABELS, SIDE, save_constant, save_detector, scene, write_graph
from petmood.detection import Box, open_detector
from petmood.detection.detector import MOST
from petmood.errors import ConfigError, ModelError, PetmoodError

LAYOUTS = [
    ("yolo", True, True),
    ("yolo", False, True),
    ("yolo-objectness", True, True),
    ("yolo-objectness", False, True),
    ("end-to-end", True, True),
    ("detr", True, True),
    ("detr", True, False),
]


@pytest.fixture
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs are not run in a process of their own first, which takes most of a second each."""
    monkeypatch.setattr("petmood.detection.opening.try_graph", lambda *a, **k: None)


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool, bool], Path]:
    home = tmp_path_factory.mktemp("detectors")
    return {
        case: save_detector(home / f"{'-'.join(map(str, case))}.onnx", case[0], across=case[1], other=case[2])
        for case in LAYOUTS
    }


def cell(box: Box) -> tuple[float, float, float, float]:
    """Column, row and size of a box, in cells of a grid over the picture."""
    return tuple(round(v * CELLS, 2) for v in (box.x, box.y, box.width, box.height))  # type: ignore[return-value]


@pytest.mark.parametrize("case", LAYOUTS, ids=str)
def test_every_layout_is_told_by_its_shapes_and_gives_the_same_boxes(
    case: tuple[str, bool, bool], detectors: dict[tuple[str, bool, bool], Path], tmp_path: Path
) -> None:
    detector = open_detector(f"onnx:{detectors[case]}")
    picture = Image.open(scene(tmp_path / "scene.png", (240, 240), {(1, 2): "dog", (4, 0): "cat", (5, 5): "car"}))
    found = {box.label: cell(box) for box in detector.find(picture)}
    assert found == {"dog": (1, 2, 1, 1), "cat": (4, 0, 1, 1)}
    assert all(0.9 <= box.score <= 1 for box in detector.find(picture))
    assert open_detector(f"onnx:{detectors[case]}", ["car"]).find(picture)[0].label == "car"


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("size", [(480, 240), (240, 480), (60, 30), (31, 97)])
def test_a_picture_that_is_not_square_keeps_its_proportions_for_yolo(size: tuple[int, int], tmp_path: Path) -> None:
    detector = open_detector(f"onnx:{save_detector(tmp_path / 'y.onnx')}")
    cells = (
        (CELLS, max(1, round(CELLS * size[1] / size[0])))
        if size[0] > size[1]
        else (max(1, round(CELLS * size[0] / size[1])), CELLS)
    )
    picture = Image.open(scene(tmp_path / "scene.png", size, {(cells[0] - 1, cells[1] - 1): "cat"}, cells))
    (box,) = detector.find(picture)
    assert box.x + box.width == pytest.approx(1, abs=0.06)
    assert box.y + box.height == pytest.approx(1, abs=0.06)
    assert (box.width, box.height) == pytest.approx((1 / cells[0], 1 / cells[1]), abs=0.06)


def test_labels_come_from_the_graph_or_from_transformers_files(tmp_path: Path) -> None:
    path = save_detector(tmp_path / "model.onnx", "detr")
    path.with_suffix(".json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {str(i): name for i, name in enumerate(LABELS)}}))
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"size": {"height": SIDE, "width": SIDE}, "do_normalize": False})
    )
    picture = Image.open(scene(tmp_path / "scene.png", (120, 120), {(0, 0): "dog"}))
    assert [box.label for box in open_detector(f"onnx:{path}").find(picture)] == ["dog"]
    told = save_detector(tmp_path / "told.onnx", said={})
    model = onnx.load(told)
    onnx.helper.set_model_props(model, {"names": repr(dict(enumerate(LABELS))), "stride": "32"})
    onnx.save(model, told)
    told.with_suffix(".json").unlink()
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).unlink()
    assert [box.label for box in open_detector(f"onnx:{told}").find(picture)] == ["dog"]


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize(("classes", "dog"), [(80, 16), (91, 18), (92, 18)])
def test_numbers_without_names_are_those_of_coco(classes: int, dog: int, tmp_path: Path) -> None:
    boxes = np.array([[[0.5, 0.5, 0.2, 0.4], [0.2, 0.2, 0.1, 0.1]]])
    logits = np.full((1, 2, classes), -8.0)
    logits[0, 0, dog], logits[0, 1, 0] = 8, 8
    path = save_constant(tmp_path / "coco.onnx", {"logits": logits, "pred_boxes": boxes})
    (box,) = open_detector(f"onnx:{path}").find(Image.new("RGB", (50, 80)))
    assert (box.label, box.x, box.y, box.width, box.height) == ("dog", *map(pytest.approx, (0.4, 0.3, 0.2, 0.4)))


def test_of_one_animal_there_is_one_box_and_of_a_crowd_the_best(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = np.zeros((1, 6, 5000))
    table[0, :2] = rng.uniform(0, SIDE, (2, 5000))
    table[0, 2:4] = 6
    table[0, 4:] = rng.uniform(0.5, 1, (2, 5000))
    crowd = save_constant(tmp_path / "crowd.onnx", {"output0": table}, {"labels": ["dog", "cat"]})
    found = open_detector(f"onnx:{crowd}").find(Image.new("RGB", (90, 90)))
    assert len(found) == MOST
    assert [box.score for box in found] == sorted((box.score for box in found), reverse=True)
    same = table.copy()
    same[0, :2] = SIDE / 2 + rng.uniform(-0.5, 0.5, (2, 5000))
    twice = save_constant(tmp_path / "twice.onnx", {"output0": same}, {"labels": ["dog", "cat"]})
    assert len(open_detector(f"onnx:{twice}").find(Image.new("RGB", (90, 90)))) == 1


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0])
@pytest.mark.parametrize("attribute", range(6))
def test_boxes_that_are_none_are_left_out_or_end_at_the_edge(wrong: float, attribute: int, tmp_path: Path) -> None:
    table = np.tile(np.array([48.0, 48, 40, 40, 0.9, 0.1])[:, None], 8)[None]
    table[0, attribute, :4] = wrong
    table[0, :2, 5] = 90  # reaches beyond the picture
    path = save_constant(tmp_path / "wrong.onnx", {"output0": table}, {"labels": ["dog", "cat"]})
    try:
        found = open_detector(f"onnx:{path}").find(Image.new("RGB", (90, 90)))
    except ModelError as error:
        assert attribute >= 4, error  # noqa: PT017 - scores that are no probabilities are refused
        assert "no probabilities" in str(error)  # noqa: PT017
        return
    for box in found:
        assert 0 <= box.x < box.x + box.width <= 1.000001
        assert 0 <= box.y < box.y + box.height <= 1.000001
        assert 0 < box.score <= 1
    assert found


HOSTILE = {
    "one value": ({"output0": np.zeros((1, 1))}, None, "not those of a detector"),
    "a classifier": ({"logits": np.zeros((1, 1000))}, None, "not those of a detector"),
    "no names": ({"output0": np.zeros((1, 9, 100))}, None, "not those of a detector"),
    "too few names": ({"output0": np.zeros((1, 9, 100))}, ["dog"], "for 1 classes"),
    "five axes": ({"output0": np.zeros((1, 3, 4, 4, 7))}, LABELS, "not those of a detector"),
    "a batch of two": ({"output0": np.zeros((2, 7, 50))}, LABELS, "not those of a detector"),
    "boxes without scores": ({"pred_boxes": np.zeros((1, 10, 4))}, LABELS, "not those of a detector"),
    "scores of others": (
        {"logits": np.zeros((1, 10, 7)), "pred_boxes": np.zeros((1, 10, 4))},
        LABELS,
        "List all 'labels'",
    ),
    "no animal": ({"output0": np.zeros((1, 6, 50))}, ["chair", "hot dog"], "known as an animal"),
    "empty": ({"output0": np.zeros((1, 7, 0))}, LABELS, "not those of a detector"),
}


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_detector_ends_in_one_line(case: str, tmp_path: Path) -> None:
    outputs, labels, message = HOSTILE[case]
    path = save_constant(tmp_path / "no.onnx", outputs, None if labels is None else {"labels": labels})
    with pytest.raises(PetmoodError, match=message) as caught:
        open_detector(f"onnx:{path}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("[1]", "must hold a JSON object"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"label": ["dog"]}', "Did you mean 'labels'"),
        ('{"labels": {"first": "dog"}}', "labels"),
        ('{"labels": ["dog", "cat", "car"], "size": 4}', "size"),
        ('{"labels": ["dog", "cat", "car"], "size": 640}', "reads pictures of 96 pixels"),
        ('{"labels": ["dog", "cat", "car"], "animals": ["unicorn"]}', "no class 'unicorn'"),
        ('{"labels": ["dog", "cat", "car"], "kind": "detr"}', "not those of a detector"),
        ('{"labels": ["dog", "cat", "car"], "threshold": 2}', "threshold"),
    ],
)
def test_a_json_that_is_wrong_is_one_line(said: str, message: str, tmp_path: Path) -> None:
    path = save_detector(tmp_path / "d.onnx")
    path.with_suffix(".json").write_text(said)
    with pytest.raises(PetmoodError, match=message) as caught:
        open_detector(f"onnx:{path}")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_graph_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no graph")
    loop = [onnx.helper.make_node("Loop", ["", "", "pixels"], ["out"])]
    write_graph(tmp_path / "loop.onnx", loop, {}, ["out"])
    flat = [onnx.helper.make_node("Flatten", ["pixels"], ["output0"])]
    write_graph(tmp_path / "grey.onnx", flat, {}, ["output0"], (1, 1, SIDE, SIDE))
    write_graph(tmp_path / "open.onnx", flat, {}, ["output0"], (1, 3, "h", "w"))
    for name, message in {
        "text": "not an ONNX file",
        "loop": "Loop",
        "grey": "must have one input",
        "open": '"size": 640',
        "gone": "does not exist",
    }.items():
        with pytest.raises(ModelError, match=message):
            open_detector(f"onnx:{tmp_path / f'{name}.onnx'}")
    for name in ("", "yolo", "onnx:", "tf:model", "hub:"):
        with pytest.raises(ConfigError, match="unknown detector"):
            open_detector(name)
