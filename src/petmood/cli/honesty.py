"""`petmood audit`, `leakage` and `regrade`: whether figures can be trusted, of ours and of published ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Backbone, Data, Families, Folds, Groups, Json, Seed
from petmood.cli.reading import reads_data, searches_copies

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from petmood.analyses.leakage.facts import LeakageFacts
    from petmood.results import RegradeFacts


@reads_data
def leakage(
    data: Data,
    head: Annotated[Literal["logistic", "logistic-c1"], typer.Option(help="Classifier on the features.")] = "logistic",
    backbone: Backbone = None,
    seed: Seed = None,
    folds: Folds = None,
    allow_leakage: Annotated[
        bool, typer.Option("--allow-leakage", help="Measure also where the official split leaks.")
    ] = False,
    json: Json = False,
) -> None:
    """Measure how much of an accuracy is memory.

    Random, grouped and official splits, beside controls that cannot learn.
    """
    from petmood.analyses.leakage.compute import leakage as work
    from petmood.cli.console import Bars, tell
    from petmood.config import run_settings

    settings = run_settings("quick", seed=seed, backbone=backbone, folds=folds, allow_leakage=allow_leakage)
    facts = work(data, settings, Bars(), head)
    tell(facts, json, _meter(facts))


def _meter(facts: LeakageFacts) -> Iterator[Table | Text]:
    """A row a subject, a column a split, then the verdicts."""
    from rich.text import Text

    from petmood.analyses.leakage import words
    from petmood.cli.console import table_of
    from petmood.report.wording import plain

    table = table_of("", *(split.split for split in facts.splits), title="accuracy (95 % interval), n")
    for row in words.rows(facts):
        table.add_row(row.title, *(f"{plain(c.accuracy, c.accuracy_ci)}, {c.n:,}" for c in row.figures))
    yield table
    for split in facts.splits:
        yield Text(f"{split.split}: {words.verdict(facts, split)}", "red" if split.leaks else "green", no_wrap=True)


@reads_data
def regrade(
    data: Data,
    backbone: Backbone = None,
    seed: Seed = None,
    folds: Folds = None,
    json: Json = False,
) -> None:
    """Repeat protocols of published claims, and a fair one."""
    from petmood.cli.console import Bars, tell
    from petmood.config import run_settings
    from petmood.jobs.regrade import regrade as work

    facts = work(data, run_settings("quick", seed=seed, backbone=backbone, folds=folds), Bars())
    tell(facts, json, _claims(facts))


def _claims(facts: RegradeFacts) -> Iterator[str | Table]:
    """A row a claim, then the verdicts."""
    from petmood.cli.console import table_of
    from petmood.report.evaluation import PROTOCOLS, claim_sentence
    from petmood.report.wording import plain

    table = table_of("protocol", "claimed", "the same protocol here", "by photo", title=facts.title)
    for claim in facts.claims:
        figures = (claim.reproduced, claim.honest)
        cells = [f"{plain(f.accuracy, f.accuracy_ci)}, n = {f.n:,}" for f in figures]
        table.add_row(PROTOCOLS[claim.name], _claimed(claim.claimed), *cells)
    yield table
    for claim in facts.claims:
        whose = f" ({claim.source})" if claim.source else ""
        yield f"{claim.name}{whose}: {claim_sentence(claim)}"


def _claimed(range_: tuple[float, float] | None) -> str:
    if range_ is None:
        return "not about these data"
    low, high = range_
    return f"{low:.3f}" if low == high else f"{low:.2f} to {high:.2f}"


@searches_copies
@reads_data
def audit(
    data: Data,
    families: Families = "auto",
    groups: Groups = None,
    seed: Seed = None,
    quality: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV to write: measures and issues of each photo.")
    ] = None,
    json: Json = False,
) -> None:
    """Find copies, leaks, shortcuts, poor photos, wrong labels.

    Copies within and across splits, photos under two labels, whether the file alone predicts the class.
    """
    from rich.text import Text

    from petmood.analyses.audit.compute import audit as work
    from petmood.analyses.audit.facts import AUDIT_KEYS
    from petmood.analyses.audit.words import audit_lines
    from petmood.cli.console import Bars, tell
    from petmood.config import run_settings
    from petmood.report.cautions import caution

    facts = work(data, run_settings("quick", families=families, seed=seed), Bars(), groups=groups, quality=quality)
    lines = (*audit_lines(facts), *(f"warning: {caution(warning)}" for warning in facts.warnings))
    tell(facts.model_dump(include=set(AUDIT_KEYS)), json, map(Text, lines))
