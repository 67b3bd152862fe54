"""Evaluation elsewhere: training photos are found first, and figures are those of the photos that are left."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from drawing import photo, saved, write_tree
from evaluation_fixtures import SIZE, Evaluated
from petmood import library
from petmood.bundle.folder import read
from petmood.dataset import open_dataset
from petmood.errors import ConfigError, DataError, ModelError
from petmood.evaluation.metrics import score
from petmood.jobs.evaluate import OWN_DATA, PROTOCOL, evaluate
from petmood.pictures import Pictures
from petmood.results.evaluation import EvaluationFacts


@pytest.fixture(scope="module")
def elsewhere(evaluated: Evaluated) -> EvaluationFacts:
    return library.evaluate(evaluated.bundle, evaluated.other, families="pixels").facts


def _table(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_ten_planted_training_photos_are_found_and_left_out(evaluated: Evaluated, elsewhere: EvaluationFacts) -> None:
    found = elsewhere.overlap
    assert sorted(pair.path for pair in found.pairs) == list(evaluated.planted)
    assert (found.photos, found.n, found.own, found.kept) == (10, 22, False, False)
    assert elsewhere.figure.n == 12
    assert elsewhere.figure.protocol == PROTOCOL
    assert elsewhere.figure.mark is None
    assert not {w.path for w in elsewhere.worst} & set(evaluated.planted)


def test_kept_training_photos_mark_the_figures(evaluated: Evaluated) -> None:
    facts = library.evaluate(evaluated.bundle, evaluated.other, keep_overlap=True, families="pixels").facts
    assert facts.figure.n == 22
    assert facts.figure.mark is not None
    assert "10 of 22" in facts.figure.mark
    assert facts.seen is not None
    assert facts.unseen is not None
    assert (facts.seen.n, facts.unseen.n) == (10, 12)
    assert facts.seen.correct + facts.unseen.correct == facts.figure.correct


def test_classes_of_another_model_are_told_before_any_photo_is_looked_at(
    evaluated: Evaluated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*ignored: object, **also: object) -> None:
        raise AssertionError("a photo was looked at")

    for name in ("picture", "pixels", "in_threads"):
        monkeypatch.setattr(Pictures, name, looked)
    files = {f"{name}/{i}.jpg": saved(photo(900 + i, SIZE)) for name in ("happy", "hungry") for i in range(3)}
    data = write_tree(tmp_path / "others", files)
    path = tmp_path / "any.onnx"
    path.with_suffix(".json").write_text(
        json.dumps({"classes": ["happy", "sad"], "size": 32, "mean": [0, 0, 0], "std": [1, 1, 1]})
    )
    path.touch()
    for model in (evaluated.bundle, path):
        with pytest.raises(ConfigError, match=r"class 'hungry' of others is none of .* --map hungry="):
            library.evaluate(model, data, families="pixels")
        with (
            open_dataset(data, families="names", splits=False) as opened,
            pytest.raises(ConfigError, match="--map hungry="),
        ):
            evaluate(model, opened)


def test_its_own_data_are_called_so(evaluated: Evaluated) -> None:
    result = library.evaluate(evaluated.bundle, evaluated.own, families="names")
    assert result.facts.overlap.own
    assert result.facts.figure.protocol == OWN_DATA
    assert "memory, not skill" in repr(result)
    assert "training data" in result._repr_html_()


def test_the_same_kind_of_photos_is_not_called_moved(evaluated: Evaluated, tmp_path: Path) -> None:
    files = {
        f"{name}/{i}.jpg": saved(photo(300 + 20 * k + i, SIZE))
        for k, name in enumerate(("angry", "happy"))
        for i in range(8)
    }
    facts = library.evaluate(evaluated.bundle, write_tree(tmp_path / "alike", files), families="names").facts
    still = {s.measure for s in facts.shift if not s.moved}
    assert {"shorter side", "aspect ratio", "brightness", "contrast"} <= still


def test_renamed_copies_of_its_own_data_are_too(evaluated: Evaluated, tmp_path: Path) -> None:
    fitted = [p for split in ("train", "valid") for p in sorted((evaluated.own / split).rglob("*.jpg"))]
    moved = {f"{p.parent.name}/{i}.jpg": p.read_bytes() for i, p in enumerate(fitted)}
    facts = library.evaluate(evaluated.bundle, write_tree(tmp_path / "moved", moved), families="names").facts
    assert facts.overlap.own
    assert facts.overlap.by_bytes == len(moved)


def test_figures_are_those_of_the_core(evaluated: Evaluated, elsewhere: EvaluationFacts) -> None:
    figure = elsewhere.figure
    truth, predicted = np.array(figure.truth), np.array(figure.predicted)
    scores = score(truth, predicted, figure.classes)
    assert (figure.accuracy, figure.accuracy_ci) == (scores.accuracy, scores.accuracy_ci)
    assert elsewhere.sureness is not None
    assert sum(b.n for b in elsewhere.sureness.reliability) == figure.n
    levels = evaluated.bundle.description.conformal
    assert levels is not None
    assert [s.target for s in elsewhere.sets] == [level.coverage for level in levels.levels]
    assert sum(a.n for a in elsewhere.answers) == figure.n
    assert sum(p.n for p in elsewhere.species) == figure.n


def test_a_table_of_the_models_own_answers_gives_the_same_figure(
    evaluated: Evaluated, elsewhere: EvaluationFacts, tmp_path: Path
) -> None:
    names = [p.relative_to(evaluated.other).as_posix() for p in sorted(evaluated.other.rglob("*.*"))]
    read_ = evaluated.bundle.predict([evaluated.other / name for name in names])
    probabilities = _table(
        tmp_path / "p.csv",
        [["image", "happy", "note", "Angry"]]
        + [[n, r.probabilities["happy"], "x", r.probabilities["Angry"]] for n, r in zip(names, read_, strict=True)],
    )
    labels = _table(tmp_path / "l.csv", [["path", "label"], *([n, r.mood] for n, r in zip(names, read_, strict=True))])
    both = [
        library.evaluate(evaluated.bundle, evaluated.other, predictions=table, families="pixels").facts
        for table in (probabilities, labels)
    ]
    for facts in both:
        assert facts.figure.correct == elsewhere.figure.correct
        assert facts.overlap == elsewhere.overlap
    assert both[0].sureness is not None
    assert both[1].sureness is None
    alone = library.evaluate(None, evaluated.other, predictions=labels, families="pixels").facts
    assert alone.overlap.searched == "nothing"
    assert alone.figure.n == 22


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["path", "label"], ["nowhere.jpg", "happy"]], "line 2"),
        ([["path", "label"], ["angry/n0.png", "happy"], ["angry/n0.png", "happy"]], "twice"),
        ([["where", "label"], ["angry/n0.png", "happy"]], "no column 'path'"),
        ([["path", "remark"], ["angry/n0.png", "good"]], "no column 'label'"),
        ([["path", "angry", "HAPPY"], ["angry/n0.png", "0.2", "0.2"]], "sum to 0.4"),
        ([["path", "angry", "HAPPY"], ["angry/n0.png", "much", "0.2"]], "not a probability"),
        ([["path", "label"], ["angry/n0.png", ""]], "no prediction"),
        ([["path", "label"]], "names no photo"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    evaluated: Evaluated, tmp_path: Path, rows: list[list[object]], said: str
) -> None:
    table = _table(tmp_path / "p.csv", rows)
    with pytest.raises(DataError, match=said):
        library.evaluate(None, evaluated.other, predictions=table, families="names")


def test_classes_are_mapped(evaluated: Evaluated, tmp_path: Path) -> None:
    files = {
        f"{name}/{i}.png": saved(photo(700 + 10 * k + i, SIZE), "PNG") for k, name in enumerate("ab") for i in range(4)
    }
    data = write_tree(tmp_path / "data", files)
    with pytest.raises(ConfigError, match="--map a=Angry"):
        library.evaluate(evaluated.bundle, data, families="names")
    facts = library.evaluate(evaluated.bundle, data, mapping={"a": "happy", "b": "angry"}, families="names").facts
    assert facts.data.mapping == {"a": "happy", "b": "Angry"}
    truth = [facts.figure.classes[t] for t in facts.figure.truth]
    assert truth == ["happy"] * 4 + ["Angry"] * 4


def test_an_onnx_file_with_its_json(evaluated: Evaluated, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["scores"]),
    ]
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [3, 2], [5.0, -5.0, 0.0, 0.0, -5.0, 5.0])
    graph = helper.make_graph(
        nodes,
        "reds",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])],
        [weights],
    )
    path = tmp_path / "reds.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    with pytest.raises(ModelError, match="must say how to feed"):
        library.evaluate(path, evaluated.other, families="names")
    given = {"classes": ["happy", "Angry"], "size": 32, "mean": [0, 0, 0], "std": [255, 255, 255]}
    path.with_suffix(".json").write_text(json.dumps(given), encoding="utf-8")
    facts = library.evaluate(path, evaluated.other, families="names").facts
    with open_dataset(evaluated.other, families="names", splits=False) as data:
        means = data.photos.pixels(32).astype(float).mean(axis=(1, 2)) / 255
        said = np.where(means[:, 0] > means[:, 2], "happy", "angry")
        hits = [s == r.class_name.casefold() for s, r in zip(said, data.photos.records, strict=True)]
    assert facts.model.kind == "onnx"
    assert facts.figure.correct == sum(hits)
    whole = library.evaluate(evaluated.path / "model.onnx", evaluated.other, families="names").facts
    assert whole.model.kind == "bundle"


def test_a_bundle_without_memory_says_so(evaluated: Evaluated, tmp_path: Path) -> None:
    shutil.copytree(evaluated.path, tmp_path / "old")
    (tmp_path / "old" / "memory.safetensors").unlink()
    with pytest.raises(ModelError, match="lacks memory"):
        read(tmp_path / "old")
    stated = tmp_path / "old" / "model.json"
    shown = json.loads(stated.read_text(encoding="utf-8"))
    del shown["memory"], shown["training"]
    stated.write_text(json.dumps(shown), encoding="utf-8")
    result = library.evaluate(tmp_path / "old", evaluated.other, families="names")
    assert result.facts.overlap.searched == "nothing"
    assert result.facts.shift == ()
    assert "keeps no memory" in repr(result)


def test_animals_are_resampled_whole(evaluated: Evaluated, tmp_path: Path) -> None:
    files = {
        f"{name}/rex{i % 3}_{k}{i}.png": saved(photo(800 + 20 * k + i, SIZE), "PNG")
        for k, name in enumerate(("angry", "happy"))
        for i in range(6)
    }
    data = write_tree(tmp_path / "data", files)
    from petmood.config import read_options, reading

    with reading(read_options(group_by="regex:(?P<animal>rex[0-9])")), open_dataset(data, splits=False) as opened:
        if not any(record.animal for record in opened.records):
            pytest.skip("this reader names no animals by a pattern")
        facts = evaluate(evaluated.bundle, opened)
    assert facts.animals is not None
    assert facts.animals.animals == 3


def test_shift_is_told_of_what_moved(evaluated: Evaluated, tmp_path: Path) -> None:
    files = {
        f"{name}/{i}.png": saved(photo(900 + 30 * k + i, SIZE).point(lambda v: v // 4).resize((320, 300)), "PNG")
        for k, name in enumerate(("angry", "happy"))
        for i in range(15)
    }
    facts = library.evaluate(evaluated.bundle, write_tree(tmp_path / "dark", files), families="names").facts
    moved = {s.measure for s in facts.shift if s.moved}
    assert {"shorter side", "brightness"} <= moved
    assert facts.shift[0].comparisons >= 2 * len(facts.shift)
