"""`petmood labels` and `petmood export-data`: labels in doubt, and a copy of the data with corrected ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import AllowLeakage, Data, Families, Folds, Json, Labels, Out, Seed, fresh
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from petmood.analyses.labels.facts import LabelFacts


@reads_data
def labels(
    data: Data,
    backbone: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Network whose features vote.", show_default="that of run")
    ] = None,
    seed: Seed = None,
    folds: Folds = None,
    labels: Labels = None,
    reader: Annotated[
        Path | None, typer.Option(metavar="FILE", help="labels.csv of a second reader: another estimate.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CSV to write: every suspect.")
    ] = None,
    json: Json = False,
) -> None:
    """List labels that are likely wrong, and estimate how many."""
    from contextlib import nullcontext

    from petmood.analyses.labels.compute import find_suspects
    from petmood.cli.console import Bars, tell
    from petmood.config import run_settings
    from petmood.errors import require_extra
    from petmood.files import output_file
    from petmood.report.beside import suspects, write_table

    require_extra("Finding suspect labels", "labels")
    settings = run_settings("quick", seed=seed, folds=folds)
    with nullcontext() if out is None else output_file(out, [data, labels, reader]) as made:
        outcome = find_suspects(data, settings, backbone or [settings.backbone], Bars(), labels=labels, reader=reader)
        if made is not None:
            write_table(made, suspects(outcome.facts))
    tell(outcome.facts.model_dump() | {"ranking": outcome.ranking}, json, _summary(outcome.facts, data, out))


def _summary(facts: LabelFacts, data: Path, out: Path | None) -> Iterator[str | Table | Text]:
    from shlex import quote

    from rich.text import Text

    from petmood.analyses.labels.words import estimate_sentence, why_suspect
    from petmood.cli.console import table_of

    table = table_of("", "photo", "given", "suggested", "why", title=f"{facts.flagged} of {facts.n} labels in doubt")
    for s in facts.suspects[:20]:
        table.add_row(str(s.rank), s.path, s.given, s.suggested, why_suspect(s))
    yield table
    for estimate in facts.estimates:
        yield estimate_sentence(estimate, facts)
    if c := facts.check:
        yield Text(
            f"Check: of {c.changed} labels changed on purpose {c.recall:.0%} are among the first {c.changed} suspects; "
            f"average precision {c.average_precision:.2f}, by chance {c.share:.2f}."
        )
    if out is not None:
        yield f"Every suspect: {out}"
    yield f"Go through them by keyboard: petmood run {quote(str(data))}, then petmood review on its folder."


@reads_data
def export_data(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder, .zip or .parquet of faces, or hf:NAME.")],
    out: Out = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="labels.csv with the corrections.")] = None,
    to: Annotated[
        Literal["folders", "imagefolder", "yolo-cls", "csv"],
        typer.Option(metavar="FORMAT", help="folders, imagefolder, yolo-cls or csv."),
    ] = "folders",
    seed: Annotated[int, typer.Option(help="Seed of splits that must be made.")] = 42,
    families: Families = "auto",
    allow_leakage: AllowLeakage = False,
    json: Json = False,
) -> None:
    """Copy data, with corrected labels, for other trainers.

    Families and splits go with them; the originals stay.
    """
    from petmood.cli.console import Bars, tell
    from petmood.jobs.export_data import export_data as work

    outcome = work(
        data,
        out or fresh(data, "copy"),
        labels,
        Bars(),
        to=to,
        seed=seed,
        families=families,
        allow_leakage=allow_leakage,
    )
    done = f"{'Listed' if to == 'csv' else 'Copied'} {outcome.files:,} files to {outcome.folder}: "
    changed = f"{outcome.relabelled:,} photos have another label, {outcome.excluded:,} were left out."
    tell(outcome, json, [done + changed])
