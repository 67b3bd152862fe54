"""`petmood leaderboard`: data and a registry of methods -> honest scores of each, cached fold by fold's repeat."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from petmood.dataset import open_dataset
from petmood.dataset.dataset import backbone_named
from petmood.methods.reading import MethodData
from petmood.methods.standings import LeaderboardSettings, Runs, standings
from petmood.progress import Progress
from petmood.results.methods import LeaderboardFacts, LeftOut
from petmood.split import Fold, fewest_folds, grouped_folds, test_fold
from petmood.training.catalog import Method, choose
from petmood.training.recipes import RECIPES_VERSION

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
    from threadpoolctl import threadpool_limits

    methods = choose(settings.only)
    for stands in settings.means.use.values():
        # what the user named must be there; what nobody named is merely left out
        backbone_named(stands)
    with open_dataset(data, seed=settings.seed, progress=progress) as opened, threadpool_limits(1):
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
