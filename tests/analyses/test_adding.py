"""An analysis is added, and removed, by one folder and one list, from outside the package too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import brightness
from drawing import photo, saved, write_tree
from petmood.analyses import ANALYSES, read_results
from petmood.config import run_settings
from petmood.jobs.run import run

SETTINGS = run_settings("quick", cnn=False, folds=2, n_init=1, repeats=1)


def test_an_analysis_from_outside_is_computed_kept_and_shown(tmp_path: Path) -> None:
    faces = write_tree(
        tmp_path / "faces",
        {f"{'sad' if i % 2 else 'happy'}/{i}.jpg": saved(photo(i, (96, 96))) for i in range(24)},
    )
    done = run(faces, tmp_path / "run", SETTINGS, analyses=(brightness.ANALYSIS,))
    raw = json.loads((done.folder / "results.json").read_text(encoding="utf-8"))
    found = read_results(raw, (brightness.ANALYSIS,)).of(brightness.BrightnessFacts)
    assert found == done.results.of(brightness.BrightnessFacts)
    assert found is not None
    assert sum(c.n for c in found.by_class.values()) == raw["dataset"]["photos"]
    page = done.report.read_text(encoding="utf-8")
    assert '<a href="#brightness">How bright</a>' in page
    assert page.count('id="brightness"') == 1
    assert {one.name for one in ANALYSES}.isdisjoint(raw), "what is not on the list is not computed"
    # the same run without it, and nothing else changed
    bare = run(faces, tmp_path / "bare", SETTINGS, analyses=())
    assert bare.results.analyses == {}
    assert bare.results.models == done.results.models
    assert "How bright" not in bare.report.read_text(encoding="utf-8")
    # facts of an analysis that a reader does not know stay as they are
    assert read_results(raw, ()).model_dump(mode="json")["brightness"] == raw["brightness"]


@pytest.mark.parametrize("one", ANALYSES, ids=lambda one: one.name)
def test_every_analysis_is_a_folder_of_its_name(one: object, repository: Path) -> None:
    name, package = one.name, one.package  # type: ignore[attr-defined]
    assert package == f"petmood.analyses.{name}"
    folder = repository / "src/petmood/analyses" / name
    assert (folder / "section.html.j2").is_file()
    # where it takes a screen of code or more, it has a module of its own, read when it is first computed
    assert (folder / "compute.py").is_file() or one.compute.__module__ == package  # type: ignore[attr-defined]


def test_contributing_shows_the_example_as_it_runs(repository: Path) -> None:
    text = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for file in ("__init__.py", "section.html.j2"):
        assert (repository / "tests/brightness" / file).read_text(encoding="utf-8").strip() in text
