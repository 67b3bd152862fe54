"""Does fine-tuning travel? The upper half of Lite0, trained on all sources but one, beside the head of `travel`.

    python benchmarks/travel_finetune.py PETS DOGS THREE --map relaxed=Other --map hungry=Other [--epochs 4]

Each source is left out in turn, copies of its photos too. Photos weigh evenly over source and class, none more than
`MOST` times the mean, so that a small source is not learnt by heart. It prints balanced accuracy with its interval for
the head on frozen features, the fine-tuned network, and the mean of their log probabilities; needs the extra `train`.
"""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.travel.readers import mixture
from petmood.dataset.across import join_datasets, open_sources
from petmood.dataset.dataset import DEFAULT_BACKBONE, backbone_named
from petmood.dataset.outside import parse_map
from petmood.evaluation import sources
from petmood.evaluation.certainty_elsewhere import even_weights
from petmood.features.trunk import trunk_activations
from petmood.training.finetune import FineTunedHead
from petmood.training.settings import FineTuneSettings

MOST = 6.0
"""The largest weight of a photo, in units of the mean."""

TINY = 1e-6


def shown(union: sources.Pooled, fold: sources.SourceFold, said: NDArray[np.float64], seed: int) -> str:
    """Balanced accuracy on a source left out, with its interval."""
    found = sources.cell(union, sources.read(union, [fold], lambda _train, _evaluate: said), seed=seed)
    low, high = found.balanced_ci
    return f"{found.balanced:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    """Read the arguments, train once for each source left out, and print a row of Markdown for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--map", action="append", default=[])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--judged", help="leave out this source alone")
    asked = parser.parse_args()

    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    with ExitStack() as open_:
        opened = open_sources(asked.data, open_)
        of = join_datasets(opened, parse_map(asked.map), backbone_named(DEFAULT_BACKBONE))
        union, names = of.union, np.array(of.union.classes)
        views = np.concatenate([trunk_activations(p.manifest, p.pictures, p.cache) for p in of.parts])
        head = mixture(union, np.concatenate([of.scores, of.vectors], axis=1), of.scores.shape[1])
        print("| Left out | n | head on frozen features | fine-tuned | both |\n|---|---|---|---|---|")
        for fold in sources.left_out_folds(union):
            if asked.judged not in (None, union.sources[fold.judged]):
                continue
            weights = even_weights(union.labels[fold.train], union.source[fold.train])
            tuned = FineTunedHead(FineTuneSettings(epochs=asked.epochs, seed=asked.seed))
            tuned.fit(views[fold.train], names[union.labels[fold.train]], sample_weight=np.minimum(weights, MOST))
            said = np.zeros((len(fold.evaluate), len(names)))
            said[:, [union.classes.index(str(c)) for c in tuned.classes_]] = tuned.predict_proba(views[fold.evaluate])
            frozen = head(fold.train, fold.evaluate)
            both = np.sqrt((said + TINY) * (frozen + TINY))
            both /= both.sum(axis=1, keepdims=True)
            figures = " | ".join(shown(union, fold, p, asked.seed) for p in (frozen, said, both))
            print(f"| {union.sources[fold.judged]} | {len(fold.evaluate):,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
