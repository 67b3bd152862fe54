"""Several labelled data sets -> one model in int8 that was judged on each of them left out, saved as a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from petmood.analyses.travel.certainty import fit_readings
from petmood.analyses.travel.compute import control_cells, matrix_cells
from petmood.analyses.travel.facts import TravelCell
from petmood.analyses.travel.readers import MODEL, mixture, remembered
from petmood.build.description import describe, may_be_sure, network_facts
from petmood.build.pet_rule import drawn_through, pet_rule
from petmood.build.training_photos import training_summary, unlike_rule
from petmood.bundle import Bundle, ModelDescription, TrainingNeighbours, save
from petmood.bundle.composite import composite_graph
from petmood.bundle.folder import Parts
from petmood.bundle.int8 import quantised_graph
from petmood.bundle.schema import (
    Calibration,
    Conformal,
    ConformalLevel,
    DataFacts,
    LicenceNote,
    MatrixCell,
    PetRule,
    SourceFacts,
    SourcesFacts,
    TrainingSummary,
    UnlikeRule,
)
from petmood.dataset import Dataset
from petmood.dataset.across import Across, join_datasets, open_sources
from petmood.dataset.dataset import backbone_named
from petmood.errors import ConfigError, ModelError
from petmood.evaluation import certainty_elsewhere as transfer
from petmood.evaluation import sources
from petmood.evaluation.statistics import wilson_interval
from petmood.evaluation.unlikeness import distances
from petmood.families.memory import Memory, Remembered, remember
from petmood.families.store import local_features
from petmood.features import Backbone
from petmood.features.species import N_IMAGENET
from petmood.features.views import View
from petmood.files import claimed_output
from petmood.progress import Progress
from petmood.records import FeatureTable, IntArray
from petmood.store import write_bytes
from petmood.training.onnx_heads import as_head
from petmood.training.source_head import SourceMixture

TITLE: Final = "Logistic regression for each species, on several sources"

PROTOCOL: Final = "Each source left out in turn: trained on all others, copies of its photos taken out first."

NOT_KNOWN: Final = "not known"

_CALIBRATION: Final = 32  # photos of each source that ranges of activations are taken from
_KEPT: Final = 64  # training photos whose features are kept, to tell how far a picture is from them


def save_across_bundle(
    out: Path,
    data: Sequence[Path],
    mapping: Mapping[str, str],
    progress: Progress | None = None,
    *,
    backbone: str = "efficientnet-lite0",
    terms: Sequence[str] = (),
    seed: int = 42,
) -> ModelDescription:
    """Train on several sources at once and save the model, small enough to be passed on.

    Every figure and threshold is of photos of a source that took no part in training; features are those of the int8
    network that the bundle holds. Of the training photos it keeps digests and what tells whole copies, no picture.

    Args:
        out: folder, or a path that ends in .zip.
        data: two or more folders or .zip; the first names the classes.
        mapping: class names of the others -> those.
        progress: where to show the work.
        backbone: with an ImageNet head, which tells species.
        terms: what is known of each source's licence, in their order; not known where there are fewer.
        seed: of intervals.

    Raises:
        ConfigError: fewer than two data sets, or a class that is not mapped.
        DataError: the data cannot be used, or `out` cannot be written.
        ModelError: the backbone cannot be had, or has no ImageNet head.
    """
    if len(data) < 2:
        raise ConfigError(f"leaving a source out needs two or more, got {len(data)}. Name another data set.")
    network = backbone_named(backbone)
    with ExitStack() as open_, TemporaryDirectory() as folder, claimed_output(out, data):
        opened = open_sources(data, open_, progress)
        small = small_backbone(network, opened, Path(folder))
        of = join_datasets(opened, mapping, small)
        return _save(out, opened, of, terms, seed)


def small_backbone(backbone: Backbone, data: Sequence[Dataset], folder: Path) -> Backbone:
    """A backbone in int8, its ranges taken from photos of every data set; equal data give equal bytes."""
    chosen = [part.photos for part in data]
    pixels = np.concatenate(
        [p.pixels(backbone.preprocess.size, np.arange(len(p))[:: max(1, len(p) // _CALIBRATION)]) for p in chosen]
    )
    graph = quantised_graph(backbone.graph.read_bytes(), backbone.preprocess.apply(pixels))
    path = folder / "int8.onnx"
    write_bytes(path, graph)
    return replace(backbone, name=f"{backbone.name}-int8", graph=path, digest=hashlib.sha256(graph).hexdigest())


def _save(out: Path, opened: Sequence[Dataset], of: Across, terms: Sequence[str], seed: int) -> ModelDescription:
    union, network = of.union, of.backbone
    rows = np.concatenate([of.scores, of.vectors], axis=1)
    model = remembered(mixture(union, rows, N_IMAGENET))
    folds = sources.left_out_folds(union)
    readings = [sources.read(union, [fold], model) for fold in folds]
    controls = {(c.subject, c.kind, c.judged_on): c for c in control_cells(union, of, seed)}
    fitted = fit_readings(union, readings)
    held = [_held(union, fold, reading, model) for fold, reading in zip(folds, readings, strict=True)]
    fit = union.photos(np.arange(len(union.labels)))
    copies = tuple(of.paths[i] for i in np.setdiff1d(np.arange(len(union.labels)), fit))
    names = np.array(union.classes)
    columns = np.arange(rows.shape[1])
    made = SourceMixture(columns[:N_IMAGENET], columns[N_IMAGENET:]).fit(
        rows[fit], names[union.labels[fit]], sources=union.source[fit]
    )
    views = [(View(network.name, pooling="logits"), network), (View(network.name), network)]
    graph, _ = composite_graph(
        views, (N_IMAGENET, of.vectors.shape[1]), as_head(made, union.classes), len(names), fitted.temperature
    )
    told = [
        SourceFacts(
            name=name,
            sha256=part.manifest.digest,
            photos=len(part.photos),
            photos_by_class=_counts(union, union.rows(i)),
            terms=terms[i] if i < len(terms) else NOT_KNOWN,
            n=cell.n,
            classes=cell.classes,
            balanced=cell.balanced,
            balanced_ci=cell.balanced_ci,
            **_beside(controls, name),
            held=kept,
        )
        for i, (name, part, cell, kept) in enumerate(
            zip(
                union.sources,
                opened,
                [sources.cell(union, reading, seed=seed) for reading in readings],
                held,
                strict=True,
            )
        )
    ]
    description = describe(
        network.preprocess,
        (network_facts(network),),
        photos=[LicenceNote(what=f"training photos of {s.name}", licence=s.terms) for s in told],
        kind="sources",
        title=TITLE,
        classes=union.classes,
        features=of.vectors.shape[1],
        imagenet=True,
        calibration=Calibration(
            temperature=fitted.temperature, n=sum(len(r.rows) for r in readings), protocol=PROTOCOL
        ),
        conformal=_conformal(union, fitted, readings),
        unlike=_unlike(union, of, fit, folds),
        training=_summary(union, of, fit),
        sources=SourcesFacts(
            sources=tuple(told),
            left_out_files=copies,
            protocol=PROTOCOL,
            why_not_sure=fitted.why_not,
            matrix=tuple(
                MatrixCell.model_validate(c.model_dump(include=set(MatrixCell.model_fields)))
                for c in matrix_cells(union, MODEL, model, seed)
            ),
        ),
        data=DataFacts(
            name=" + ".join(union.sources),
            sha256=hashlib.sha256("".join(s.sha256 for s in told).encode()).hexdigest(),
            images=sum(len(part) for part in opened),
            photos=len(union.labels),
            fitted=len(fit),
            photos_by_class=_counts(union, fit),
        ),
        settings={"backbone": network.name, "seed": seed, "shared": 0.2, "prior": 8.0, "balance": "source x species"},
    )
    _agree(graph, description, of)
    description = description.model_copy(update={"pet": _pets(union, of, fit, Bundle(Parts(description, graph, None)))})
    return save(out, graph, description, _neighbours(of, fit), _memory(opened, of, fit))


def _beside(controls: Mapping[tuple[str, str, str], TravelCell], name: str) -> dict[str, Any]:
    """What controls that see no face are worth on a source."""
    found = {
        "species_alone": controls["species", "left out", name],
        "species_own": controls.get(("species", "in source", name)),
        "angry_cats": controls.get(("angry-cats", "left out", name)),
    }
    shown = {key: cell for key, cell in found.items() if cell is not None}
    return {k: c.balanced for k, c in shown.items()} | {f"{k}_ci": c.balanced_ci for k, c in shown.items()}


def _counts(union: sources.Pooled, rows: IntArray) -> dict[str, int]:
    counts = np.bincount(union.labels[rows], minlength=len(union.classes))
    return {name: int(n) for name, n in zip(union.classes, counts, strict=True)}


def _held(
    union: sources.Pooled, fold: sources.SourceFold, judged: sources.Reading, model: sources.Reader
) -> dict[str, int]:
    """How often sets calibrated without a source hold its labels."""
    inner = [sources.read(union, folds, model) for folds in sources.inner_folds(union, fold)]
    fitted = fit_readings(union, inner)
    scaled, truth = fitted.scaled(judged.probabilities), union.labels[judged.rows]
    unlearnt = tuple(int(k) for k in np.setdiff1d(np.arange(len(union.classes)), judged.learnt))
    at = np.arange(len(truth))
    return {
        f"{level.coverage:.0%}": int(replace(level, unlearnt=unlearnt).sets(scaled)[at, truth].sum())
        for level in fitted.levels
    }


def _conformal(
    union: sources.Pooled, fitted: transfer.TransferCalibration, readings: Sequence[sources.Reading]
) -> Conformal:
    scaled = fitted.scaled(np.concatenate([r.probabilities for r in readings]))
    truth = union.labels[np.concatenate([r.rows for r in readings])]
    levels = []
    for level in fitted.levels:
        sizes = level.sets(scaled).sum(axis=1)
        right = (scaled.argmax(axis=1) == truth)[sizes == 1]
        levels.append(
            ConformalLevel(
                coverage=level.coverage,
                thresholds=dict.fromkeys(union.classes, level.limit),
                n=len(sizes),
                mean_size=float(sizes.mean()),
                singletons=float((sizes == 1).mean()),
                singletons_right=int(right.sum()),
                singletons_ci=wilson_interval(int(right.sum()), len(right)) if len(right) else None,
                # whether any answer may be, `why_not_sure` says, by each source left out
                sure=may_be_sure(int(right.sum()), len(right), level.coverage),
            )
        )
    return Conformal(
        method="sets of 1 - p within one limit that holds the coverage on every source left out, and by the spread of "
        "their log odds on four fifths of the sources to come",
        protocol=PROTOCOL,
        default=fitted.levels[0].coverage,
        levels=tuple(levels),
    )


def _agree(graph: bytes, description: ModelDescription, of: Across) -> None:
    """The graph reads pixels as the training code reads them: some photos of each source."""
    bundle = Bundle(Parts(description, graph, None))
    for part in of.parts:
        pixels = part.pixels(bundle.size, range(min(4, len(part))))
        table = part.features(of.backbone)
        assert table.logits is not None
        found = bundle.infer(pixels).features
        worst = float(np.abs(found - table.vectors[: len(pixels)]).max())
        if worst > 1e-3 * max(1.0, float(np.abs(table.vectors[: len(pixels)]).max())):
            raise ModelError(f"the saved graph reads photos otherwise than training did, by {worst:.1e}. Train again.")


def _summary(union: sources.Pooled, of: Across, fit: IntArray) -> TrainingSummary:
    starts = np.cumsum([0, *map(len, of.parts)])
    photos = [
        part.subset(fit[union.source[fit] == s] - start)
        for s, (part, start) in enumerate(zip(of.parts, starts[:-1], strict=True))
    ]
    at = fit[_kept(union.source[fit])]
    families = union.families
    away = distances(of.vectors[fit], of.vectors[at], families=families[fit], training_families=families[at])
    return training_summary(photos, away)


def _kept(source: IntArray) -> IntArray:
    """Of rows of these sources, the places of those that are kept: as many of each source, evenly chosen."""
    there = np.unique(source)
    each = [np.flatnonzero(source == s) for s in there]
    share = _KEPT // len(there)
    return np.sort(np.concatenate([e[np.linspace(0, len(e) - 1, min(share, len(e))).astype(np.int64)] for e in each]))


def _unlike(union: sources.Pooled, of: Across, fit: IntArray, folds: Sequence[sources.SourceFold]) -> UnlikeRule | None:
    """Distances of each source left out to as many photos of the others as the bundle keeps of all."""

    def known(rows: IntArray) -> IntArray:
        return rows[_kept(union.source[rows])]

    at = known(fit)
    return unlike_rule(
        of.vectors[fit],
        of.vectors[at],
        families=union.families[fit],
        kept_families=union.families[at],
        left_out=[
            distances(of.vectors[f.evaluate], of.vectors[known(union.photos(f.train))], standardised=False)
            for f in folds
        ],
    )


def _pets(union: sources.Pooled, of: Across, fit: IntArray, bundle: Bundle) -> PetRule | None:
    """The rule for "no pet face here", whose missed pets are counted on each source left out."""
    source = union.source[fit]
    return pet_rule(
        FeatureTable(bundle.name, of.vectors[fit], of.scores[fit], ""),
        [(np.flatnonzero(source != s), np.flatnonzero(source == s)) for s in range(len(union.sources))],
        lambda: drawn_through(bundle),
        kept=lambda rows: rows[_kept(source[rows])],
        missed_in="each source left out in turn",
    )


def _neighbours(of: Across, fit: IntArray) -> TrainingNeighbours:
    chosen = fit[_kept(of.union.source[fit])]
    union = of.union
    return TrainingNeighbours(
        features=of.vectors[chosen],
        labels=tuple(union.classes[k] for k in union.labels[chosen]),
        paths=tuple(of.paths[i] for i in chosen),
    )


def _memory(opened: Sequence[Dataset], of: Across, fit: IntArray) -> Memory:
    """Digests of every file, and of each photo what tells whole copies; its local features would weigh too much."""
    family = of.union.families
    row = {int(family[i]): n for n, i in enumerate(fit.tolist())}
    photos, digests, start = list[Remembered](), dict[str, int](), 0
    fitted = set(fit.tolist())
    for number, (whole, part) in enumerate(zip(opened, of.parts, strict=True)):
        known = {record.family: row[int(family[start + i])] for i, record in enumerate(part.records)}
        found = local_features(part.records, part.pictures, part.cache)
        for i, (record, features) in enumerate(zip(part.records, found, strict=True), start):
            if i in fitted:
                bare = replace(features, points=features.points[:0], descriptors=features.descriptors[:0])
                photos.append(remember(f"{number}/{record.path}", bare))
        digests |= {record.sha256: known[record.family] for record in whole.records}
        start += len(part)
    return Memory(tuple(photos), digests)
