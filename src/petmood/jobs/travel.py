"""`petmood travel`: several labelled data sets -> what a model of some is worth on another, as facts, page and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path

from petmood.analyses.page import analysis_html
from petmood.analyses.travel import ANALYSIS
from petmood.analyses.travel.compute import travel_facts
from petmood.analyses.travel.facts import TravelFacts
from petmood.analyses.travel.words import lead, tables
from petmood.dataset.across import open_sources
from petmood.errors import ConfigError
from petmood.features import load_backbone
from petmood.files import output_folder
from petmood.progress import Progress
from petmood.store import write_json, write_text
from petmood.threads import one_thread


def travel(
    data: Sequence[Path],
    mapping: Mapping[str, str],
    out: Path | None = None,
    progress: Progress | None = None,
    *,
    backbone: str = "efficientnet-lite0",
    seed: int = 42,
    methods: bool = False,
) -> TravelFacts:
    """Find the photos that data sets share, and judge each by a model that was trained on the others.

    Args:
        data: two or more folders or .zip; the first names the classes.
        mapping: class names of the others -> those; names that differ in case alone need no entry.
        out: folder for travel.html and travel.json, if they are wanted.
        progress: where to show the work.
        backbone: with an ImageNet head, which tells species.
        seed: of folds and intervals.
        methods: also everything that was tried, and certainty of one source.

    Raises:
        ConfigError: fewer than two data sets, or a class that is not mapped.
        DataError: the data cannot be used, or `out` cannot be written.
        ModelError: the backbone cannot be had, or has no ImageNet head.
    """
    if len(data) < 2:
        raise ConfigError(f"whether a model travels needs two data sets or more, got {len(data)}. Name another one.")
    network = load_backbone(backbone)
    where = nullcontext() if out is None else output_folder(out, data)
    with ExitStack() as open_, where as folder:
        opened = open_sources(data, open_, progress)
        with one_thread("blas"), opened[0].timed.stage(ANALYSIS.name, ANALYSIS.doing) as tick:
            facts = travel_facts(opened, mapping, network, seed, methods=methods, tick=tick)
        if folder is not None:
            page = analysis_html(ANALYSIS, facts, lambda path: "", lead=lead(facts), tables=tables(facts))
            write_json(folder / "travel.json", facts.model_dump(mode="json"))
            write_text(folder / "travel.html", page)
    return facts
