"""A search judges honestly, keeps to its budget, resumes, tells what it chose at what price, and exports it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from drawing import split_files, write_tree
from networks import network
from petmood.build.heads import fitted_photos, require_agreement
from petmood.bundle import load
from petmood.bundle.composite import composite_graph
from petmood.bundle.schema import ModelDescription, StandingFacts
from petmood.cli.main import app
from petmood.config import RunSettings
from petmood.dataset import open_dataset
from petmood.errors import ConfigError, ModelError
from petmood.evaluation.calibrate import apply_temperature
from petmood.evaluation.protocols import in_class_order
from petmood.jobs.train import train
from petmood.methods import reading as bench_module
from petmood.methods import selection as auto_module
from petmood.methods.reading import Means, MethodData
from petmood.methods.selection import Selection, contest, standings, why_no_bundle
from petmood.methods.settings import AutoSettings, auto_settings, parse_duration
from petmood.split import test_fold as fold_of_test
from petmood.training.catalog import FROZEN, METHODS, candidates, choose
from petmood.training.onnx_heads import UNEXPORTED, as_head

SETTINGS = RunSettings(folds=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = split_files(9, ("Sad", "Angry", "happy"))
    return write_tree(tmp_path_factory.mktemp("auto") / "data", files)


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> Means:
    """Small random networks in the place of all that the catalogue knows."""
    folder = tmp_path_factory.mktemp("networks")
    use = {}
    for seed, name in enumerate(("efficientnet-lite0", "efficientnet-lite1", "mobilenet", "outside")):
        made = network(folder / f"{name}.onnx", seed, 17, imagenet=seed == 0, mean=120.0)
        use[name] = f"onnx:{made.graph}"
    return Means(use=use)


@pytest.fixture(scope="module")
def bench(data: Path, means: Means) -> MethodData:
    return MethodData(open_dataset(data, families="names"), means)


@pytest.fixture(scope="module")
def settings(means: Means) -> AutoSettings:
    return AutoSettings(means=means, folds=2)


@pytest.fixture(scope="module")
def made(data: Path, settings: AutoSettings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelDescription]:
    """A search among three candidates: the bundle, and its description."""
    out = tmp_path_factory.mktemp("out") / "model"
    few = choose([FROZEN, "lite0-svm", "lite0-knn"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auto_module, "candidates", lambda *weights: few)
        description = train(data, out, "auto", SETTINGS, auto=settings)
    assert description is not None
    return out, description


KINDS = sorted({m.recipe.kind: m.name for m in reversed(METHODS) if m.outside is None}.values())
POOLED = sorted({m.views[0].pooling: m.name for m in METHODS if m.views[0].pooling != "mean"}.values())


@pytest.mark.parametrize("name", sorted({*KINDS, *POOLED, "both-logistic"}))
def test_a_bundle_of_every_kind_of_method_agrees_with_training(name: str, bench: MethodData) -> None:
    [method] = choose([name])
    assert bench.lacks(method) is None
    reason = why_no_bundle(bench, method)
    if reason is not None:
        assert method.recipe.kind in UNEXPORTED or "pixels" in reason
        return
    manifest, reading = bench.data.manifest, bench.read(method)
    rows, test = fitted_photos(manifest), fold_of_test(manifest).evaluate
    model = reading.fit(manifest, rows, 0)
    expected = in_class_order(model, model.predict_proba(reading.vectors[test]), manifest.classes)
    views = list(zip(method.views, reading.backbones, strict=True))
    graph, _ = composite_graph(views, reading.widths, as_head(model, manifest.classes), 3, temperature=1.7)
    import onnxruntime as ort

    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    pixels = bench.data.pixels(session.get_inputs()[0].shape[1], test)
    [found] = session.run(["probabilities"], {"pixels": pixels})
    assert np.abs(found - apply_temperature(expected, 1.7)).max() < 1e-4


def test_the_bundle_answers_and_tells_how_it_was_chosen(made: tuple[Path, ModelDescription], data: Path) -> None:
    bundle, found = made
    assert found.search is not None
    assert found.search.winner in {row.name for row in found.search.standings}
    assert found.search.standings[0].n == found.data.fitted
    protocols = [entry.protocol for entry in found.evaluation]
    assert protocols[:2] == ["official-test", "nested-grouped-2-fold"]
    versus = found.search.versus
    assert versus is not None
    assert versus.nested_accuracy == found.evaluation[1].accuracy
    frozen = next(e for e in found.evaluation if e.name == FROZEN and e.protocol == "grouped-2-fold")
    assert versus.baseline_accuracy == frozen.accuracy
    assert versus.difference == pytest.approx(versus.nested_accuracy - versus.baseline_accuracy)
    assert versus.beats is (versus.difference > 0 and versus.p < 0.05)
    assert ("beats the baseline" in versus.verdict) is versus.beats
    assert f"{versus.nested_accuracy:.3f} of {versus.n} photos" in versus.verdict
    answers = load(bundle).predict(sorted((data / "test").rglob("*.jpg")))
    assert all(sum(a.probabilities.values()) == pytest.approx(1, abs=1e-5) for a in answers)
    card = (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert versus.verdict in card
    assert "nested-grouped-2-fold" in card


def test_a_search_goes_on_where_it_stood(
    made: tuple[Path, ModelDescription],
    data: Path,
    settings: AutoSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = made[1].search
    assert before is not None
    judged = {row.name: row for row in before.standings}
    calls: list[int] = []
    real = bench_module.cross_fit
    monkeypatch.setattr(bench_module, "cross_fit", lambda *a, **k: calls.append(1) or real(*a, **k))  # type: ignore[func-returns-value]
    seen: list[tuple[StandingFacts, ...]] = []
    again = train(
        data,
        tmp_path / "again",
        "auto",
        SETTINGS,
        auto=replace(settings, budget=1e-9),
        watch=lambda rows, title: seen.append(tuple(rows)),
    )
    assert not calls, "nothing that was judged is judged again"
    assert again is not None
    assert again.search is not None
    # without time only the baseline is judged, and there is nothing to compare it with
    assert [row.name for row in again.search.standings] == [FROZEN]
    assert again.search.versus is None
    assert replace_chosen(again.search.standings[0]) == replace_chosen(judged[FROZEN])
    assert set(again.search.not_reached) >= set(judged) - {FROZEN}
    assert len(seen[-1]) == 1


def replace_chosen(row: StandingFacts) -> StandingFacts:
    return row.model_copy(update={"chosen": 0})


def test_what_cannot_be_a_bundle_is_known_and_not_chosen(bench: MethodData, settings: AutoSettings) -> None:
    rows = fitted_photos(bench.data.manifest)
    found = contest(bench, rows, replace(settings, budget=1e-9), lambda rows, title: None)
    boosting = next(m for m in candidates() if m.recipe.kind == "boosting")
    unable = replace(found.found[FROZEN], not_exported="of a reason")
    both: Selection = replace(found, found={boosting.name: unable, **found.found})
    assert both.ranked() == [FROZEN]
    shown = standings(both.inside, both.found, {})
    assert {row.name: row.not_exported for row in shown} == {boosting.name: "of a reason", FROZEN: None}


def test_photos_of_test_take_no_part(bench: MethodData, settings: AutoSettings) -> None:
    manifest = bench.data.manifest
    found = contest(bench, fitted_photos(manifest), replace(settings, budget=1e-9), lambda rows, title: None)
    families = {r.family for r in found.inside.records}
    assert families.isdisjoint({r.family for r in manifest.records if r.split == "test"})


def test_a_student_is_saved_with_its_own_figures(data: Path, settings: AutoSettings, tmp_path: Path) -> None:
    made = train(data, tmp_path / "m", "auto", SETTINGS, auto=replace(settings, budget=1e-9, distil=True))
    assert made is not None
    assert made.search is not None
    assert made.search.winner == f"{FROZEN}+distilled"
    assert made.title.startswith("Logistic regression on")
    assert load(tmp_path / "m").description.features == 100


def test_more_images_join_as_candidates(data: Path, settings: AutoSettings, tmp_path: Path) -> None:
    files = {f"{name}/{i}.jpg": content for i, (name, content) in enumerate(more_files())}
    more = write_tree(tmp_path / "more", files)
    given = Means(settings.means.use, extra=more, mapping={"calm": "happy"}, unlabelled=more)
    with open_dataset(data, families="names") as opened:
        bench = MethodData(opened, given)
        rows = fitted_photos(opened.manifest)
        chosen = [m for m in candidates(0.1, 0.2) if m.name in ("outside-svm+extra", "outside-svm+unlabelled")]
        assert [bench.lacks(m) for m in chosen] == [None, None]
        extra, unlabelled = (bench.read(m) for m in chosen)
        assert extra.outside is not None
        assert extra.outside.weight == 0.1
        assert set(extra.outside.labels) == {"Sad", "happy"}
        assert unlabelled.unlabelled is not None
        for reading in (extra, unlabelled):
            assert np.isfinite(reading.fit(opened.manifest, rows, 0).predict_proba(reading.vectors[:2])).all()


def more_files() -> list[tuple[str, bytes]]:
    from drawing import jpeg

    return [("Sad" if i % 2 else "calm", jpeg(900 + i)) for i in range(12)]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("1.5m", 90)])
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["10", "ten", "0s", "5d", "-3m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--budget"):
        parse_duration(text)


def test_options_that_need_another_are_refused() -> None:
    with pytest.raises(ConfigError, match="--extra"):
        auto_settings(None, None, None, ["relaxed=Other"], None, None, False)
    with pytest.raises(ConfigError, match="extra-weight"):
        auto_settings(None, None, Path("x"), None, -1.0, None, False)
    assert auto_settings(None, None, None, None, None, None, False) is None


def test_the_command_prints_plain_lines_where_nobody_watches(data: Path, means: Means, tmp_path: Path) -> None:
    arguments = ["train", str(data), "--model", "auto", "--budget", "0.001s", "--out", str(tmp_path / "m"), "--json"]
    arguments += [word for name, stands in means.use.items() for word in ("--use", f"{name}={stands}")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert f"1 judged; first is {FROZEN}" in result.stderr
    assert json.loads(result.stdout)["search"]["winner"] == FROZEN
    wrong = [*arguments[:-2], "--use", "outside=onnx:nowhere.onnx"]
    assert isinstance(CliRunner().invoke(app, wrong).exception, ModelError)
    refused = CliRunner().invoke(app, ["train", str(data), "--budget", "5m", "--out", str(tmp_path / "n")])
    assert isinstance(refused.exception, ConfigError)


def test_a_graph_that_disagrees_is_refused() -> None:
    said = np.array([[0.25, 0.75]])
    require_agreement(said.astype(np.float32), said, "it")
    with pytest.raises(ModelError, match="differs from the training code"):
        require_agreement(said + 2e-4, said, "it")
