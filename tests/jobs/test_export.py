"""Exports of a bundle answer as the bundle does, and say what they cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundle_fixtures import Trained
from evaluation_fixtures import Evaluated
from petmood.bundle import load
from petmood.dataset import open_dataset
from petmood.errors import ConfigError, DataError, ModelError
from petmood.jobs.export import export


@pytest.mark.parametrize(
    ("which", "farthest"), [("evaluated", 0.01), pytest.param("trained", 0.25, marks=pytest.mark.slow)]
)
def test_int8_is_a_smaller_bundle_whose_accuracy_was_measured(
    request: pytest.FixtureRequest, which: str, farthest: float, tmp_path: Path
) -> None:
    """Of a small network, and of the one that is trained by default."""
    given: Evaluated | Trained = request.getfixturevalue(which)
    data = given.own if isinstance(given, Evaluated) else given.data
    done = export(given.path, tmp_path / "small", "onnx-int8", data=data)
    assert done.bytes_after < done.bytes_before / 2
    before, after = done.evaluation
    with open_dataset(data, families="names") as opened:
        rows = opened.manifest.photos_in_split("test")
        shown = np.stack([given.bundle.prepare(data / opened.manifest.records[i].path).pixels for i in rows])
        truth = opened.manifest.class_index[rows]
    assert before.n == after.n == len(rows)
    small = load(tmp_path / "small")
    assert small.description.evaluation == done.evaluation
    found = small.infer(shown).probabilities
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert int((found.argmax(axis=1) == truth).sum()) == after.correct
    assert 0 < np.abs(found - given.bundle.infer(shown).probabilities).max() < farthest


@pytest.mark.slow
def test_a_page_says_what_it_weighs_and_can_be_made_int8_on_the_way(trained: Trained, tmp_path: Path) -> None:
    plain = export(trained.path, tmp_path / "plain.html", "web", single=True)
    small = export(trained.path, tmp_path / "small.html", "web", single=True, data=trained.data)
    assert plain.bytes_after == (tmp_path / "plain.html").stat().st_size
    assert small.bytes_after < 0.7 * plain.bytes_after
    assert plain.evaluation == ()
    assert [entry.n for entry in small.evaluation] == [len(trained.manifest.photos_in_split("test"))] * 2


def test_what_cannot_be_exported_is_named(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'web'"):
        export(trained.path, tmp_path / "x", "wed")
    with pytest.raises(ConfigError, match="--data"):
        export(trained.path, tmp_path / "x", "onnx-int8")
    with pytest.raises(ConfigError, match="--single-file is for --format web"):
        export(trained.path, tmp_path / "x", "onnx-int8", single=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose another path for --out"):
        export(trained.path, tmp_path / "file" / "site", "web")


@pytest.mark.slow
def test_a_model_too_large_for_one_file_is_refused_with_what_to_do(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petmood.page.site.MOST_BYTES", 2_000_000)
    with pytest.raises(ModelError, match=r"the limit is 2\. Add --data PHOTOS"):
        export(trained.path, tmp_path / "x.html", "web", single=True)
    assert not (tmp_path / "x.html").exists()
