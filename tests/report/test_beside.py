"""Charts and tables beside the report: complete, of the same figures, readable by themselves."""

from __future__ import annotations

import contextlib
import csv
import re
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from petmood.analyses.page import report_html
from petmood.report.beside import write_beside
from petmood.report.palette import TOKENS
from petmood.report.plots import drawn_as_pdf

from .sample_results import results, thumbnail


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("größe")
    write_beside(out, report_html(results(), thumbnail), results())
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_chart_of_the_page_is_a_drawing_that_needs_no_page(folder: Path) -> None:
    page = report_html(results(), thumbnail)
    files = sorted((folder / "figures").iterdir())
    assert len(files) == page.count('class="chart"')
    for path in files:
        drawing = ET.fromstring(path.read_text("utf-8"))
        assert drawing[0].tag.endswith("title")
        assert drawing[0].text == drawing.get("aria-label")
        assert "var(--" not in path.read_text("utf-8")
        assert f'<section id="{path.stem.rpartition("-")[0]}"' in page


def test_each_chart_is_drawn_as_pdf_too_where_that_is_wanted(tmp_path: Path) -> None:
    with drawn_as_pdf() as pdfs:
        page = report_html(results(), thumbnail)
    write_beside(tmp_path, page, results(), pdfs)
    for path in (tmp_path / "figures").glob("*.svg"):
        drawn = path.with_suffix(".pdf").read_bytes()
        assert drawn.startswith(b"%PDF")
        assert drawn.rstrip().endswith(b"%%EOF")
    # nothing is left of the colours that stand for those of pages
    assert all(b"/Title" in drawn for drawn in pdfs.values())
    drawings = b"".join(map(content, pdfs.values()))
    assert as_pdf("#0e6962") in drawings
    for stand_in in TOKENS:
        assert as_pdf(stand_in) not in drawings


def as_pdf(colour: str) -> bytes:
    return " ".join(f"{int(colour[i : i + 2], 16) / 255:.10f}".rstrip("0") for i in (1, 3, 5)).encode()


def content(pdf: bytes) -> bytes:
    """All compressed streams of a PDF that are texts, unpacked."""
    found = b""
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            found += zlib.decompress(part)
    return found


def test_tables_have_the_figures_of_the_results(folder: Path) -> None:
    made = results()
    every = (*made.models, *made.baselines)
    table = rows(folder / "tables" / "models.csv")
    assert [(r["model"], float(r["accuracy"]), int(r["photos"])) for r in table] == [
        (m.name, m.accuracy, m.n) for m in every
    ]
    assert [r["baseline"] for r in table].count("yes") == len(made.baselines)
    counted = rows(folder / "tables" / "confusion.csv")
    assert sum(int(r["photos"]) for r in counted) == sum(m.n for m in every)
    right = sum(int(r["photos"]) for r in counted if r["actual"] == r["predicted"])
    assert right == sum(m.correct for m in every)


def test_what_was_not_found_out_has_no_table(folder: Path) -> None:
    assert {path.name for path in (folder / "tables").iterdir()} <= {
        f"{name}.csv" for name in ("models", "classes", "confusion", "leaderboard", "species", "suspects")
    }
    assert not (folder / "tables" / "suspects.csv").exists()
