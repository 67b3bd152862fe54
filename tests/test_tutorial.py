"""The tutorial notebook: what it shows is what its text source gives, on the demo set."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from needs import needs

jupytext = needs("jupytext")
nbclient = needs("nbclient")
nbformat = needs("nbformat")
needs("torch")

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "tutorials"


def cells(notebook: Any) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]


def printed(notebook: Any) -> str:
    streams = [o.text for c in notebook.cells for o in c.get("outputs", ()) if o.output_type == "stream"]
    return "".join(streams)


def test_the_notebook_is_made_from_its_text_source() -> None:
    kept = nbformat.read(FOLDER / "study.ipynb", as_version=4)
    assert cells(kept) == cells(jupytext.read(FOLDER / "study.py"))
    assert all(cell.execution_count for cell in kept.cells if cell.cell_type == "code")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_the_notebook_runs_and_tells_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1] / "src"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    text = printed(runpy.run_path(str(FOLDER / "build.py"))["execute"](FOLDER / "study.py"))
    assert "CNN 1: 11,169,476 parameters, 11,169,476 trainable" in text
    assert "CNN 2: 29,458,340 parameters, 29,457,636 trainable" in text
    assert "took purity from" in text
    assert "tuned without labels" in text
    assert "CNN 2, parameters: 29,458,340 in the study, 29,458,340 here: equal" in text
