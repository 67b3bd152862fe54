"""The replicated study end to end on the drawn demo set."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from axe import faults
from petmood.analyses import read_results
from petmood.cluster.tuning import tune
from petmood.config import StudySettings
from petmood.errors import ConfigError
from petmood.progress import Silent
from petmood.results import Results, StudyFacts
from petmood.store import read_manifest
from petmood.study import StudyOutcome, study
from petmood.study.compare import StudyComparison

pytest.importorskip("torch")

PLANTED = "train/happy/same-again.jpg"
"""A mirrored copy whose name tells nothing."""

SETTINGS = StudySettings(cnn_size=32, cnn_epochs=1, seeds=2, backbones=("efficientnet-lite0",))


@pytest.fixture(scope="module")
def some_data(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the demo set, with both of its sizes of images."""
    root = tmp_path_factory.mktemp("part")
    for folder in sorted(demo_data.glob("*/*")):
        files = sorted(folder.glob("*.jpg"))
        for file in (*files[:4], *[f for f in files if f.name.startswith("aug-")][:3]):
            (root / file.relative_to(demo_data)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / file.relative_to(demo_data))
    with Image.open(root / "train" / "happy" / "001.jpg") as picture:
        ImageOps.mirror(picture.convert("RGB")).save(root / PLANTED)
    return root


@pytest.fixture(scope="module")
def outcome(some_data: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """What a study finds, with few numbers of clusters to choose from: tests/cluster/test_tuning.py has more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("petmood.study.tune", partial(tune, ks=(2, 4)))
        return study(some_data, tmp_path_factory.mktemp("study") / "one", SETTINGS)


def test_axe_finds_nothing_on_its_page(outcome: StudyOutcome, tmp_path: Path) -> None:
    assert faults(outcome.folder / "study.html", tmp_path) == []


@pytest.fixture(scope="module")
def facts(outcome: StudyOutcome) -> StudyFacts:
    assert outcome.results.study is not None
    return outcome.results.study


def test_results_follow_their_schema_and_keep_the_study_s_order_of_classes(outcome: StudyOutcome) -> None:
    raw = json.loads((outcome.folder / "results.json").read_text())
    assert read_results(raw) == outcome.results
    assert raw["dataset"]["classes"] == ["happy", "Sad", "Angry", "Other"]


def test_every_k_means_run_has_sizes_and_compositions_that_add_up(outcome: StudyOutcome, facts: StudyFacts) -> None:
    assert [c.preprocess for c in outcome.results.clusters] == ["study", "correct"]
    for clusters, seeds in zip(outcome.results.clusters, facts.kmeans_seeds, strict=True):
        for split, found in clusters.splits.items():
            n = outcome.results.dataset.splits[split].images
            assert sum(found.sizes) == found.n == n
            assert [sum(c.values()) for c in found.composition] == list(found.sizes)
            assert [sum(sizes) for sizes in seeds.sizes[split]] == [n] * 5
            assert sorted(found.sizes, reverse=True) == list(seeds.sizes[split][0])


def test_the_two_preprocessings_are_different_features(outcome: StudyOutcome) -> None:
    wrong, right = outcome.results.clusters
    assert wrong.splits["train"].silhouette != right.splits["train"].silhouette


def test_features_are_flattened_as_the_study_does(outcome: StudyOutcome, facts: StudyFacts) -> None:
    n = outcome.results.dataset.splits["train"].images
    assert facts.backbones[0].shapes["train"] == (n, 1, 7, 7, 1280)


def test_the_first_look_is_taken_from_the_data(outcome: StudyOutcome, facts: StudyFacts) -> None:
    data, eda = outcome.results.dataset, facts.eda
    assert eda.target_size == (224, 224)
    assert eda.target_from.startswith("test/happy/")
    assert eda.first_image.startswith("train/happy/")
    assert 0 <= eda.lowest < eda.highest <= 1
    assert sum(s.shape[0] for s in eda.shapes) == data.images
    assert eda.resized["train"] == sum(s.count for s in data.sizes if s.split == "train" and s.width != 224)
    assert sum(eda.species.values()) == data.photos


def test_each_network_is_trained_with_its_seeds_and_scored_on_test(outcome: StudyOutcome, facts: StudyFacts) -> None:
    assert [(t.network, t.seed) for t in facts.trainings] == [("cnn1", 42), ("cnn1", 43), ("cnn2", 42)]
    for training in facts.trainings:
        model = next(
            m for m in outcome.results.models if m.name == training.network and m.settings["seed"] == training.seed
        )
        assert (training.test_correct, training.n_test) == (model.correct, model.n)
    assert [n.name for n in facts.networks] == ["cnn1", "cnn2"]


def test_only_what_does_not_depend_on_data_is_compared_on_other_data(facts: StudyFacts) -> None:
    verdicts = {row.figure: row.verdict for row in facts.comparison}
    assert not facts.same_data
    assert verdicts["parameters"] == "equal"
    assert verdicts["images of happy in train"] == "not compared"
    assert {row.why for row in facts.comparison if row.verdict == "not compared"} == {"other data", "not run here"}


def test_the_photos_are_placed_once_each(outcome: StudyOutcome, facts: StudyFacts) -> None:
    paths = [p.path for p in facts.face_map.points]
    assert len(paths) == len(set(paths)) == outcome.results.dataset.photos
    assert all(0 <= p.x <= 1 and 0 <= p.y <= 1 for p in facts.face_map.points)


def test_the_page_has_every_section_in_the_study_s_order_and_loads_nothing(outcome: StudyOutcome) -> None:
    html = outcome.report.read_text(encoding="utf-8")
    places = [html.index(f'id="{name}"') for name in ("eda", "features", "kmeans", "networks", "results", "discussion")]
    assert places == sorted(places)
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
    assert html.count("<image ") == outcome.results.dataset.photos
    assert "11,169,476" in html


def test_a_second_study_repeats_nothing_and_gives_the_same(
    outcome: StudyOutcome, some_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petmood.images.decoding._open", lambda data: pytest.fail("an image was decoded again"))
    monkeypatch.setattr("petmood.build.study_networks._train", lambda *a: pytest.fail("trained again"))
    monkeypatch.setattr("petmood.cluster.kmeans.fit_kmeans", lambda *a, **k: pytest.fail("clustered again"))

    def without_timings(results: Results) -> dict[str, Any]:
        raw = results.model_dump(mode="json")
        del raw["environment"]
        return raw

    monkeypatch.setattr("petmood.report.study.render_study", lambda *a: None)
    again = study(some_data, tmp_path / "two", SETTINGS)
    assert without_timings(again.results) == without_timings(outcome.results)


def test_without_the_study_s_networks_another_stands_in_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from petmood.study.clusters import choose

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(
        "petmood.features.hub._fetch", lambda name, download, *_: pytest.fail("a download") if download else tmp_path
    )
    (chosen,) = choose(StudySettings())
    assert chosen.backbone.name == "efficientnet-lite0"
    assert chosen.stands_in_for == "MobileNet and ResNet50"
    assert "lacks config.json" in chosen.note


def test_photos_are_counted_by_pixels_too(outcome: StudyOutcome) -> None:
    records = {r.path: r for r in read_manifest(outcome.folder / "manifest.csv").records}
    assert records[PLANTED].derived
    assert outcome.results.dataset.photos == sum(not r.derived for r in records.values())


def test_the_page_of_the_documentation_is_written_from_results_alone(
    outcome: StudyOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(__file__).resolve().parents[2] / "docs" / "study-replicated.py"
    folder = str(outcome.folder)
    monkeypatch.setattr("sys.argv", [str(source), folder, folder, "--backbone", "b", "--out", str(tmp_path / "x.md")])
    runpy.run_path(str(source), run_name="__main__")
    page = (tmp_path / "x.md").read_text(encoding="utf-8")
    assert "--size 32 --epochs 1 --seeds 2 --seeds-cnn2 1 --backbone b\n" in page
    assert "| 1.5.2 CNN 1 | parameters | 11,169,476 | 11,169,476 | equal |" in page
    for model in outcome.results.models:
        assert f"| {model.title} | {model.correct} of {model.n} |" in page
    kept = source.with_suffix(".md").read_text(encoding="utf-8")
    headings = re.findall("^## (?!K-means).*$", page, re.M)
    assert headings == [h for h in re.findall("^## (?!K-means).*$", kept, re.M) if h != "## Hyperparameters"]


def test_a_device_that_is_not_there_is_said(some_data: Path, tmp_path: Path) -> None:
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has an Apple GPU")
    settings = SETTINGS.model_copy(update={"cnn_epochs": 4, "device": "mps"})
    with pytest.raises(ConfigError, match="device 'mps' is not there"):
        study(some_data, tmp_path / "run", settings)


def test_verdicts_follow_from_interval_range_and_equality() -> None:
    compare = StudyComparison(same_data=True, faithful=True)
    share = compare.row("s", "f", 14 / 38, [13 / 38, 15 / 38], unit="share", n=38)
    assert share.verdict == "compatible"
    assert share.interval == pytest.approx((0.234, 0.527), abs=1e-3)
    assert compare.row("s", "f", 0.9, [0.3], unit="share", n=38).verdict == "different"
    assert compare.row("s", "f", 361, [350, 365]).verdict == "compatible"
    assert compare.row("s", "f", 361, [350, 360]).verdict == "different"
    assert compare.row("s", "f", 5, [5], exact=True).verdict == "equal"
    assert compare.row("s", "f", 5, [6], exact=True).verdict == "different"
    assert compare.row("s", "f", 5, []).verdict == "not compared"
    assert StudyComparison(True, False).row("s", "f", 5, [5], trained=True).verdict == "not compared"


class Notes(Silent):
    """Keeps the lines shown; stops the work, as Ctrl-C would, at the first that holds `stop_at`."""

    def __init__(self, stop_at: str = "nothing stops it") -> None:
        self.lines: list[str] = []
        self.stop_at = stop_at

    def note(self, text: str) -> None:
        self.lines.append(text)
        if self.stop_at in text:
            raise KeyboardInterrupt


def test_a_study_killed_while_training_goes_on_after_its_last_epoch(
    outcome: StudyOutcome, some_data: Path, tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"cnn_epochs": 3, "seeds_cnn2": 0})
    with pytest.raises(KeyboardInterrupt):
        study(some_data, tmp_path / "run", settings, Notes(stop_at="CNN 1, seed 43: epoch 2/3"))
    again = Notes()
    resumed = study(some_data, tmp_path / "run", settings, again)
    assert [line.split(",")[1].strip() for line in again.lines if "epoch" in line] == ["seed 43: epoch 3/3"]
    assert resumed.results.study is not None
    assert [t.epochs_run for t in resumed.results.study.trainings] == [3, 3]
