"""Several open data sets -> what a model trained on some of them is worth on another, and what controls are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from petmood.analyses.travel.certainty import certainty, certainty_of_one, unlike
from petmood.analyses.travel.facts import TravelCell, TravelChoice, TravelFacts, TravelSource
from petmood.analyses.travel.methods import further
from petmood.analyses.travel.readers import MODEL, angry_cats, heads, remembered, species_alone
from petmood.dataset import Dataset
from petmood.dataset.across import Across, join_datasets
from petmood.evaluation import sources
from petmood.evaluation.statistics import BOOTSTRAP
from petmood.features import Backbone
from petmood.progress import Tick
from petmood.records import IntArray


def not_asked(data: Dataset, backbone: str, seed: int, why_not: str = "") -> TravelFacts:
    """What is known with one source: nothing of elsewhere."""
    one = _source(data.manifest.name, data.photos.labels, data.classes)
    return TravelFacts(backbone=backbone, seed=seed, ci_method=BOOTSTRAP, model=MODEL, sources=(one,), why_not=why_not)


def travel_facts(
    data: Sequence[Dataset],
    mapping: Mapping[str, str],
    backbone: Backbone,
    seed: int = 42,
    *,
    methods: bool = False,
    tick: Tick = lambda done, total: None,
) -> TravelFacts:
    """Join data sets, find the photos that they share, and judge each by models of the others.

    Args:
        data: two or more, open; the first one's classes name all.
        mapping: class names of the others -> those; names that differ in case alone need no entry.
        backbone: with an ImageNet head, which tells species.
        seed: of folds and intervals.
        methods: also other heads, the choice among them, everything that was tried, and certainty of one source (slow).
        tick: where to show how far it is.

    Raises:
        ConfigError: a class that is neither the first one's nor mapped to one of them.
        DataError: too few photos, classes or sources to judge.
        ModelError: the backbone has no ImageNet head.
    """
    of = join_datasets(data, mapping, backbone)
    return facts_across(of, seed, methods=methods, tick=tick)


def facts_across(
    of: Across, seed: int = 42, *, methods: bool = False, tick: Tick = lambda done, total: None
) -> TravelFacts:
    """The same of data sets that are joined."""
    union, every = of.union, heads(of)
    model = every[MODEL]
    steps = 5 if methods else 4
    tick(0, steps)
    cells = tuple(matrix_cells(union, MODEL, model, seed))
    tick(1, steps)
    controls = tuple(control_cells(union, of, seed))
    tick(2, steps)
    sure = list(certainty(union, model, seed))
    tick(3, steps)
    levels = tuple(unlike(of, of.vectors, model))
    tick(4, steps)
    facts = TravelFacts(
        backbone=of.backbone.name,
        seed=seed,
        ci_method=BOOTSTRAP,
        model=MODEL,
        sources=tuple(
            _source(name, union.labels[union.photos(union.rows(i))], union.classes)
            for i, name in enumerate(union.sources)
        ),
        copies=tuple(tuple(of.paths[i] for i in rows) for rows in union.copies()),
        cells=cells,
        controls=controls,
        certainty=tuple(sure),
        unlike=levels,
    )
    if not methods:
        return facts
    if len(union.sources) > 2:
        sure += certainty_of_one(union, model, seed)
    tried = {name: remembered(reader) for name, reader in further(union, of.vectors, of.scores).items()}
    found = facts.model_copy(
        update={
            "heads": tuple(c for name, reader in every.items() for c in left_out_cells(union, name, reader, seed)),
            "chosen": tuple(_chosen(union, every, seed)),
            "tried": tuple(c for name, reader in tried.items() for c in left_out_cells(union, name, reader, seed)),
            "certainty": tuple(sure),
        }
    )
    tick(5, steps)
    return found


def _source(name: str, labels: IntArray, classes: Sequence[str]) -> TravelSource:
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    return TravelSource(name=name, photos=len(labels), by_class=dict(zip(classes, counts, strict=True)))


def matrix_cells(union: sources.Pooled, subject: str, reader: sources.Reader, seed: int) -> Iterator[TravelCell]:
    """Each source left out, beside its own folds; then, of three and more, each pair."""
    yield from left_out_cells(union, subject, reader, seed)
    yield from _in_source_cells(union, subject, reader, seed)
    if len(union.sources) > 2:
        for fold in sources.one_to_one_folds(union):
            yield _cell(union, subject, [fold], reader, seed)


def _in_source_cells(union: sources.Pooled, subject: str, reader: sources.Reader, seed: int) -> Iterator[TravelCell]:
    """A reader in folds of each source that has two moods or more, each of two photos or more."""
    for source in range(len(union.sources)):
        counts = np.bincount(union.labels[union.photos(union.rows(source))])
        counts = counts[counts > 0]
        if len(counts) > 1 and counts.min() > 1:
            yield _cell(union, subject, sources.in_source_folds(union, source, seed=seed), reader, seed)


def left_out_cells(union: sources.Pooled, subject: str, reader: sources.Reader, seed: int) -> tuple[TravelCell, ...]:
    """A reader on each source left out."""
    return tuple(_cell(union, subject, [fold], reader, seed) for fold in sources.left_out_folds(union))


def control_cells(union: sources.Pooled, of: Across, seed: int) -> Iterator[TravelCell]:
    """Species as the other sources teach it, as the judged one does in grouped folds, and the rule "angry = cat"."""
    alone = species_alone(union, of.scores)
    yield from left_out_cells(union, "species", alone, seed)
    yield from _in_source_cells(union, "species", alone, seed)
    rule = angry_cats(union)
    if rule is not None:
        yield from left_out_cells(union, "angry-cats", rule, seed)


def _cell(
    union: sources.Pooled, subject: str, folds: Sequence[sources.SourceFold], reader: sources.Reader, seed: int
) -> TravelCell:
    found = sources.cell(union, sources.read(union, folds, reader), seed=seed)
    return TravelCell(
        subject=subject,
        kind=found.kind,
        trained_on=found.trained_on,
        judged_on=found.judged_on,
        n=found.n,
        n_train=found.n_train,
        removed=sum(len(fold.removed) for fold in folds),
        guessing=found.guessing,
        balanced=found.balanced,
        balanced_ci=found.balanced_ci,
        accuracy=found.accuracy,
        accuracy_ci=found.accuracy_ci,
    )


def _chosen(union: sources.Pooled, every: Mapping[str, sources.Reader], seed: int) -> Iterator[TravelChoice]:
    for choice in sources.choose_nested(union, every, seed=seed):
        found = sources.cell(union, choice.reading, seed=seed)
        yield TravelChoice(
            judged_on=found.judged_on,
            chosen=choice.chosen,
            n=found.n,
            balanced=found.balanced,
            balanced_ci=found.balanced_ci,
        )
