"""Outcomes of whole runs: found again for equal causes, and for no others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.dataset import Dataset, UserFile, open_dataset
from petmood.dataset.figures import dataset_facts
from petmood.jobs import recall
from petmood.jobs.provenance import environment
from petmood.jobs.recall import Recall, RecalledRun
from petmood.records import Manifest
from petmood.results import Results

SETTINGS = RunSettings()
MODEL = {"model.json": b"{}", "model.onnx": b"graph"}


@pytest.fixture(scope="module")
def data(demo_data: Path) -> Iterator[Dataset]:
    with open_dataset(demo_data, families="names") as opened:
        yield opened


@pytest.fixture(scope="module")
def results(data: Dataset) -> Results:
    return Results(
        dataset=dataset_facts(data.manifest, SETTINGS),
        clusters=(),
        models=(),
        baselines=(),
        environment=environment(data, SETTINGS),
    )


@pytest.fixture
def cache(tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> ContentCache:
    """The data set's, empty."""
    made = ContentCache(tmp_path / "cache")
    monkeypatch.setattr(data, "cache", made)
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name, data in MODEL.items():
        (folder / name).write_bytes(data)
    return folder


def recalling(data: Dataset, settings: RunSettings = SETTINGS) -> Recall:
    return Recall(data, settings)


def test_an_equal_run_is_found_with_its_page_and_its_model(
    cache: ContentCache, data: Dataset, results: Results, model: Path, tmp_path: Path
) -> None:
    recalling(data).keep(RecalledRun(results, "<p>page</p>", {"quality.csv": b"path\n"}), model)
    found = recalling(data).find(tmp_path / "again")
    assert found == RecalledRun(results, "<p>page</p>", {"quality.csv": b"path\n"})
    assert {p.name: p.read_bytes() for p in (tmp_path / "again").iterdir() if p.name in MODEL} == MODEL


@pytest.mark.parametrize("change", ["seed", "code", "package", "species", "label"])
def test_any_other_cause_finds_nothing(
    cache: ContentCache,
    data: Dataset,
    results: Results,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    recalling(data).keep(RecalledRun(results, "", {}), model)
    settings, other = SETTINGS, data
    if change == "seed":
        settings = SETTINGS.model_copy(update={"seed": SETTINGS.seed + 1})
    elif change == "code":
        monkeypatch.setattr(recall, "code_digest", lambda: "one line is another")
    elif change == "package":
        monkeypatch.setattr(recall, "installed", lambda: ["numpy-0.1.dist-info"])
    elif change == "species":
        told = UserFile(tmp_path / "species.csv", "digest", 1, 1)
        other = data.relabelled(data.manifest)
        other.origin = replace(data.origin, species=told)
    else:
        other = data.relabelled(relabelled(data.manifest))
    assert recalling(other, settings).find(tmp_path / "other") is None
    assert not (tmp_path / "other").exists()


def relabelled(manifest: Manifest) -> Manifest:
    """The same data, with one image under another class."""
    first = manifest.records[0]
    other = next(c for c in manifest.classes if c != first.class_name)
    records = (replace(first, class_name=other), *manifest.records[1:])
    return replace(manifest, records=records)


def test_a_backbone_that_is_a_file_of_the_user_is_never_recalled(
    cache: ContentCache, data: Dataset, results: Results, model: Path, tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"backbone": "onnx:mine.json"})
    recalling(data, settings).keep(RecalledRun(results, "", {}), model)
    assert recalling(data, settings).find(tmp_path / "again") is None


def test_a_damaged_part_finds_nothing_rather_than_half_a_model(
    cache: ContentCache, data: Dataset, results: Results, model: Path, tmp_path: Path
) -> None:
    recalling(data).keep(RecalledRun(results, "", {}), model)
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE entries SET value=? WHERE key LIKE '%/model.onnx'", (b"other",))
    assert recalling(data).find(tmp_path / "again") is None
    assert not (tmp_path / "again").exists()


def test_the_code_digest_covers_templates_and_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "petmood"
    package.mkdir()
    for name in ("__init__.py", "page.html.j2", "look.css"):
        (package / name).write_text("one")
    monkeypatch.setattr("petmood.version.__file__", str(package / "__init__.py"))
    seen = set()
    for name in ("__init__.py", "page.html.j2", "look.css"):
        seen.add(recall.code_digest.__wrapped__())
        (package / name).write_text("two")
    assert len({*seen, recall.code_digest.__wrapped__()}) == 4
