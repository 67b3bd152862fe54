"""`petmood doctor`: what petmood has to work with, and what to install."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from petmood.cli.options import Json

if TYPE_CHECKING:
    from petmood.jobs.doctor import DoctorFacts


def doctor(json: Json = False) -> None:
    """Tell what is installed, how fast it is, and what is missing.

    Ends with 1 where something keeps petmood from its work; extras that are not installed do not.
    """
    from dataclasses import asdict

    from petmood.cli.console import Bars, print_json
    from petmood.jobs.doctor import doctor as work

    with Bars().stage("Looking at this machine"):
        facts = work()
    if json:
        print_json(asdict(facts))
    else:
        for line in lines(facts):
            typer.echo(line)
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
