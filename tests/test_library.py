"""petmood in Python and notebooks: open, audit, run, train, load and evaluate; what each gives shows itself."""

from __future__ import annotations

import html
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import petmood
from axe import faults
from evaluation_fixtures import Evaluated
from needs import needs
from petmood.errors import ConfigError, DataError
from petmood.library import AuditResult, EvaluateResult, Reader, RunResult, TrainResult
from petmood.report.cautions import caution

pl = needs("polars")

if TYPE_CHECKING:
    from petmood.demo import DemoTruth

WIDTH, HEIGHT = 80, 40


@pytest.fixture(scope="module")
def trained_again(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    pytest.importorskip("torch")
    return petmood.train(tiny_data, tmp_path_factory.mktemp("trained") / "model", folds=3)


@pytest.fixture(scope="module")
def audited(tiny_data: Path) -> AuditResult:
    return petmood.audit(tiny_data)


def shown(result: object) -> tuple[str, str]:
    """What a terminal and what a notebook shows."""
    text, page = repr(result), result._repr_html_()  # type: ignore[attr-defined]
    return text, page


def assert_one_screen(text: str) -> None:
    lines = text.splitlines()
    assert 0 < len(lines) <= HEIGHT
    # a line is wrapped by a terminal; a screen holds what it wraps to
    assert sum(-(-max(1, len(line)) // WIDTH) for line in lines) <= HEIGHT, text


def test_the_public_names_are_there_and_described() -> None:
    assert set(petmood.__all__) <= set(dir(petmood))
    for name in petmood.__all__:
        assert getattr(petmood, name) is not None
    for name in ("open", "audit", "run", "train", "evaluate", "load"):
        assert inspect.getdoc(getattr(petmood, name))
    with pytest.raises(AttributeError, match="no attribute 'predict_all'"):
        petmood.predict_all  # noqa: B018


def test_an_open_data_set_shows_itself_and_is_a_table(demo_data: Path, demo: tuple[Path, DemoTruth]) -> None:
    with petmood.open(demo_data, families="names") as data:
        assert isinstance(data, petmood.Dataset)
        text = repr(data)
        assert_one_screen(text)
        assert max(map(len, text.splitlines())) <= WIDTH
        assert "Angry" in text
        table = data.table
        assert isinstance(table, pl.DataFrame)
        assert table.height == len(data) == len(data.y) == len(data.groups)
        assert set(table["class_name"]) == set(data.classes)
        # what scikit-learn wants
        assert len(np.unique(data.groups)) == data.manifest.n_photos
        assert list(data.y[:3]) == table["class_name"].to_list()[:3]


def test_an_audit_shows_its_verdict_and_every_warning(audited: AuditResult) -> None:
    text, page = shown(audited)
    assert_one_screen(text)
    for warning in audited.facts.warnings:
        assert caution(warning) in text
    assert page.startswith("<iframe srcdoc=")
    assert "<html" in html.unescape(page)


def test_axe_finds_nothing_on_the_report_of_a_run_and_it_is_half_as_long_as_it_was(
    demo_run: RunResult, tmp_path: Path
) -> None:
    assert faults(demo_run.report, tmp_path, tallest={390: 23_000, 1280: 14_000}) == []


def test_a_run_shows_its_figures_and_has_them_as_a_table(demo_run: RunResult) -> None:
    text, page = shown(demo_run)
    assert_one_screen(text)
    assert str(demo_run.report) in text
    assert demo_run.report.is_file()
    facts = demo_run.facts
    figures = demo_run.figures
    assert figures.height == len(facts.models) + len(facts.baselines)
    for row, model in zip(figures.iter_rows(named=True), (*facts.models, *facts.baselines), strict=True):
        assert (row["model"], row["protocol"], row["n"]) == (model.name, model.protocol, model.n)
        assert (row["accuracy"], row["low"], row["high"]) == (model.accuracy, *model.accuracy_ci)
        assert (row["training"], row["seed"]) == (model.identity.training, 42)
        assert f"{100 * model.accuracy:.1f} %" in text
    assert page.startswith("<iframe srcdoc=")
    assert "http" not in html.unescape(page).replace("http://www.w3.org", "").replace("http-equiv", "")


def test_a_trained_model_shows_itself_loads_and_evaluates(trained_again: TrainResult, tiny_data: Path) -> None:
    text, page = shown(trained_again)
    assert_one_screen(text)
    assert str(trained_again.path) in text
    assert page.startswith("<pre>")
    assert trained_again.figures.height == len(trained_again.description.evaluation)
    reader = trained_again.load()
    assert isinstance(reader, Reader)
    picture = next((tiny_data / "test").rglob("*.jpg"))
    assert reader.predict(picture)[0].probabilities.keys() == set(reader.classes)
    assert reader.explain(picture).prediction.probabilities.keys() == set(reader.classes)
    found = reader.evaluate(tiny_data, families="names")
    assert isinstance(found, EvaluateResult)


def test_evaluating_is_the_same_by_path_by_model_and_on_open_data(evaluated: Evaluated) -> None:
    by_path = petmood.evaluate(evaluated.path, evaluated.own, families="names")
    model = petmood.load(evaluated.path)
    with petmood.open(evaluated.own, families="names") as data:
        on_open = petmood.evaluate(model, data)
        assert len(data) == len(data.pixels(16)), "the open data set stays open"
    assert by_path.facts == on_open.facts == model.evaluate(evaluated.own, families="names").facts
    text, page = shown(by_path)
    assert_one_screen(text)
    assert page.startswith("<iframe srcdoc=")
    assert by_path.figures["accuracy"].item() == by_path.facts.figure.accuracy
    for name in model.classes:
        assert name in html.unescape(page)


def test_what_a_user_gets_wrong_is_said_in_a_line(tmp_path: Path, tiny_data: Path) -> None:
    with pytest.raises(DataError):
        petmood.open(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="unknown setting 'sed'"):
        petmood.run(tiny_data, tmp_path / "out", sed=1)
    with pytest.raises(ConfigError, match="unknown preset"):
        petmood.run(tiny_data, tmp_path / "out", preset="quik")
    assert not (tmp_path / "out").exists()
