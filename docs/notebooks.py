"""A hook of MkDocs: each executed notebook in `docs/` is a page, cell for cell, with its outputs and charts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def fenced(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text.strip()}\n```"


def parts(cell: Any) -> Iterator[str]:
    """A cell and what it gave, as Markdown; charts are SVG, which Markdown takes whole if no line of it is empty."""
    if cell.cell_type == "markdown":
        yield cell.source
        return
    yield fenced("python", cell.source)
    for output in cell.outputs:
        svg = output.get("data", {}).get("image/svg+xml")
        if svg:
            drawing = "".join(svg) if isinstance(svg, list) else svg
            drawing = drawing[drawing.index("<svg") :]
            yield "<div class='chart'>" + " ".join(line for line in drawing.splitlines() if line.strip()) + "</div>"
        elif output.output_type == "stream":
            yield fenced("text", output.text)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put a page beside each notebook; the notebook stays to be downloaded."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb") and file.abs_src_path:
            notebook = nbformat.read(Path(file.abs_src_path), as_version=4)
            text = "\n\n".join(part for cell in notebook.cells for part in parts(cell))
            text += f"\n\n[Download the notebook]({Path(file.src_uri).name}) to run it."
            files.append(File.generated(config, file.src_uri.removesuffix(".ipynb") + ".md", content=text))
    return files
