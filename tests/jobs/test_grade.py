"""Claims of others: judged photos that have a copy in the training list are told apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import ImageOps

from drawing import photo, saved, write_tree
from petmood.dataset import open_dataset
from petmood.errors import DataError
from petmood.jobs.grade import grade
from petmood.results.evaluation import GradeFacts

SIZE = (160, 150)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten photos of training, and six of test, of which three are copies: the same bytes, mirrored, saved anew."""
    files = {f"train/{'ab'[i % 2]}/t{i}.jpg": saved(photo(i, SIZE)) for i in range(10)}
    files["test/a/same.jpg"] = files["train/a/t0.jpg"]
    files["test/b/mirror.png"] = saved(ImageOps.mirror(photo(1, SIZE)), "PNG")
    files["test/a/again.jpg"] = saved(photo(2, SIZE), quality=60)
    files |= {f"test/{'ab'[i % 2]}/new{i}.jpg": saved(photo(50 + i, SIZE)) for i in range(3)}
    return write_tree(tmp_path / "data", files)


def _graded(data: Path, predictions: str, trained: str) -> GradeFacts:
    table, listed = data.parent / "preds.csv", data.parent / "list.txt"
    table.write_text(predictions, encoding="utf-8")
    listed.write_text(trained, encoding="utf-8")
    with open_dataset(data, families="pixels", splits=False) as opened:
        return grade(table, opened, listed)


PREDICTIONS = (
    "path,label\ntest/a/same.jpg,a\ntest/b/mirror.png,b\ntest/a/again.jpg,a\n"
    "test/a/new0.jpg,b\ntest/b/new1.jpg,b\ntest/a/new2.jpg,b\n"
)


@pytest.mark.parametrize("trained", ["train\n", "# what I used\n\ntrain/a/\ntrain/b\n", "data/train/\n"])
def test_copies_in_training_are_found(data: Path, trained: str) -> None:
    facts = _graded(data, PREDICTIONS, trained)
    assert {(p.path, p.how) for p in facts.pairs} == {
        ("test/a/same.jpg", "bytes"),
        ("test/b/mirror.png", "pixels or names"),
        ("test/a/again.jpg", "pixels or names"),
    }
    assert (facts.n, facts.copied, facts.training_files) == (6, 3, 10)
    assert facts.claimed.correct == 4
    assert facts.memory is not None
    assert (facts.memory.correct, facts.memory.n) == (3, 3)
    assert facts.honest is not None
    assert (facts.honest.correct, facts.honest.n) == (1, 3)


def test_without_copies_the_claim_stands(data: Path) -> None:
    facts = _graded(data, PREDICTIONS, "train/b/t3.jpg\ntrain/a/t4.jpg\n")
    assert facts.copied == 0
    assert facts.memory is None
    assert facts.honest is not None
    assert facts.honest.accuracy == facts.claimed.accuracy


@pytest.mark.parametrize("trained", ["", "# nothing\n", "elsewhere/x.jpg\n"])
def test_a_list_that_does_not_fit_is_refused(data: Path, trained: str) -> None:
    with pytest.raises(DataError, match=r"list\.txt"):
        _graded(data, PREDICTIONS, trained)


@pytest.mark.parametrize("named", ["prediction", "Predicted", "y_pred", "predicted_label"])
def test_the_truth_beside_a_prediction_is_not_taken_for_it(data: Path, named: str) -> None:
    lines = PREDICTIONS.splitlines()[1:]
    table = f"path,label,{named}\n" + "".join(f"{line.split(',')[0]},{line.split('/')[1]},b\n" for line in lines)
    assert _graded(data, table, "train\n").claimed.correct == 2
    with pytest.raises(DataError, match="several columns may be the predictions"):
        _graded(data, table.replace(named, "class"), "train\n")


def test_names_of_classes_that_the_data_do_not_have_are_no_answers(data: Path) -> None:
    with pytest.raises(DataError, match="predicts 0, 1 alone, which are no classes"):
        _graded(data, PREDICTIONS.replace(",a\n", ",0\n").replace(",b\n", ",1\n"), "train\n")
    assert _graded(data, PREDICTIONS.replace(",b\n", ",c\n"), "train\n").claimed.correct == 2
    shares = "path,a,A,b\n" + "".join(f"{line.split(',')[0]},0.3,0.3,0.4\n" for line in PREDICTIONS.splitlines()[1:])
    with pytest.raises(DataError, match="two columns are probabilities of one class"):
        _graded(data, shares, "train\n")


def test_a_folder_whose_name_begins_like_a_comment_is_trained_on(data: Path) -> None:
    for split in ("train", "test"):
        for name, file in [(path.parent.name, path) for path in sorted((data / split).rglob("*.*"))]:
            target = data / {"a": "#1", "b": "#2"}[name] / file.name
            target.parent.mkdir(exist_ok=True)
            file.rename(target)
        shutil.rmtree(data / split)
    table = (
        PREDICTIONS.replace("test/a", "#1").replace("test/b", "#2").replace(",a\n", ",#1\n").replace(",b\n", ",#2\n")
    )
    facts = _graded(data, table, "# what I used\n#1/t0.jpg\n#2/t1.jpg\n")
    assert (facts.training_files, facts.copied) == (2, 2)
