"""`petmood species`: which animals the photos show, and what that has to do with mood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.options import Data, Folds, Json, Labels, Seed, Species
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from petmood.analyses.species.facts import SpeciesFacts


@reads_data
def species(
    data: Data,
    backbone: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Network with an ImageNet head.", show_default="efficientnet-lite0"),
    ] = None,
    seed: Seed = None,
    folds: Folds = None,
    species: Species = None,
    labels: Labels = None,
    json: Json = False,
) -> None:
    """Tell species, and what mood is left without them."""
    from petmood.analyses.species.compute import species as work
    from petmood.cli.console import Bars, tell
    from petmood.config import run_settings

    settings = run_settings("quick", seed=seed, backbone=backbone, folds=folds)
    facts, images = work(data, settings, Bars(), labels=labels, given=species)
    tell(facts.model_dump() | {"images": images}, json, _summary(facts))


def _summary(facts: SpeciesFacts) -> Iterator[Table | Text]:
    from rich.text import Text

    from petmood.cli.console import table_of
    from petmood.report.wording import ci_method, plain, span

    classes = list(next(iter(facts.table.values())))
    table = table_of("species", *classes, "photos", title=f"Species by mood, {facts.n:,} photos")
    for name, row in facts.table.items():
        table.add_row(name, *(str(row[c]) for c in classes), str(sum(row.values())))
    yield table
    a = facts.association
    yield Text(
        f"Cramer's V {a.cramers_v:.2f} ({span(a.cramers_v_ci, 2)}), NMI {plain(a.nmi, a.nmi_ci)}; "
        f"n = {a.n}, {ci_method(facts.ci_method)}"
    )
    clusters = table_of("k", "species taken out by", "NMI with species", "NMI with mood", "change of NMI with mood")
    for c in facts.clusters:
        moods = plain(c.nmi_mood, c.nmi_mood_ci)
        change = "" if c.erased == "none" else f"{c.mood_change:+.3f} ({span(c.mood_change_ci)})"
        clusters.add_row(str(c.k), c.erased, plain(c.nmi_species, c.nmi_species_ci), moods, change)
    yield clusters
    pairs = table_of("model", "against", "n", "accuracy", "its", "gain", "95 % interval", "p", title=facts.protocol)
    for p in (*facts.within, facts.over_species, *facts.erased):
        figures = (f"{p.accuracy:.3f}", f"{p.reference_accuracy:.3f}", f"{p.gain:+.3f}", span(p.gain_ci))
        pairs.add_row(p.name, p.reference, str(p.n), *figures, f"{p.p:.2g}")
    yield pairs
