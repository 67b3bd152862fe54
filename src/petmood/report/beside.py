"""A report and its results -> its charts as SVG files and its figures as CSV tables, to lie beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from petmood.escaping import csv_text
from petmood.results import ModelFacts, Results
from petmood.results.base import Fact
from petmood.store import write_bytes, write_text

_MARK = re.compile(r'<section id="(?P<section>[^"]+)"|(?P<chart><svg [^>]*class="chart".*?</svg>)', re.DOTALL)
_LABEL = re.compile(r' role="img" aria-label="([^"]*)"')
_PAGE_COLOUR = re.compile(r"var\(--[\w-]+, *(#[0-9a-f]{6})\)")
_FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', Arial, sans-serif"

SUSPECTS: Final = "suspects.csv"
"""File of a run folder: the labels in doubt."""

Table = list[Sequence[object]]


def write_beside(folder: Path, page: str, results: Results, pdfs: Mapping[str, bytes] | None = None) -> None:
    """Write `figures/SECTION-N.svg` for each chart of a page, `tables/NAME.csv` for each table, and `suspects.csv`.

    Args:
        folder: of the run.
        page: the report.
        results: what it shows.
        pdfs: a chart, as it stands in the page -> the document that goes beside its SVG, where there are some.
    """
    for name, chart in charts(page):
        write_text(folder / "figures" / f"{name}.svg", document(chart))
        if pdfs is not None and chart in pdfs:
            write_bytes(folder / "figures" / f"{name}.pdf", pdfs[chart])
    for name, rows in tables(results):
        if len(rows) > 1:
            write_table(folder / "tables" / f"{name}.csv", rows)
    rows = suspects(results.analyses.get("labels"))
    if len(rows) > 1:
        write_table(folder / SUSPECTS, rows)


def charts(page: str) -> Iterator[tuple[str, str]]:
    """Name of each chart in a page, and the chart as it stands there, in its order.

    Args:
        page: HTML; each chart is named after the section it stands in and its place there.
    """
    section, number = "", 0
    for found in _MARK.finditer(page):
        if found["section"]:
            section, number = found["section"], 0
            continue
        number += 1
        yield f"{section}-{number:02d}", found["chart"]


def document(chart: str) -> str:
    """A chart of a page as a file of its own: light colours, with what it says as its title."""
    plain = _PAGE_COLOUR.sub(r"\1", chart)
    title = _LABEL.search(plain)
    said = f"<title>{title[1]}</title>" if title else ""
    head, rest = plain.split(">", 1)
    return f'<?xml version="1.0"?>\n{head} font-family="{_FONT}">{said}{rest}\n'


def tables(results: Results) -> Iterator[tuple[str, Table]]:
    """Name and rows of each table, the first row its header; figures with all their digits, shares in [0, 1]."""
    every = (*results.models, *results.baselines)
    yield "models", _models(every, len(results.models))
    yield "classes", _classes(every)
    yield "confusion", _confusion(every)
    yield "leaderboard", _leaderboard(results)
    found = {name: fact.model_dump() for name, fact in results.analyses.items()}
    species = found.get("species", {}).get("table", {})
    yield "species", [("species", "mood", "photos"), *((s, m, n) for s, row in species.items() for m, n in row.items())]


def suspects(labels: Fact | None) -> Table:
    """A row a label in doubt, most doubtful first, below a header; of the facts of the analysis of labels."""
    columns = (
        "rank",
        "path",
        "split",
        "given",
        "suggested",
        "quality",
        "p_given",
        "p_suggested",
        "votes",
        "models",
        "flagged",
    )
    found = [] if labels is None else labels.model_dump()["suspects"]
    return [columns, *([one[name] for name in columns] for one in found)]


def write_table(path: Path, rows: Table) -> None:
    """Write a table as CSV."""
    write_text(path, csv_text([_cell(value) for value in row] for row in rows))


def _models(every: Sequence[ModelFacts], own: int) -> Table:
    head = ("model", "title", "baseline", "protocol", "photos", "right", "accuracy", "low", "high", "macro_f1")
    rows = [
        (m.name, m.title, i >= own, m.protocol, m.n, m.correct, m.accuracy, *m.accuracy_ci, m.macro_f1)
        for i, m in enumerate(every)
    ]
    return [
        (*head, "balanced_accuracy", "mark"),
        *((*row, m.balanced_accuracy, m.mark) for row, m in zip(rows, every, strict=True)),
    ]


def _classes(every: Sequence[ModelFacts]) -> Table:
    return [
        ("model", "protocol", "class", "photos", "recall", "precision", "f1"),
        *(
            (m.name, m.protocol, name, c.support, c.recall, c.precision, c.f1)
            for m in every
            for name, c in m.per_class.items()
        ),
    ]


def _confusion(every: Sequence[ModelFacts]) -> Table:
    return [
        ("model", "protocol", "actual", "predicted", "photos"),
        *(
            (m.name, m.protocol, actual, predicted, n)
            for m in every
            for actual, row in zip(m.classes, m.confusion, strict=True)
            for predicted, n in zip(m.classes, row, strict=True)
        ),
    ]


def _leaderboard(results: Results) -> Table:
    boards = results.comparison.leaderboards if results.comparison else ()
    return [
        ("protocol", "photos", "rank", "model", "baseline", "accuracy", "low", "high", "groups"),
        *(
            (b.protocol, b.n, i, r.name, r.baseline, r.accuracy, *r.accuracy_ci, " ".join(map(str, r.groups)))
            for b in boards
            for i, r in enumerate(b.ranks, 1)
        ),
    ]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
