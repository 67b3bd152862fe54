"""The demo set, whose photos are drawn from one template: every pair of copies is found in pixels, and none beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from petmood.dataset import open_dataset
from petmood.demo import DemoTruth


def pairs(families: Mapping[str, str]) -> set[tuple[str, str]]:
    members = defaultdict(list)
    for path, family in families.items():
        members[family].append(path)
    return {pair for group in members.values() for pair in combinations(sorted(group), 2)}


def test_pixels_alone_give_the_families_that_were_drawn(demo: tuple[Path, DemoTruth]) -> None:
    root, truth = demo
    with open_dataset(root / "data", families="pixels", splits=False) as opened:
        found = pairs({record.path: record.family for record in opened.records})
    drawn = pairs({file.path: file.family for file in truth.files})
    assert len(drawn) == 139
    assert found == drawn
