"""What cropping does to the head: photos read tighter and looser than those it was trained on, under grouped folds.

    python benchmarks/crops.py DATA [--photos 800] [--families auto] [--seed 42]

The head is fitted on photos as they are; each held-out photo is read whole, as the middle of it, and set into a scene
in which it fills half of each side. A last line trains and reads middles alike. Differences are paired, and corrected
together (Holm).
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

from petmood import images
from petmood.dataset import open_dataset
from petmood.dataset.dataset import DEFAULT_BACKBONE, Dataset, backbone_named
from petmood.evaluation.protocols import grouped
from petmood.evaluation.statistics import mean_interval
from petmood.evaluation.statistics.comparisons import tell_apart
from petmood.features.extract import embed_batch, open_session
from petmood.training.heads import LogisticHead

MIDDLES = (0.8, 0.6, 0.4)
ALIKE = 0.6


def middle(image: Image.Image, side: float) -> Image.Image:
    """A share of each side, about the middle."""
    return images.part(image, ((1 - side) / 2, (1 - side) / 2, side, side))


def scene(image: Image.Image) -> Image.Image:
    """The picture in the middle of one of twice its sides, whose rest is itself, mirrored at its edges."""
    top, left = (max(1, side // 2) for side in (image.height, image.width))
    return Image.fromarray(cv2.copyMakeBorder(np.asarray(image), top, top, left, left, cv2.BORDER_REFLECT))


def features(data: Dataset, shown: dict[str, object], root: Path) -> dict[str, NDArray[np.float32]]:
    """Of each way to show a photo: (n, dim) features."""
    backbone = backbone_named(DEFAULT_BACKBONE)
    session, size = open_session(backbone), backbone.preprocess.size
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in shown}
    for record in data.records:
        image = images.open_rgb((root / record.path).read_bytes())
        pixels = np.stack([images.shrunk(way(image), (size, size)) for way in shown.values()])  # type: ignore[operator]
        for name, row in zip(found, embed_batch(session, backbone, pixels)[0], strict=True):
            found[name].append(row)
    return {name: np.stack(rows) for name, rows in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=int, default=800)
    parser.add_argument("--families", default="auto", help="how copies are told: auto, names, pixels or both")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    with open_dataset(given.data, families=given.families, seed=given.seed) as opened:
        rows = opened.manifest.photo_index
        if len(rows) > given.photos:
            rows = np.sort(np.random.default_rng(given.seed).permutation(rows)[: given.photos])
        data = opened.subset(rows)
        shown = {"whole, as in training": lambda image: image}
        shown |= {f"the middle {side:.0%} of each side": partial(middle, side=side) for side in MIDDLES}
        shown["half of each side of a scene"] = scene
        found = features(data, shown, given.data)
        labels, manifest = np.array(data.classes)[data.labels], data.manifest
        hits = {name: np.zeros(len(rows)) for name in shown}
        alike = np.zeros(len(rows))
        whole, tight = next(iter(shown)), f"the middle {ALIKE:.0%} of each side"
        with threadpool_limits(1):
            for fold in grouped(manifest, 5, given.seed).folds(manifest):
                head = LogisticHead().fit(found[whole][fold.train], labels[fold.train])
                for name in shown:
                    hits[name][fold.evaluate] = head.predict(found[name][fold.evaluate]) == labels[fold.evaluate]
                own = LogisticHead().fit(found[tight][fold.train], labels[fold.train])
                alike[fold.evaluate] = own.predict(found[tight][fold.evaluate]) == labels[fold.evaluate]
        hits[f"{tight}, in training too"] = alike
    others = list(hits)[1:]
    tests = dict(zip(others, tell_apart([(hits[name], hits[whole]) for name in others]), strict=True))
    facts: list[dict[str, Any]] = []
    for name, right in hits.items():
        fact: dict[str, Any] = {
            "read as": name,
            "n": len(right),
            "accuracy": float(right.mean()),
            "accuracy_ci": mean_interval(right),
        }
        if name in tests:
            test = tests[name]
            fact |= {"difference": test.difference, "difference_ci": test.interval, "p": test.p_adjusted}
        facts.append(fact)
    if given.json:
        print(json.dumps(facts))
        return
    print(
        f"{given.data.name}: {len(rows)} photos, 5-fold grouped, always the most frequent class "
        f"{max(np.mean(labels == name) for name in data.classes):.3f}"
    )
    print("| read as | accuracy | against whole | p |\n|---|---|---|---|")
    for fact in facts:
        line = "| {} | {:.3f} ({:.3f} to {:.3f}) |".format(fact["read as"], fact["accuracy"], *fact["accuracy_ci"])
        if "p" not in fact:
            print(f"{line} | |")
            continue
        low, high = fact["difference_ci"]
        print(f"{line} {fact['difference']:+.3f} ({low:+.3f} to {high:+.3f}) | {fact['p']:.3g} |")


if __name__ == "__main__":
    main()
