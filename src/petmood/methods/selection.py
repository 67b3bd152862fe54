"""Registered methods and a budget -> all judged by nested cross-validation, one chosen, the price of choosing told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from petmood.bundle.composite import why_not_one_graph
from petmood.bundle.schema import SearchFacts, StandingFacts, VersusFacts
from petmood.errors import DataError
from petmood.evaluation.nested import Nested, NestedScores, choose_nested, judge
from petmood.evaluation.protocols import Predictions, grouped_name
from petmood.evaluation.statistics import compare_pair, mean_interval
from petmood.features.views import View
from petmood.methods.reading import MethodData, MethodInputs
from petmood.methods.settings import AutoSettings
from petmood.records import IntArray, Manifest
from petmood.split import Fold, grouped_folds
from petmood.training.catalog import FROZEN, Method, candidates, distilled
from petmood.training.onnx_heads import why_no_operators
from petmood.training.recipes import RECIPES_VERSION

_JUDGED: Final = "auto/v1"


@dataclass(frozen=True)
class Candidate:
    """A method that was judged: what it reads, how it did, and why it can be no bundle, if so."""

    reading: MethodInputs
    judged: NestedScores
    seconds: float
    not_exported: str | None


@dataclass(frozen=True)
class Selection:
    """What a search found.

    Attributes:
        inside: the records that may be fitted on, as a data set of their own.
        rows: their numbers in the whole manifest.
        found: candidates by name, in the order in which they were judged.
        nested: predictions by whatever was chosen inside each outer fold's training photos.
        not_reached: names of methods for which the budget was too short.
        lacking: names of methods -> what they would have needed.
    """

    inside: Manifest
    rows: IntArray
    found: dict[str, Candidate]
    nested: Nested
    not_reached: tuple[str, ...]
    lacking: dict[str, str]

    def ranked(self) -> list[str]:
        """Names of candidates that can be a bundle, best first; of equals the one judged first."""
        able = [name for name, candidate in self.found.items() if candidate.not_exported is None]
        return sorted(able, key=lambda name: -self.hits(name).mean())

    def hits(self, name: str) -> NDArray[np.bool_]:
        """(n,) bool: which photos a candidate read right, each by a model that saw nothing of its family."""
        return self.found[name].judged.predictions.hits(self.inside)


Watch = Callable[[Sequence[StandingFacts], str], None]
"""Called with the standings so far, best first, and the title of what is judged next ("" at the end)."""


def contest(bench: MethodData, rows: IntArray, settings: AutoSettings, watch: Watch) -> Selection:
    """Judge candidates until the budget is spent; what the cache knows costs nothing, so that a search resumes.

    Args:
        bench: the whole data set, backbones and cache.
        rows: records that may be fitted on; no other takes part in anything.
        settings: budget, folds, seed.
        watch: is shown the standings after each candidate.

    Raises:
        DataError: a class has too few photos for nested folds.
    """
    inside = bench.data.manifest.subset(rows)
    outer = list(grouped_folds(inside, folds=settings.folds, seed=settings.seed))
    began = time.monotonic()
    found: dict[str, Candidate] = {}
    late, lacking = [], {}
    means = settings.means
    asked = candidates(
        None if means.extra is None else settings.extra_weight,
        None if means.unlabelled is None else settings.unlabelled_weight,
    )
    able = {method.name: reason for method in asked if (reason := bench.lacks(method)) is None}
    lacking = {method.name: bench.lacks(method) or "" for method in asked if method.name not in able}
    order = sorted((m for m in asked if m.name in able), key=lambda m: _place(bench, m))
    for method in order:
        if found and time.monotonic() - began >= settings.budget:
            late.append(method.name)
            continue
        watch(standings(inside, found, {}), method.title)
        try:
            found[method.name] = candidate(bench, method, inside, rows, outer, settings)
        except DataError as error:
            if method.name == FROZEN:
                raise
            lacking[method.name] = f"other data: {error}"
    choosable = {name: c.judged for name, c in found.items() if c.not_exported is None}
    nested = choose_nested(choosable, outer)
    watch(standings(inside, found, nested.chosen), "")
    return Selection(inside, rows, found, nested, tuple(late), lacking)


def _place(bench: MethodData, method: Method) -> tuple[bool, bool, bool]:
    """The frozen baseline comes first, then what reads networks that the user named, and last what can be no bundle."""
    named = any(name in bench.means.use for name in method.backbones())
    return why_no_bundle(bench, method) is not None, method.name != FROZEN, not named


def candidate(
    bench: MethodData, method: Method, inside: Manifest, rows: IntArray, outer: Sequence[Fold], settings: AutoSettings
) -> Candidate:
    """Judge one method, or read from the cache how it was judged."""
    reading = bench.read(method)

    def predict(data: Manifest, picked: IntArray, folds: Sequence[Fold]) -> Predictions:
        return reading.predict(data, rows[picked], folds, settings.seed)

    def compute() -> dict[str, Any]:
        began = time.process_time()
        made = judge(predict, inside, outer, folds=settings.folds, seed=settings.seed)
        spent = round(time.process_time() - began, 2)
        return {**made.predictions.kept(7), "inner": list(made.inner), "seconds": spent}

    causes = [RECIPES_VERSION, inside.digest, *reading.causes, settings.folds, settings.seed]
    kept = bench.data.cache.remember(_JUDGED, causes, compute)
    scores = NestedScores(Predictions.read(kept, len(inside.classes)), tuple(kept["inner"]))
    return Candidate(reading, scores, kept["seconds"], why_no_bundle(bench, method))


def why_no_bundle(bench: MethodData, method: Method) -> str | None:
    """Why a method that lacks nothing can be no bundle, or None."""
    views = [(view, bench.backbone(view.backbone)) for view in method.views]
    return why_no_operators(method.recipe) or why_not_one_graph(views)


def distil(bench: MethodData, made: Selection, name: str, settings: AutoSettings) -> Selection:
    """The same with a student of a candidate added, judged on the same folds; it takes no part in the choice."""
    teacher = made.found[name].reading.method
    shared = next((v for v in teacher.views if v.pooling == "mean"), teacher.views[0])
    student = View(shared.backbone)
    method = distilled(teacher, student)
    outer = list(grouped_folds(made.inside, folds=settings.folds, seed=settings.seed))
    judged = candidate(bench, method, made.inside, made.rows, outer, settings)
    return replace(made, found={**made.found, method.name: judged})


def standings(inside: Manifest, found: Mapping[str, Candidate], chosen: Mapping[str, int]) -> tuple[StandingFacts, ...]:
    """Candidates, best first."""
    rows = []
    for name, one in found.items():
        made = one.judged.predictions
        hits, truth = made.hits(inside), inside.class_index[made.index]
        rows.append(
            StandingFacts(
                name=name,
                title=one.reading.method.title,
                accuracy=float(hits.mean()),
                accuracy_ci=mean_interval(hits),
                macro_f1=float(f1_score(truth, made.predicted, average="macro", zero_division=0.0)),
                n=len(hits),
                seconds=one.seconds,
                chosen=chosen.get(name, 0),
                not_exported=one.not_exported,
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.accuracy))


def search_facts(made: Selection, winner: str, settings: AutoSettings) -> SearchFacts:
    """What a bundle tells of the search that made it."""
    return SearchFacts(
        winner=winner,
        protocol=f"{grouped_name(settings.folds)} over the photos of train and valid",
        budget_seconds=settings.budget,
        standings=standings(made.inside, made.found, made.nested.chosen),
        not_reached=made.not_reached,
        lacking=made.lacking,
        versus=versus(made) if len(made.found) > 1 else None,
    )


def versus(made: Selection) -> VersusFacts:
    """The nested choice against the frozen baseline, photo by photo."""
    baseline, nested = made.hits(FROZEN), made.nested.predictions.hits(made.inside)
    test = compare_pair(nested, baseline)
    low, high = (100 * bound for bound in test.interval)
    beats = test.difference > 0 and test.differ
    words = "beats" if beats else "does not beat" if test.difference <= 0 else "cannot be said to beat"
    title = made.found[FROZEN].reading.method.title
    return VersusFacts(
        baseline=FROZEN,
        baseline_accuracy=float(baseline.mean()),
        nested_accuracy=float(nested.mean()),
        n=len(nested),
        difference=test.difference,
        difference_ci=test.interval,
        p=test.p,
        beats=beats,
        verdict=(
            f"Choosing by nested cross-validation has {nested.mean():.3f} of {len(nested)} photos right and {words} "
            f"the baseline ({title}: {baseline.mean():.3f}): {100 * test.difference:+.1f} points "
            f"(95 % {low:+.1f} to {high:+.1f}; McNemar's p {'< 0.001' if test.p < 0.001 else f'= {test.p:.3f}'})."
        ),
    )
