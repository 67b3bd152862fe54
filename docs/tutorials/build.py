"""Executes `study.py`, the tutorial's text source, and writes `study.ipynb` beside it: `make tutorial`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def execute(source: Path) -> nbformat.NotebookNode:
    """The notebook of a text source with its outputs; what would differ from one run to the next is left out."""
    notebook = jupytext.read(source)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": folder}})
        client.execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("language_info", None)
    return notebook


if __name__ == "__main__":
    nbformat.write(execute(HERE / "study.py"), HERE / "study.ipynb")
