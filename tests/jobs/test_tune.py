"""A search on drawn images: it resumes, prunes nothing away that it needs, and never looks at test."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from axe import faults
from drawing import split_files, write_tree
from needs import needs
from petmood.errors import ConfigError
from petmood.jobs import tune as module
from petmood.jobs.tune import TuneSettings, crop, tune
from petmood.store import read_json

needs("torch")
needs("optuna")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tune") / "data", split_files(per_class=6))


def test_a_search_resumes_and_does_nothing_twice(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tune(data, tmp_path / "run", TuneSettings(trials=3, folds=2))
    assert [t.number for t in first.trials] == [0, 1, 2]
    second = tune(data, tmp_path / "run", TuneSettings(trials=5, folds=2))
    assert second.trials[:3] == first.trials
    assert len(second.trials) == 5
    best = min((t for t in second.trials if t.loss is not None), key=lambda t: t.loss or 0)
    assert (second.best, second.winner.settings) == (best.number, best.params)
    monkeypatch.setattr(module, "judge_all", lambda *a: pytest.fail("judged again"))
    assert tune(data, tmp_path / "run", TuneSettings(trials=5, folds=2)) == second
    assert "fANOVA" in (tmp_path / "run" / "tune.html").read_text(encoding="utf-8")
    assert faults(tmp_path / "run" / "tune.html", tmp_path) == []
    kept = read_json(tmp_path / "run" / "tune.json")
    assert (kept["size"], kept["epochs"]) == (None, None)


def test_no_trial_looks_at_a_photo_of_test(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    real = module.judge_all

    def watched(judge, choices, folds, manifest, report):  # type: ignore[no-untyped-def]
        for fold in folds:
            rows = [*fold.train, *fold.evaluate]
            assert not np.intersect1d(manifest.family_index[fold.train], manifest.family_index[fold.evaluate]).size
            seen.append({manifest.records[i].split for i in rows})
        return real(judge, choices, folds, manifest, report)

    monkeypatch.setattr(module, "judge_all", watched)
    for objective in ("cv", "valid"):
        settings = TuneSettings.create({"trials": 1, "folds": 2, "objective": objective})
        facts = tune(data, tmp_path / objective, settings)
        assert facts.winner.protocol == "official-test"
        assert facts.winner.n == 4
    assert seen
    assert all("test" not in splits for splits in seen)


def test_a_network_is_searched_with_early_stopping_and_refitted_for_its_best_epochs(data: Path, tmp_path: Path) -> None:
    settings = TuneSettings.create({"model": "cnn", "objective": "valid", "trials": 2, "size": 32, "epochs": 2})
    facts = tune(data, tmp_path / "cnn", settings)
    assert set(facts.trials[0].params) == {
        "depth",
        "filters",
        "activation",
        "batch_norm",
        "dropout",
        "learning_rate",
        "batch_size",
        "colour",
        "crop",
        "augment",
    }
    assert facts.n_held_out == 4
    assert facts.epochs == 2
    source = Path(__file__).resolve().parents[2] / "docs" / "study-replicated.py"
    told = "\n".join(runpy.run_path(str(source))["_searches"]([facts]))
    assert f"| {facts.winner.correct} of 4 (" in told
    assert "epochs" in told
    best = facts.trials[facts.best]
    assert best.epochs is not None
    assert facts.winner.settings["epochs"] == round(best.epochs)


def test_a_budget_too_small_for_one_trial_is_said(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import optuna

    def pruned(*args: object) -> None:
        raise optuna.TrialPruned

    monkeypatch.setattr(module, "judge_all", pruned)
    with pytest.raises(ConfigError, match="no trial was finished"):
        tune(data, tmp_path / "none", TuneSettings(trials=1, folds=2))


def test_unknown_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="setting 'model'"):
        TuneSettings.create({"model": "tree"})
    with pytest.raises(ConfigError, match="Did you mean 'trials'"):
        TuneSettings.create({"trial": 3})


def test_cropping_takes_the_middle() -> None:
    pixels = np.zeros((1, 40, 40, 3), dtype=np.uint8)
    pixels[0, 4:36, 4:36] = 200
    assert crop(pixels, 0.8, 16).min() > 150  # Lanczos rings at the edge
    assert crop(pixels, 1.0, 16)[0, 0, 0, 0] < 50
