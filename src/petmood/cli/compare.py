"""`petmood compare` and `petmood runs list`: runs, bundles and evaluations side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.options import Json, Page


def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="PATHS...", help="Run folders, bundles, evaluations.")],
    out: Page = None,
    json: Json = False,
) -> None:
    """Compare runs, models or evaluations on shared photos."""
    from petmood.cli.console import console, table_of
    from petmood.files import output_folder
    from petmood.jobs.compare import compare as work
    from petmood.report.comparison import difference_html, difference_lines
    from petmood.store import write_json, write_text

    facts = work(paths)
    if out is not None:
        with output_folder(out, paths) as folder:
            write_json(folder / "comparison.json", facts.model_dump(mode="json"))
            write_text(folder / "comparison.html", difference_html(facts))
    if json:
        typer.echo(facts.model_dump_json(indent=2))
        return
    shown = console()
    for line in difference_lines(facts):
        shown.print(line, markup=False, soft_wrap=True)
    differing = [s for s in facts.settings if s.differs]
    if differing:
        from petmood.report.comparison import letter

        table = table_of("differs", *(letter(i) for i in range(len(facts.subjects))))
        for setting in differing:
            table.add_row(setting.name, *("" if value is None else value for value in setting.values))
        shown.print(table)
    if out is not None:
        shown.print(f"Page: {out / 'comparison.html'}", markup=False, soft_wrap=True)


def list_runs(
    below: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder that they are in.")] = Path(),
    json: Json = False,
) -> None:
    """List runs, models and evaluations in a folder."""
    from petmood.cli.console import console
    from petmood.jobs.compare import list_runs as work

    facts = work(below)
    if json:
        typer.echo(facts.model_dump_json(indent=2))
        return
    shown = console()
    for run in facts.runs:
        low, high = run.accuracy_ci or (0.0, 0.0)
        figure = "" if run.accuracy is None else f", {100 * run.accuracy:.1f} % ({100 * low:.1f} to {100 * high:.1f} %)"
        shown.print(run.path, soft_wrap=True)
        shown.print(
            f"  {run.kind}, {run.modified[:10]}: {run.data} {run.data_digest[:12]}, n = {run.n:,}{figure}",
            soft_wrap=True,
        )
    if not facts.runs:
        shown.print(f"No run, bundle or evaluation below {facts.folder}.", markup=False, soft_wrap=True)
    for path, reason in facts.unreadable.items():
        console(stderr=True).print(f"unreadable: {path}: {reason}", markup=False, soft_wrap=True)
