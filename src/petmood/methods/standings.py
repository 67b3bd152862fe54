"""Predictions of methods -> the facts of a leaderboard: scores, intervals, differences, the worth of the choice."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from petmood.dataset import open_dataset
from petmood.dataset.dataset import backbone_named
from petmood.errors import ConfigError
from petmood.evaluation.metrics import score
from petmood.evaluation.protocols import grouped_name
from petmood.evaluation.statistics import best_of_many, mean_interval, tell_apart
from petmood.methods.reading import Means, MethodData
from petmood.progress import Progress
from petmood.records import Manifest
from petmood.results.base import Identity
from petmood.results.methods import Choice, LeaderboardFacts, LeftOut, MethodScore
from petmood.split import Fold, fewest_folds, grouped_folds, test_fold
from petmood.threads import one_thread
from petmood.training.catalog import FROZEN, SPECIES_ONLY, Method, choose
from petmood.training.recipes import RECIPES_VERSION


@dataclass(frozen=True)
class LeaderboardSettings:
    """What a leaderboard runs.

    Attributes:
        only: names of methods; all if empty.
        seed: of the first repeat; repeat r uses seed + r for its folds and random choices.
        folds: of grouped cross-validation.
        repeats: at most so many for each method; a method may set fewer.
        means: backbones and outside images that methods may use.
    """

    only: tuple[str, ...] = ()
    seed: int = 42
    folds: int = 5
    repeats: int = 10
    means: Means = field(default_factory=Means)

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.folds < 2:
            raise ConfigError(f"repeats must be 1 or more and folds 2 or more, got {self.repeats} and {self.folds}.")


@dataclass(frozen=True)
class Runs:
    """Out-of-sample predictions of a method.

    Attributes:
        index: (n,) record indices of the photos, ascending.
        grouped: (repeats, n, n_classes) float64 probabilities under grouped cross-validation.
        test_index: record indices of the test photos.
        test: probabilities of the test photos.
        seconds: of fitting and predicting everything, as first measured.
        dim: number of features read.
    """

    index: NDArray[np.int64]
    grouped: NDArray[np.float64]
    test_index: NDArray[np.int64]
    test: NDArray[np.float64]
    seconds: float
    dim: int

    def hits(self, truth: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) share of repeats in which each photo was read right; truth is (n,) class indices."""
        return np.asarray((self.grouped.argmax(axis=2) == truth).mean(axis=0), dtype=np.float64)


def standings(
    data: Path,
    manifest: Manifest,
    settings: LeaderboardSettings,
    methods: Mapping[str, Method],
    runs: Mapping[str, Runs],
    left: tuple[LeftOut, ...],
) -> LeaderboardFacts:
    """Score and rank what was run.

    Args:
        data: as the user named it, for commands.
        manifest: truth.
        settings: what was asked for.
        methods: those asked for, by name.
        runs: predictions of those that could be run.
        left: those that could not.
    """
    truth = manifest.class_index
    hits = {name: run.hits(truth[run.index]) for name, run in runs.items()}
    rows = [_score(methods[name], run, hits[name], manifest, data, settings) for name, run in runs.items()]
    for reference, prefix in ((SPECIES_ONLY, "vs_species"), (FROZEN, "vs_frozen")):
        rows = _against(rows, hits, reference, prefix)
    rows.sort(key=lambda row: (-row.grouped_accuracy, row.name))
    choice = None
    if len(rows) > 1:
        worth = best_of_many(np.stack(list(hits.values())), seed=settings.seed)
        choice = Choice(
            winner=rows[0].name,
            apparent=worth.apparent,
            corrected=worth.corrected,
            corrected_ci=worth.interval,
            candidates=len(rows),
        )
    return LeaderboardFacts(
        data=manifest.name,
        data_sha256=manifest.digest,
        classes=manifest.classes,
        folds=settings.folds,
        seed=settings.seed,
        methods=tuple(rows),
        left_out=left,
        choice=choice,
    )


def _score(
    method: Method, run: Runs, hits: NDArray[np.float64], manifest: Manifest, data: Path, settings: LeaderboardSettings
) -> MethodScore:
    truth, predicted = manifest.class_index[run.index], run.grouped.argmax(axis=2)
    f1 = [f1_score(truth, guess, average="macro", zero_division=0.0) for guess in predicted]
    on_test = score(manifest.class_index[run.test_index], run.test.argmax(axis=1), manifest.classes)
    k = fewest_folds(manifest, settings.folds)
    return MethodScore(
        name=method.name,
        title=method.title,
        grouped_accuracy=float(hits.mean()),
        grouped_accuracy_ci=mean_interval(hits),
        grouped_macro_f1=float(np.mean(f1)),
        test_accuracy=on_test.accuracy,
        test_accuracy_ci=on_test.accuracy_ci,
        n=len(run.index),
        test_n=on_test.n,
        repeats=len(run.grouped),
        seconds=run.seconds,
        dim=run.dim,
        command=command(method, data, settings),
        identity=Identity(
            data=manifest.digest,
            model=method.name,
            training="photos" if method.photos_only else "files",
            protocol=f"{grouped_name(k)}, {len(run.grouped)} repeats",
            seed=settings.seed,
        ),
    )


def command(method: Method, data: Path, settings: LeaderboardSettings) -> str:
    """The command that gives one method's scores, with what it needs and nothing more."""
    words = ["petmood", "leaderboard", data.name, "--only", method.name]
    means = settings.means
    for name in method.backbones():
        if name in means.use:
            kind, _, rest = means.use[name].partition(":")
            words += ["--use", f"{name}={kind}:{Path(rest).name}" if rest else f"{name}={kind}"]
    if method.outside is not None and means.extra is not None:
        words += ["--extra", means.extra.name]
        words += [word for theirs, ours in means.mapping.items() for word in ("--map", f"{theirs}={ours}")]
    return shlex.join(words)


def _against(
    rows: list[MethodScore], hits: Mapping[str, NDArray[np.float64]], reference: str, prefix: str
) -> list[MethodScore]:
    """Differences from a reference method, with Holm's correction over the methods compared."""
    if reference not in hits:
        return rows
    names = [name for name in hits if name != reference]
    found = dict(zip(names, tell_apart([(hits[name], hits[reference]) for name in names]), strict=True))
    return [
        row
        if row.name not in found
        else row.model_copy(
            update={
                prefix: found[row.name].difference,
                f"{prefix}_ci": found[row.name].interval,
                f"{prefix}_p": found[row.name].p_adjusted,
            }
        )
        for row in rows
    ]


_SCORES = "leaderboard/v2"


def run(bench: MethodData, method: Method, settings: LeaderboardSettings) -> Runs:
    """All predictions of a method that lacks nothing; those in the cache are not made again."""
    manifest, cache, reading = bench.data.manifest, bench.data.cache, bench.read(method)
    k = fewest_folds(manifest, settings.folds)
    causes = [RECIPES_VERSION, manifest.digest, *reading.causes]

    def predict(folds: list[Fold], seed: int) -> dict[str, Any]:
        began = time.process_time()
        made = reading.predict(manifest, np.arange(len(manifest)), folds, seed)
        return {**made.kept(7), "seconds": round(time.process_time() - began, 2)}

    repeats = min(settings.repeats, method.repeats)
    kept = []
    with bench.data.timed.inner.stage(method.title) as tick:
        for repeat in range(repeats):
            seed = settings.seed + repeat
            folds = list(grouped_folds(manifest, folds=k, seed=seed))
            key = [*causes, "grouped", k, seed]
            kept.append(cache.remember(_SCORES, key, partial(predict, folds, seed)))
            tick(repeat + 1, repeats + 1)
        test = cache.remember(
            _SCORES, [*causes, "test", settings.seed], lambda: predict([test_fold(manifest)], settings.seed)
        )
        tick(repeats + 1, repeats + 1)
    return Runs(
        np.array(kept[0]["index"]),
        np.array([k["probabilities"] for k in kept]),
        np.array(test["index"]),
        np.array(test["probabilities"]),
        round(sum(k["seconds"] for k in kept) + test["seconds"], 1),
        reading.vectors.shape[1],
    )


def leaderboard(data: Path, settings: LeaderboardSettings, progress: Progress | None = None) -> LeaderboardFacts:
    """Evaluate methods by repeated grouped cross-validation over photos, and once on test.

    Predictions are kept in the cache by content, so that an interrupted run resumes and a repeated one only scores.
    """
    methods = choose(settings.only)
    for stands in settings.means.use.values():
        # what the user named must be there; what nobody named is merely left out
        backbone_named(stands)
    with open_dataset(data, seed=settings.seed, progress=progress) as opened, one_thread():
        # one thread: matrices are small, and threads that wait for each other take several times as long
        test_fold(opened.manifest)
        bench = MethodData(opened, settings.means)
        runs: dict[str, Runs] = {}
        left = []
        for method in methods:
            lacking = bench.lacks(method)
            if lacking is None:
                runs[method.name] = run(bench, method, settings)
            else:
                left.append(LeftOut(name=method.name, reason=f"needs {lacking}"))
        return standings(data, opened.manifest, settings, {m.name: m for m in methods}, runs, tuple(left))
