"""`petmood audit`: whether figures on a data set can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.reading import reads_data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(reads_data(audit))


def audit(
    data: Annotated[Path, typer.Argument(help="Folder or .zip of labelled faces.", show_default=False)],
    families: Annotated[
        str | None, typer.Option(help="How copies are found: auto, names, pixels or both.", show_default="auto")
    ] = None,
    groups: Annotated[Path | None, typer.Option(help="groups.csv that replaces families.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="42")] = None,
    quality: Annotated[
        Path | None, typer.Option(help="CSV to write: measures and issues of each photo.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Find copies, leaks between splits, contradicting labels, shortcuts and poor photos."""
    from petmood.analyses.audit.compute import audit as work
    from petmood.analyses.audit.facts import AUDIT_KEYS
    from petmood.analyses.audit.words import audit_lines
    from petmood.cli.console import Bars, console, print_json
    from petmood.config import run_settings

    facts = work(data, run_settings("quick", families=families, seed=seed), Bars(), groups=groups, quality=quality)
    if json:
        print_json(facts.model_dump(mode="json", include=set(AUDIT_KEYS)))
        return
    out = console()
    for line in (*audit_lines(facts), *(f"warning: {warning.message}" for warning in facts.warnings)):
        out.print(line, markup=False)
