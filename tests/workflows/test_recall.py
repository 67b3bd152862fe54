"""Outcomes of whole runs: found again for equal causes, and for no others."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.progress import Silent, Timed
from petmood.results import Results
from petmood.sources import open_source
from petmood.split import complete_splits
from petmood.workflows import recall
from petmood.workflows.environment import environment
from petmood.workflows.facts import dataset_facts
from petmood.workflows.families import Ingested, ingest
from petmood.workflows.recall import Outcome, Recall

SETTINGS = RunSettings()
MODEL = {"model.json": b"{}", "model.onnx": b"graph"}


@pytest.fixture(scope="module")
def ingested(demo_data: Path) -> Ingested:
    with open_source(demo_data) as source:
        return ingest(source, ContentCache(), Timed(Silent()), mode="names")


@pytest.fixture(scope="module")
def results(ingested: Ingested) -> Results:
    manifest = complete_splits(ingested.manifest, SETTINGS.seed)
    about = environment(SETTINGS, {"ingest": 0.5}, ContentCache())
    return Results(dataset=dataset_facts(manifest, SETTINGS), clusters=(), models=(), baselines=(), environment=about)


@pytest.fixture
def cache(tmp_path: Path) -> ContentCache:
    return ContentCache(tmp_path / "cache")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name, data in MODEL.items():
        (folder / name).write_bytes(data)
    return folder


def recalling(
    cache: ContentCache, ingested: Ingested, settings: RunSettings = SETTINGS, species: Path | None = None
) -> Recall:
    return Recall(cache, ingested, complete_splits(ingested.manifest, settings.seed), settings, species)


def test_an_equal_run_is_found_with_its_page_and_its_model(
    cache: ContentCache, ingested: Ingested, results: Results, model: Path, tmp_path: Path
) -> None:
    recalling(cache, ingested).keep(Outcome(results, "<p>page</p>"), model)
    found = recalling(cache, ingested).find(tmp_path / "again")
    assert found == Outcome(results, "<p>page</p>")
    assert {p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()} == MODEL


@pytest.mark.parametrize("change", ["seed", "code", "package", "species", "label"])
def test_any_other_cause_finds_nothing(
    cache: ContentCache,
    ingested: Ingested,
    results: Results,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    recalling(cache, ingested).keep(Outcome(results, ""), model)
    settings, species = SETTINGS, None
    if change == "seed":
        settings = SETTINGS.model_copy(update={"seed": SETTINGS.seed + 1})
    elif change == "code":
        monkeypatch.setattr(recall, "code_digest", lambda: "one line is another")
    elif change == "package":
        monkeypatch.setattr(recall, "installed", lambda: ["numpy-0.1.dist-info"])
    elif change == "species":
        species = tmp_path / "species.csv"
        species.write_text("path,species\n")
    else:
        ingested = relabelled(ingested)
    assert recalling(cache, ingested, settings, species).find(tmp_path / "other") is None
    assert not (tmp_path / "other").exists()


def relabelled(ingested: Ingested) -> Ingested:
    """The same data, with one image under another class."""
    from dataclasses import replace

    manifest = ingested.manifest
    first = manifest.records[0]
    other = next(c for c in manifest.classes if c != first.class_name)
    records = (replace(first, class_name=other), *manifest.records[1:])
    return replace(ingested, manifest=replace(manifest, records=records))


def test_a_backbone_that_is_a_file_of_the_user_is_never_recalled(
    cache: ContentCache, ingested: Ingested, results: Results, model: Path, tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"backbone": "onnx:mine.json"})
    recalling(cache, ingested, settings).keep(Outcome(results, ""), model)
    assert recalling(cache, ingested, settings).find(tmp_path / "again") is None


def test_a_damaged_part_finds_nothing_rather_than_half_a_model(
    cache: ContentCache, ingested: Ingested, results: Results, model: Path, tmp_path: Path
) -> None:
    recalling(cache, ingested).keep(Outcome(results, ""), model)
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE entries SET value=? WHERE key LIKE '%/model.onnx'", (b"other",))
    assert recalling(cache, ingested).find(tmp_path / "again") is None
    assert not (tmp_path / "again").exists()


def test_the_code_digest_covers_templates_and_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "petmood"
    package.mkdir()
    for name in ("__init__.py", "page.html.j2", "look.css"):
        (package / name).write_text("one")
    monkeypatch.setattr("petmood.__file__", str(package / "__init__.py"))
    seen = set()
    for name in ("__init__.py", "page.html.j2", "look.css"):
        seen.add(recall.code_digest.__wrapped__())
        (package / name).write_text("two")
    assert len({*seen, recall.code_digest.__wrapped__()}) == 4
