"""The layout of a tree is read right or asked for: never wrong in silence."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import product

import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from petmood.config import read_options
from petmood.errors import DataError
from petmood.ingest.layout import Layout, choose_classes, find_layout
from trees import Tree, offered, trees


def outcome(tree: Tree) -> str:
    """ "read" or "asked"; fails where an image is read wrong, or an offered reading is not as it is printed."""
    names = sorted(tree.images)
    try:
        layout = find_layout(names, labelled=True, where="data")
    except DataError as error:
        if "--layout" not in str(error):
            raise
        question = str(error)
    else:
        check_reading(tree, layout)
        return "read"
    # what is offered is true as printed
    for told, images, classes in offered(question):
        options = read_options(
            layout=told["layout"][0], splits=told.get("splits", [""])[0], exclude=told.get("exclude", [])
        )
        taken = choose_classes(find_layout(names, labelled=True, where="data", options=options), options)
        assert (len(taken.placed), len(taken.classes)) == (images, classes), question
    return "asked"


def check_reading(tree: Tree, layout: Layout) -> None:
    """Fails where an image is read wrong, or left out."""
    names = tree.images
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


MOODS = ["happy", "sad", "angry"]


def names_of(*levels: list[str], n: int = 4) -> list[str]:
    return sorted("/".join((*path, f"{i}.jpg")) for path in product(*levels) for i in range(n))


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (names_of(["train", "test"], [str(i) for i in range(7)]), "{split}/{class}/*"),
        (names_of(["train", "test"], ["images"], MOODS), "{split}/images/{class}/*"),
        (names_of(["cats", "dogs"], ["train", "test"], MOODS), "{species}/{split}/{class}/*"),
        (names_of(MOODS, ["train", "test"], ["rex", "tom"]), "{class}/{split}/*"),
        (names_of(["subject_01", "subject_02"], MOODS), "{animal}/{class}/*"),
        (names_of(["x"], ["y"], ["q", "r"]), "x/y/{class}/*"),
        (names_of(["train"], MOODS), "{split}/{class}/*"),
        (names_of(["test"], MOODS), "test/{class}/*"),
        (names_of(["Trainingsdaten", "Testdaten"], MOODS), "{split}/{class}/*"),
        (names_of(["eğitim", "doğrulama"], MOODS), "{split}/{class}/*"),
        ([f"{i:03d}_{mood}.jpg" for i in range(4) for mood in MOODS], "*_{class}.*"),
        (
            [f"{pet}-{mood}-{i}.jpg" for i in range(4) for mood in MOODS for pet in ("cat", "dog")],
            "{species}-{class}-*",
        ),
    ],
)
def test_what_is_sure_is_read(names: list[str], layout: str) -> None:
    assert find_layout(names, labelled=True, where="data").text == layout


@pytest.mark.parametrize(
    ("names", "why", "option"),
    [
        (names_of(["train", "test", "extra"], MOODS), "only some of", "'{split}/{class}/*' --splits 'extra='"),
        (names_of(["train", "eval", "test"], MOODS), "several of", "'{split}/{class}/*'"),
        (names_of(["train_1", "train_2", "test"], MOODS), "several of", "'{split}/{class}/*'"),
        (names_of(["cat_happy", "cat_sad", "dog_happy", "dog_sad"]), "in one name", "'{species}_{class}/*'"),
        (names_of([*MOODS, "unlabeled"]), "hardly for one", "'{class}/*' --exclude 'unlabeled'"),
        (names_of(["A", "B", "Raw"]), "hardly for one", "'{class}/*' --exclude 'Raw' (8 images"),
        (names_of([*MOODS, "new images"]), "hardly for one", "'{class}/*' (16 images, 4 classes"),
        (names_of(["Übung", "Test"], MOODS), "only some of", "--splits 'Übung=train' (24 images, 2 splits"),
        (names_of(["train", "späte"], MOODS), "only some of", "--splits 'späte=test' (24 images, 2 splits"),
        (names_of(["früh", "späte"], MOODS), "may mean anything", "--splits 'früh=train,späte=test'"),
        (names_of(["rex's", "o'tom"], MOODS), "may mean anything", "--layout '*/{class}/*'"),
        (names_of(["train"], MOODS) + [f"test/{i}.jpg" for i in range(4)], "hold folders", "'{split}/{class}/*' (12"),
        ([f"{a}_{b}_{i}.jpg" for a in MOODS for b in ("calm", "bored") for i in range(3)], "folders", "'*_{class}_*'"),
        (names_of(["validation", "happy", "sad"]), "may be classes", "'{class}/*'"),
        (names_of(["fold1", "fold2"], ["train", "test"], MOODS), "splits and folds", "'fold1/{split}/{class}/*'"),
        (names_of(["paris", "lyon"], ["train", "test"], MOODS), "2 data sets", "'lyon/{split}/{class}/*'"),
        (names_of(["train", "valid"], MOODS, n=8) + [f"test/{i}.jpg" for i in range(6)], "no class folder", "{class}"),
        ([*names_of(["happy", "sad"], n=9), "extra/a/1.jpg", "extra/b/2.jpg"], "others beside", "'{class}/*'"),
        (names_of([str(i) for i in range(30)]), "30 folders|may be classes", "'{class}/*'"),
    ],
)
def test_what_is_not_sure_is_asked_for_with_a_way_on(names: list[str], why: str, option: str) -> None:
    with pytest.raises(DataError, match=why) as caught:
        find_layout(sorted(names), labelled=True, where="data")
    assert option in str(caught.value)
