"""`petmood doctor`, `cache` and `demo-data`: what there is to work with, what is kept, and a set to try it on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Json

if TYPE_CHECKING:
    from petmood.jobs.doctor import DoctorFacts


def doctor(json: Json = False) -> None:
    """Tell what is installed, how fast it is, and what is missing.

    Ends with 1 where something keeps petmood from its work; extras that are not installed do not.
    """
    from petmood.cli.console import Bars, tell
    from petmood.jobs.doctor import doctor as work

    with Bars().stage("Looking at this machine"):
        facts = work()
    tell(facts, json, lines(facts))
    if facts.problems:
        raise typer.Exit(1)


def lines(facts: DoctorFacts) -> Iterator[str]:
    """What was found, for people."""
    from petmood.dataset.dataset import DEFAULT_BACKBONE

    gigabytes = "unknown" if facts.memory is None else f"{facts.memory / 1e9:.1f} GB"
    speed = (
        "not measured"
        if facts.speed is None
        else f"{facts.speed:.0f} pictures a second ({DEFAULT_BACKBONE}, not decoded)"
    )
    yield from (
        f"petmood    {facts.petmood}",
        f"Python     {facts.python}, {facts.executable}",
        f"Platform   {facts.platform}",
        f"Processor  {facts.cores} {'core' if facts.cores == 1 else 'cores'}; {', '.join(facts.processor)}",
        f"Memory     {gigabytes}",
        f"Speed      {speed}",
        f"Cache      {facts.cache_bytes / 1e6:,.0f} MB in {facts.cache}",
        f"Disk       {facts.disk_free / 1e9:,.1f} GB free there",
    )
    here = [name for name, there in facts.weights.items() if there]
    yield f"Weights    {', '.join(here) or 'none'}"
    yield "\nPackages"
    for name, number in facts.packages.items():
        yield f"  {name:<24}{number}"
    yield "\nExtras"
    for name, extra in facts.extras.items():
        yield f"  {name:<12}{'installed' if extra.installed else extra.install}"
    if facts.problems:
        yield "\nTo fix"
        for problem in facts.problems:
            yield f"  {problem.what}: {problem.todo}."
    else:
        yield "\nAll is well."


def cache(
    action: Annotated[Literal["list", "prune"], typer.Argument(metavar="list|prune", help="What to do.")],
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="prune: keep at most this, e.g. 2GB; least recently used goes first."),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="prune: drop what was not used for, e.g., 30d.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="prune: drop all but graphs of backbones.")] = False,
    json: Json = False,
) -> None:
    """List what the cache holds, or make it smaller."""
    from petmood.cache import parse_size
    from petmood.cli.console import tell
    from petmood.jobs.cache import parse_age, prune_cache

    if action == "list":
        _list(json)
        return
    dropped = prune_cache(
        max_bytes=None if max_size is None else parse_size(max_size),
        older_than=None if older_than is None else parse_age(older_than),
        everything=everything,
    )
    tell({"dropped_bytes": dropped}, json, [f"Dropped {dropped / 1e6:,.1f} MB."])


def _list(json: bool) -> None:
    from datetime import UTC, datetime

    from petmood.cache import cache_dir, open_cache
    from petmood.cli.console import table_of, tell
    from petmood.jobs.cache import list_cache

    kinds = list_cache()
    limit = open_cache().limit
    table = table_of("kind", "entries", "MB", "last used")
    for kind in kinds:
        used = datetime.fromtimestamp(kind.last_used, UTC).date().isoformat()
        table.add_row(kind.name, f"{kind.entries:,}", f"{kind.size_bytes / 1e6:,.1f}", used)
    total = sum(kind.size_bytes for kind in kinds)
    said = f"{total / 1e6:,.1f} MB in {cache_dir()}; values may take {limit / 1e6:,.0f} MB"
    tell({"folder": cache_dir(), "limit_bytes": limit, "kinds": kinds}, json, [table, said])


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
    from petmood.cli.console import Bars, tell
    from petmood.demo import write_demo

    if out is None:
        places = (Path("demo" if n == 1 else f"demo-{n}") for n in count(1))
        out = next(place for place in places if not place.exists())
    with Bars().stage("Drawing pet faces") as tick:
        write_demo(out, seed=seed, progress=tick)
    made = {"data": out / "data", "truth": out / "truth.json"}
    tell(made, json, [f"Data:  {made['data']}", f"Truth: {made['truth']}"])
