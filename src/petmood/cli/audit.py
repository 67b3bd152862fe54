"""`petmood audit`: whether figures on a data set can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.options import Data, Families, Groups, Json, Seed
from petmood.cli.reading import reads_data


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
    from petmood.analyses.audit.compute import audit as work
    from petmood.analyses.audit.facts import AUDIT_KEYS
    from petmood.analyses.audit.words import audit_lines
    from petmood.cli.console import Bars, console, print_json
    from petmood.config import run_settings
    from petmood.report.cautions import caution

    facts = work(data, run_settings("quick", families=families, seed=seed), Bars(), groups=groups, quality=quality)
    if json:
        print_json(facts.model_dump(mode="json", include=set(AUDIT_KEYS)))
        return
    out = console()
    for line in (*audit_lines(facts), *(f"warning: {caution(warning)}" for warning in facts.warnings)):
        out.print(line, markup=False)
