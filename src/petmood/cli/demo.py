"""`petmood demo-data`: draw the embedded demo set."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.options import Json


def demo_data(
    out: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Where to draw it.", show_default="a new one: demo")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every drawing.")] = 0,
    json: Json = False,
) -> None:
    """Draw cartoon pet faces with known flaws.

    The truth about them is written beside.
    """
    from petmood.cli.console import Bars, print_json
    from petmood.demo import write_demo

    if out is None:
        places = (Path("demo" if n == 1 else f"demo-{n}") for n in count(1))
        out = next(place for place in places if not place.exists())
    with Bars().stage("Drawing pet faces") as tick:
        write_demo(out, seed=seed, progress=tick)
    if json:
        print_json({"data": str(out / "data"), "truth": str(out / "truth.json")})
        return
    typer.echo(f"Data:  {out / 'data'}\nTruth: {out / 'truth.json'}")
