"""`petmood review`: go through a run's photos by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def review(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that petmood run wrote.")],
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Where the data is now, if it moved.")] = None,
    reader: Annotated[
        str, typer.Option(metavar="NAME", help="Who decides; each reader's decisions are kept apart.")
    ] = "first",
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
    """Go through suspect labels by keyboard, on a local page.

    Every decision is saved at once, and written to labels.csv in the run.
    """
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
