"""`petmood leaderboard`: data and a registry of methods -> honest scores of each, cached fold by fold's repeat."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.errors import ConfigError
from petmood.evaluate.crossfit import OutsideRows, cross_fit
from petmood.features import Backbone, load_backbone
from petmood.features.views import View, view_features
from petmood.progress import Progress, Silent, Timed
from petmood.records import Manifest
from petmood.results.leaderboard import LeaderboardFacts, LeftOut
from petmood.sources import Source, open_source
from petmood.split import Fold, grouped_folds, official_fold
from petmood.train.catalog import Method, choose
from petmood.train.recipes import RECIPES_VERSION, build
from petmood.workflows.families import read_split
from petmood.workflows.outside import Outside, open_outside
from petmood.workflows.standings import LeaderboardSettings, Runs, standings

_SCORES = "leaderboard/v1"


class Bench:
    """Data, backbones and cache, on which methods are run one after the other."""

    def __init__(
        self, manifest: Manifest, source: Source, cache: ContentCache, settings: LeaderboardSettings, progress: Progress
    ) -> None:
        self.manifest = manifest
        self.source = source
        self.cache = cache
        self.settings = settings
        self.progress = progress
        self.outside: Outside | None = None
        if settings.extra is not None:
            self.outside = open_outside(settings.extra, settings.mapping, manifest, source, cache, progress)
        self._backbones: dict[str, Backbone] = {}

    def lacks(self, method: Method) -> str | None:
        """What a method needs that is not at hand, or None."""
        if method.outside is not None and self.outside is None:
            return "outside images: give --extra FOLDER"
        for name in method.backbones():
            if name not in self._backbones:
                try:
                    self._backbones[name] = replace(load_backbone(self.settings.use.get(name, name)), name=name)
                except ConfigError:
                    return f"the backbone '{name}': give --use {name}=onnx:FILE"
        return None

    def run(self, method: Method) -> Runs:
        """All predictions of a method; those in the cache are not made again."""
        tables = [self._table(view, self.manifest, self.source) for view in method.views]
        keys = [key for _, key in tables]
        vectors = np.concatenate([vectors for vectors, _ in tables], axis=1)
        ends = np.cumsum([0, *(table.shape[1] for table, _ in tables)])
        blocks = [np.arange(a, b) for a, b in pairwise(ends)]
        outside, outside_key = self._outside(method)
        causes = [
            RECIPES_VERSION,
            self.manifest.digest,
            keys,
            method.recipe.described(),
            method.photos_only,
            outside_key,
        ]

        def predict(folds: list[Fold], seed: int) -> dict[str, Any]:
            began = time.process_time()
            made = cross_fit(
                lambda: build(method.recipe, blocks, seed),
                vectors,
                self.manifest,
                folds,
                photos_only=method.photos_only,
                outside=outside,
            )
            return {
                "index": made.index.tolist(),
                "probabilities": np.round(made.probabilities, 7).tolist(),
                "seconds": round(time.process_time() - began, 2),
            }

        repeats = min(self.settings.repeats, method.repeats)
        kept = []
        with self.progress.stage(method.title) as tick:
            for repeat in range(repeats):
                seed = self.settings.seed + repeat
                folds = list(grouped_folds(self.manifest, folds=self.settings.folds, seed=seed))
                key = [*causes, "grouped", self.settings.folds, seed]
                kept.append(self.cache.remember(_SCORES, key, partial(predict, folds, seed)))
                tick(repeat + 1, repeats + 1)
            test = self.cache.remember(
                _SCORES,
                [*causes, "official", self.settings.seed],
                lambda: predict([official_fold(self.manifest)], self.settings.seed),
            )
            tick(repeats + 1, repeats + 1)
        return Runs(
            np.array(kept[0]["index"]),
            np.array([k["probabilities"] for k in kept]),
            np.array(test["index"]),
            np.array(test["probabilities"]),
            round(sum(k["seconds"] for k in kept) + test["seconds"], 1),
            vectors.shape[1],
        )

    def _table(self, view: View, manifest: Manifest, source: Source) -> tuple[NDArray[np.float32], str]:
        with self.progress.stage(f"Features: {view.name}") as tick:
            table = view_features(manifest, source, self._backbones[view.backbone], view, self.cache, progress=tick)
        return table.vectors, table.key

    def _outside(self, method: Method) -> tuple[OutsideRows | None, Any]:
        if method.outside is None or self.outside is None:
            return None, None
        own = self.outside
        vectors = np.concatenate([self._table(view, own.manifest, own.source)[0] for view in method.views], axis=1)
        rows = OutsideRows(vectors, own.labels, np.arange(len(own.labels)), method.outside)
        return rows, [own.manifest.digest, own.labels.tolist(), method.outside]


def leaderboard(data: Path, settings: LeaderboardSettings, progress: Progress | None = None) -> LeaderboardFacts:
    """Evaluate methods by repeated grouped cross-validation over photos, and once on test.

    Predictions are kept in the cache by content, so that an interrupted run resumes and a repeated one only scores.

    Raises:
        PetmoodError: anything the user can mend.
    """
    from threadpoolctl import threadpool_limits

    shown = progress or Silent()
    methods = choose(settings.only)
    cache = ContentCache()
    with open_source(data) as source, threadpool_limits(1):
        # one thread: matrices are small, and threads that wait for each other take several times as long
        manifest = read_split(source, cache, Timed(shown), seed=settings.seed)
        official_fold(manifest)
        bench = Bench(manifest, source, cache, settings, shown)
        runs: dict[str, Runs] = {}
        left = []
        for method in methods:
            lacking = bench.lacks(method)
            if lacking is None:
                runs[method.name] = bench.run(method)
            else:
                left.append(LeftOut(name=method.name, reason=f"needs {lacking}"))
    return standings(data, manifest, settings, {m.name: m for m in methods}, runs, tuple(left))
