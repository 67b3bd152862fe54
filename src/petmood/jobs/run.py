"""`petmood run`: a folder or zip of labelled faces -> a run folder with manifest, results and report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from petmood.analyses import ANALYSES, Analysis, Elsewhere
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_dataset
from petmood.dataset.across import open_sources
from petmood.dataset.figures import few_photos
from petmood.dataset.outside import class_map
from petmood.errors import ConfigError, is_there
from petmood.files import output_folder
from petmood.jobs.provenance import (
    ANIMALS,
    MANIFEST,
    MANIFEST_ABOUT,
    QUALITY,
    SETTINGS,
    environment,
    provenance,
    settings_text,
    write_source,
)
from petmood.jobs.recall import Recall, RecalledRun
from petmood.progress import Progress, Silent, Timed
from petmood.records import Manifest
from petmood.report.beside import write_beside
from petmood.report.cautions import caution
from petmood.results import Results
from petmood.split import test_fold
from petmood.store import write_bytes, write_json, write_manifest, write_text

_SHARES: Final = {
    "ingest": 1.0,
    "families": 60.0,
    "recall": 0.1,
    "backbone": 1.0,
    "features": 15.0,
    "clusters": 1.5,
    "heads": 12.0,
    "bundle": 40.0,
}
"""Steps before the analyses, and seconds of each on the demo set, of which only the proportions matter."""

_CNN: Final = 40.0
"""Seconds on the same scale that a run waits for the network, most of which is trained beside the rest."""

_OF_ANALYSES: Final = {"leakage": 7.0, "audit": 30.0, "protocols": 11.0, "species": 4.0, "labels": 4.0, "causes": 4.0}


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
    others: Sequence[Path] = (),
    mapping: Mapping[str, str] | None = None,
    analyses: Sequence[Analysis[Any]] = ANALYSES,
    pdf: bool = False,
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
        others: further data sets, each read by its own layout: how far what is learnt from some of them and `data`
            holds on another. Every other figure is of `data` alone.
        mapping: class names of the others -> those of `data`.
        analyses: what is asked of the data, in this order.
        pdf: draw each chart as PDF too.

    Raises:
        ConfigError: a class of the others is none of the data's and not mapped, or there is a mapping and no other.
        PetmoodError: anything the user can fix.
    """
    if mapping and not others:
        raise ConfigError("--map is for a second data set. Name one, or leave it out.")
    timed = Timed(progress or Silent(), _plan(settings, analyses, bool(others)))
    with (
        output_folder(out, [data, *others], beside=[labels, groups, species]) as folder,
        _sources(others, progress) as sources,
        open_dataset(
            data,
            families=settings.families,
            seed=settings.seed,
            labels=labels,
            groups=groups,
            species=species,
            allow_leakage=settings.allow_leakage,
            check=partial(_check_classes, sources, mapping or {}),
            progress=timed,
        ) as opened,
    ):
        # a leak shows before any time is spent on figures that it would spoil
        test_fold(opened.manifest)
        for warn in few_photos(opened.manifest):
            opened.timed.inner.note(caution(warn))
        write_source(folder, data, labels)
        _check_classes(sources, mapping or {}, opened.manifest)  # by labels of the user's, it may have other classes
        elsewhere = Elsewhere(sources, mapping or {}) if others else None
        recall = Recall(opened, settings, analyses, elsewhere)
        with opened.timed.stage("recall", "Looking for an equal run"):
            known = recall.find(folder / "model")
        if known is None:
            # most of the packages that the work needs are slow to import
            from petmood.analyses.audit.compute import photo_quality
            from petmood.analyses.audit.quality import write_quality
            from petmood.analyses.page import lasting_report
            from petmood.dataset.figures import protocols
            from petmood.dataset.sample import sample_rows
            from petmood.families.animals import animals_csv
            from petmood.jobs.stages import all_facts

            judged = opened.manifest.subset(sample_rows(opened.manifest, settings.seed))
            for protocol in protocols(judged, settings):
                protocol.folds(judged)  # what the data are too few for is told before the work
            results = all_facts(opened, settings, folder / "model", analyses, elsewhere)
            # the page says first what the user changed of the data
            results = results.model_copy(update={"provenance": provenance(opened, settings)})
            with opened.timed.stage("report", "Writing the report"):
                page = lasting_report(results, opened.thumbnail, analyses)
                write_manifest(folder / MANIFEST, opened.manifest)
                write_quality(folder / QUALITY, photo_quality(opened))
                write_text(folder / ANIMALS, animals_csv(opened.manifest, opened.links.alike))
                beside = {name: (folder / name).read_bytes() for name in (MANIFEST, MANIFEST_ABOUT, QUALITY, ANIMALS)}
                known = RecalledRun(results, page, beside)
                recall.keep(known, folder / "model")
        results = known.results.model_copy(
            update={"environment": environment(opened, settings), "provenance": provenance(opened, settings)}
        )
        write_text(folder / SETTINGS, settings_text(opened, settings, others=others, mapping=mapping))
        write_json(folder / "results.json", results.model_dump(mode="json", by_alias=True))
        page = known.page(results)
        write_text(folder / "report.html", page)
        write_beside(folder, page, results, _as_pdf(results, analyses) if pdf else None)
        for name, content in known.files.items():
            write_bytes(folder / name, content)
    return RunOutcome(out, out / "report.html", results)


def _plan(settings: RunSettings, analyses: Sequence[Analysis[Any]], elsewhere: bool) -> dict[str, float]:
    """The steps of a run in their order, and what share of its time each takes."""
    left_out = set() if settings.cnn and is_there("torch") else {"cnn"}
    if not elsewhere:
        left_out.add("travel")
    names = [*_SHARES, *(one.name for one in analyses), "cnn", "report"]
    shares = {**_SHARES, **_OF_ANALYSES, "cnn": _CNN}
    return {name: shares.get(name, 2.0) for name in names if name not in left_out}


def _as_pdf(results: Results, analyses: Sequence[Analysis[Any]]) -> dict[str, bytes]:
    """The charts of the report as PDF: they are drawn once more, since a page that was kept has none."""
    from petmood.analyses.page import lasting_report
    from petmood.report.plots import drawn_as_pdf

    with drawn_as_pdf() as found:
        lasting_report(results, lambda path: None, analyses)
    return found


@contextmanager
def _sources(others: Sequence[Path], progress: Progress | None) -> Iterator[tuple[Dataset, ...]]:
    """Further data sets, open."""
    with ExitStack() as open_:
        yield open_sources(others, open_, progress)


def _check_classes(others: Sequence[Dataset], mapping: Mapping[str, str], ours: Manifest) -> None:
    for other in others:
        class_map(other.manifest, mapping, ours.classes, other.origin.data)
