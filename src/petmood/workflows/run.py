"""`petmood run`: a folder or zip of labelled faces -> a run folder with manifest, results and report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.progress import Progress, Silent, Timed
from petmood.results import Results
from petmood.sources import open_source
from petmood.split import complete_splits, official_fold
from petmood.store import write_json, write_manifest, write_text
from petmood.workflows.environment import environment, left_out
from petmood.workflows.families import ingest
from petmood.workflows.folders import claim_run_folder, write_source
from petmood.workflows.recall import Outcome, Recall


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Where a run put its files, and what it found."""

    folder: Path
    report: Path
    results: Results


def run(
    data: Path,
    out: Path,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    labels: Path | None = None,
    groups: Path | None = None,
    species: Path | None = None,
) -> RunOutcome:
    """Do the whole main job: ingest, audit, features, clusters, models, evaluation, report.

    Finished work is kept in the cache by content, so that an interrupted run resumes and a repeated one is quick: the
    outcome of an equal run is taken over whole.

    Args:
        data: folder or .zip of labelled images.
        out: run folder; made if absent, and reused only if it is a run folder.
        settings: what to do.
        progress: where to show it.
        labels: labels.csv whose labels replace the data's, if given.
        groups: groups.csv whose groups replace the families found, if given.
        species: CSV with the species of every photo, for animals that ImageNet does not know; else the head tells.

    Raises:
        PetmoodError: anything the user can mend.
    """
    timed = Timed(progress or Silent())
    with open_source(data) as source:
        claim_run_folder(out, data)
        cache = ContentCache()
        ingested = ingest(source, cache, timed, mode=settings.families, labels=labels, groups=groups)
        manifest = replace(complete_splits(ingested.manifest, settings.seed), allow_leakage=settings.allow_leakage)
        # a leak shows before any time is spent on figures that it would spoil
        official_fold(manifest)
        write_manifest(out / "manifest.parquet", manifest)
        write_source(out, data, labels)
        recall = Recall(cache, ingested, manifest, settings, species)
        with timed.stage("recall", "Looking for an equal run"):
            known = recall.find(out / "model")
        if known is None:
            # most of the packages that the work needs are slow to import
            from petmood.workflows.stages import all_facts, draw_page

            results = all_facts(source, ingested, manifest, settings, cache, timed, out / "model", species)
            with timed.stage("report", "Writing the report"):
                known = Outcome(results, draw_page(results, source, manifest, cache))
                recall.keep(known, out / "model")
        found = environment(settings, timed.seconds, cache, left_out(settings))
        results = known.results.model_copy(update={"environment": found})
        report = out / "report.html"
        write_json(out / "results.json", results.model_dump(mode="json", by_alias=True))
        write_text(report, known.page(results))
    return RunOutcome(out, report, results)
