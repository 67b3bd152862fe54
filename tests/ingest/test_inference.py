"""The layout of a tree is read right or asked for: never wrong in silence."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from petmood.errors import DataError
from petmood.ingest.layout import find_layout
from trees import Tree, trees


def outcome(tree: Tree) -> str:
    """ "read" or "asked"; fails where an image is read wrong, or left out."""
    names = sorted(tree.images)
    try:
        layout = find_layout(names, labelled=True, where="data")
    except DataError as error:
        if "--layout" not in str(error):
            raise
        return "asked"
    assert len(layout.placed) == len(names), f"left out images: {layout.text}"
    for placed in layout.placed:
        truth = tree.images[placed.path]
        shown = f"{placed} by {layout.text}, true is {truth}"
        assert placed.class_name.casefold() == truth.class_name.casefold(), shown
        assert placed.split == truth.split, shown
        # what the class lies above of may go unread, but is never taken for something else
        assert placed.species in ("", truth.species), shown
        assert placed.animal in ("", truth.animal), shown
        assert bool(placed.fold) <= bool(truth.fold), shown
    pairs = {(p.fold, tree.images[p.path].fold) for p in layout.placed if p.fold}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    return "read"


@pytest.mark.parametrize("n", [200, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_random_trees_are_read_right_or_asked_for(n: int, capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=n, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    @given(trees())
    def check(tree: Tree) -> None:
        assume(len({truth.class_name for truth in tree.images.values()}) > 1)
        what = outcome(tree)
        event(what)
        seen[what] += 1

    check()
    with capsys.disabled():
        sys.stdout.write(f"\n{seen.total()} random trees: {seen['read']} read right, {seen['asked']} asked, 0 wrong\n")
    assert seen["read"] > 0.15 * seen.total()
