"""Runs and bundles side by side: what differs, and paired differences on shared photos, corrected together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from axe import faults
from evaluation_fixtures import Evaluated
from petmood import library
from petmood.cli.evaluate import write_evaluation
from petmood.dataset import open_dataset
from petmood.errors import DataError, ModelError
from petmood.evaluation.statistics import tell_apart
from petmood.jobs.compare import compare, list_runs
from petmood.jobs.evaluate import evaluate
from petmood.report.comparison import difference_html, difference_lines


@pytest.fixture(scope="module")
def evaluations(evaluated: Evaluated, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A bundle on other data, without and with its training photos."""
    root = tmp_path_factory.mktemp("evaluations")
    with open_dataset(evaluated.other, families="pixels", splits=False) as opened:
        for name, keep in (("left", False), ("kept", True)):
            (root / name).mkdir()
            write_evaluation(root / name, evaluate(evaluated.bundle, opened, keep_overlap=keep), opened)
    return root / "left", root / "kept"


def test_equal_bundles_do_not_differ(evaluated: Evaluated) -> None:
    facts = compare([evaluated.path, evaluated.path])
    assert not any(s.differs for s in facts.settings)
    assert facts.pairs
    assert all(p.difference == 0 and not p.differ for p in facts.pairs)
    assert "the same things" in " ".join(difference_lines(facts))


def test_evaluations_are_compared_on_the_photos_that_they_share(evaluations: tuple[Path, Path], tmp_path: Path) -> None:
    facts = compare(list(evaluations))
    assert {s.name for s in facts.settings if s.differs} == {"training photos among these"}
    (pair,) = facts.pairs
    assert (pair.n, pair.relabelled) == (12, 0)
    assert pair.difference == 0
    page = difference_html(facts)
    assert "<script" not in page
    assert "shared photos" in page
    assert faults(page, tmp_path) == []


def test_the_built_in_model_is_compared_by_its_name(evaluated: Evaluated) -> None:
    facts = compare([evaluated.path, Path("pets")])
    assert [s.kind for s in facts.subjects] == ["bundle", "bundle"]
    assert "pets" in str(facts.subjects[1])


def test_a_bundle_and_an_evaluation_elsewhere_share_no_photo(
    evaluated: Evaluated, evaluations: tuple[Path, Path]
) -> None:
    facts = compare([evaluated.path, evaluations[0]])
    assert facts.pairs == ()
    assert "no protocol in common" in facts.not_paired[0].reason
    assert {"data digest"} <= {s.name for s in facts.settings if s.differs}


def test_pairs_are_those_of_the_core(evaluations: tuple[Path, Path], evaluated: Evaluated, tmp_path: Path) -> None:
    labels = ["path,label"]
    with open_dataset(evaluated.other, families="pixels", splits=False) as opened:
        labels += [f"{r.path},happy" for r in opened.photos.records]
        table = tmp_path / "happy.csv"
        table.write_text("\n".join(labels), encoding="utf-8")
        facts = evaluate(None, opened, predictions=table)
        (tmp_path / "happy").mkdir()
        write_evaluation(tmp_path / "happy", facts, opened)
        kept = evaluate(evaluated.bundle, opened, keep_overlap=True)
    (pair,) = compare([evaluations[1], tmp_path / "happy"]).pairs
    right = [np.array(f.figure.truth) == np.array(f.figure.predicted) for f in (kept, facts)]
    (wanted,) = tell_apart([(right[0], right[1])])
    assert pair.n == 22
    assert (pair.difference, pair.p_adjusted) == (wanted.difference, wanted.p_adjusted)
    assert pair.mark is not None


@pytest.mark.parametrize("number", [0, 1])
def test_one_alone_is_refused(evaluated: Evaluated, number: int) -> None:
    with pytest.raises(DataError, match="two or more"):
        compare([evaluated.path] * number)


def test_what_petmood_did_not_write_is_refused(evaluated: Evaluated, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "results.json").write_text("{}", encoding="utf-8")
    for name in ("empty", "notes.txt", "old", "absent"):
        with pytest.raises((DataError, ModelError)):
            compare([evaluated.path, tmp_path / name])


def test_runs_are_listed(evaluated: Evaluated, evaluations: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text("{}", encoding="utf-8")
    found = list_runs(evaluated.path.parent)
    assert [(run.kind, Path(run.path).name) for run in found.runs] == [("bundle", "model")]
    assert {run.kind for run in list_runs(evaluations[0].parent).runs} == {"evaluation"}
    assert list(list_runs(tmp_path).unreadable) == [str(tmp_path / "broken")]
    assert list_runs(evaluated.other).runs == ()
    with pytest.raises(DataError, match="not a folder"):
        list_runs(tmp_path / "absent")


def test_evaluations_know_their_figure(evaluated: Evaluated, evaluations: tuple[Path, Path]) -> None:
    figure = library.evaluate(evaluated.bundle, evaluated.other, families="pixels").facts.figure
    listed = next(r for r in list_runs(evaluations[0].parent).runs if r.path.endswith("left"))
    assert (listed.accuracy, listed.n) == (figure.accuracy, figure.n)
