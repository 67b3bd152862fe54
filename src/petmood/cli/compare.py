"""`petmood compare` and `petmood runs list`: runs, bundles and evaluations side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.options import Json, Page

if TYPE_CHECKING:
    from rich.table import Table

    from petmood.results.comparison import DifferenceFacts


def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="PATHS...", help="Run folders, bundles, evaluations.")],
    out: Page = None,
    json: Json = False,
) -> None:
    """Compare runs, models or evaluations on shared photos."""
    from petmood.cli.console import tell
    from petmood.files import output_folder
    from petmood.jobs.compare import compare as work
    from petmood.report.comparison import difference_html
    from petmood.store import write_json, write_text

    facts = work(paths)
    if out is not None:
        with output_folder(out, paths) as folder:
            write_json(folder / "comparison.json", facts.model_dump(mode="json"))
            write_text(folder / "comparison.html", difference_html(facts))
    tell(facts, json, _summary(facts, out))


def _summary(facts: DifferenceFacts, out: Path | None) -> Iterator[str | Table]:
    from petmood.cli.console import table_of
    from petmood.report.comparison import difference_lines, letter

    yield from difference_lines(facts)
    differing = [s for s in facts.settings if s.differs]
    if differing:
        table = table_of("differs", *(letter(i) for i in range(len(facts.subjects))))
        for setting in differing:
            table.add_row(setting.name, *("" if value is None else value for value in setting.values))
        yield table
    if out is not None:
        yield f"Page: {out / 'comparison.html'}"


def list_runs(
    below: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder that they are in.")] = Path(),
    json: Json = False,
) -> None:
    """List runs, models and evaluations in a folder."""
    from petmood.cli.console import console, tell
    from petmood.jobs.compare import list_runs as work

    facts = work(below)
    lines = [] if facts.runs else [f"No run, bundle or evaluation below {facts.folder}."]
    for run in facts.runs:
        low, high = run.accuracy_ci or (0.0, 0.0)
        figure = "" if run.accuracy is None else f", {100 * run.accuracy:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"
        about = f"  {run.kind}, {run.modified[:10]}: {run.data} {run.data_digest[:12]}, n = {run.n:,}{figure}"
        lines += [run.path, about]
    tell(facts, json, lines)
    if not json:
        for path, reason in facts.unreadable.items():
            console(stderr=True).print(f"unreadable: {path}: {reason}", soft_wrap=True)
