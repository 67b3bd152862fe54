"""`petmood review`: go through a run's photos by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review")(review)


def review(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    data: Annotated[Path | None, typer.Option(help="Where the data is now, if it moved.", show_default=False)] = None,
    reader: Annotated[str, typer.Option(help="Who decides; each reader's decisions are kept apart.")] = "first",
    blind: Annotated[bool, typer.Option("--blind", help="Hide the given labels from the reader.")] = False,
    adjudicate: Annotated[
        bool, typer.Option("--adjudicate", help="Decide, finally, where readers differ; as the reader 'adjudicator'.")
    ] = False,
    consensus: Annotated[
        bool, typer.Option("--consensus", help="Write one label a photo of all readers, consensus.csv; serve nothing.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port of the page.", show_default="8427, or a free one")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print decisions and agreement instead; serve nothing.")] = False,
) -> None:
    """Review suspect labels and clusters on a local page, by keyboard; writes labels.csv into the run folder."""
    from petmood.cli.console import Bars, console, print_json
    from petmood.review.photos import open_review
    from petmood.web.review.server import serve
    from petmood.web.review.state import consensus as written
    from petmood.web.review.state import report
    from petmood.web.review.store import ADJUDICATOR, DecisionStore

    store = DecisionStore(open_review(run, data, Bars()), ADJUDICATOR if adjudicate else reader)
    out = console(stderr=True)
    if consensus:
        made = written(store)
        out.print(f"{made['photos']} photos in {made['path']}, by {made['method']}", highlight=False)
    if json:
        print_json(report(store))
    if json or consensus:
        return
    announce = f"labels: {store.labels_path}\nStop with Ctrl+C; every decision is saved at once."
    serve(store, blind=blind, port=port, browser=browser, announce=lambda at: out.print(f"Review: {at}\n{announce}"))
