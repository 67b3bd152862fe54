"""Draws trees of data sets at random, oddly named, with what is true of each image, for tests of inference."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from hypothesis import strategies as st


def offered(message: str) -> list[tuple[dict[str, list[str]], int, int]]:
    """The readings that a question offers, as printed: (option -> values), images, classes."""
    found = []
    pattern = r"(--(?:layout|table|columns) '.*?) \(([\d,]+) (?:images|classes).*?\)(?=; or |\.$)"
    for part in re.finditer(pattern, message):
        words = shlex.split(part[1])
        given: dict[str, list[str]] = {}
        for key, value in zip(words[::2], words[1::2], strict=True):
            given.setdefault(key.removeprefix("--"), []).append(value)
        classes = re.search(r"(\d+) class", part[0])
        found.append((given, int(part[2].replace(",", "")), int(classes[1]) if classes else 0))
    return found


SPLITS = {
    "train": [
        *("train", "Training_Set (1)", "TRAIN", "trainingdata", "my-train-set", "emotion_trainingdataset"),
        *("01_train", "entrenamiento", "训练集", "обучение", "Train Images", "data_train"),
    ],
    "valid": [
        *("val", "valid", "Validation", "dev", "my-val-set", "validation (2)", "验证集", "valid_images", "валидация"),
    ],
    "test": [
        *("test", "testing", "my-test-set", "Test_Set", "holdout", "held-out", "测试", "TEST (copy)", "testdaten_test"),
        *("prueba", "тест"),
    ],
}
CLASSES = [
    ["happy", "Sad", "Angry", "Other"],
    ["fröhlich", "traurig", "wütend"],
    ["生气", "高兴", "悲伤"],
    ["feliz", "triste"],
    ["relaxed", "alert", "blorp"],
    ["01_happy", "02_sad", "03_angry"],
    ["happy_cats", "sad_cats"],
    ["A", "B"],
    ["0", "1", "2"],
    ["qux", "zorg", "flim"],
    ["level1", "level2", "level3"],
    ["class_a", "class_b"],
    ["Duchenne smile", "flat ears"],
    ["cat", "dog"],
    ["cat", "lynx"],
    ["latest", "contest"],
    ["training", "resting", "eating"],
]
SPECIES = [["cat", "dog"], ["Cats", "Dogs", "Rabbits"], ["katze", "hund"], ["axolotl", "quokka"], ["猫", "狗"]]
ANIMALS = [
    ["animal-0", "animal-1", "animal-2"],
    ["rex", "bella", "tom"],
    ["1", "2", "3", "4"],
    ["cat_01", "cat_02"],
    ["Happy", "Rex", "Luna"],
    ["Dev", "Rex", "Val"],
    ["subject_a", "subject_b"],
    ["IMG set 1", "IMG set 2"],
    ["4711", "0815"],
    ["Session 1", "Session 2"],
]
FOLDS = [["fold_1", "fold_2", "fold_3"], ["Fold (1)", "Fold (2)"], ["cv0", "cv1"], ["part_a", "part_b"], ["1", "2"]]
SKIPPED = [["batch_a", "batch_b"], ["images"], ["2023", "2024"], ["phone", "camera"], ["session1", "session2"]]
WRAPPERS = ["Master Folder", "archive (2)", "data", "pets", "x"]


@dataclass(frozen=True)
class Truth:
    """What is true of one image; "" where the tree does not say it."""

    split: str = ""
    class_name: str = ""
    species: str = ""
    animal: str = ""
    fold: str = ""


@dataclass(frozen=True)
class Tree:
    """A drawn data set: its levels from the outside in, and path -> truth."""

    levels: tuple[str, ...]
    images: dict[str, Truth]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A class level, and any of splits, species, animals, folds and folders without meaning, in any order."""
    others = draw(st.lists(st.sampled_from(["split", "species", "animal", "fold", "skip"]), unique=True, max_size=3))
    levels = tuple(draw(st.permutations(["class", *others])))
    names = {
        "class": draw(st.sampled_from(CLASSES)),
        "species": draw(st.sampled_from(SPECIES)),
        "animal": draw(st.sampled_from(ANIMALS)),
        "fold": draw(st.sampled_from(FOLDS)),
        "skip": draw(st.sampled_from(SKIPPED)),
    }
    kept = draw(st.sampled_from([("train", "test"), ("train", "valid"), ("train", "valid", "test"), ("train",)]))
    split_names = {split: draw(st.sampled_from(SPLITS[split])) for split in kept}
    own_animals = draw(st.booleans())  # each class (or split) has animals of its own
    wrapper = draw(st.lists(st.sampled_from(WRAPPERS), max_size=2))
    gaps = draw(st.integers(0, 3))  # every so many combinations one is missing
    images: dict[str, Truth] = {}
    number = 0

    def grow(depth: int, path: list[str], said: dict[str, str]) -> None:
        nonlocal number
        if depth == len(levels):
            number += 1
            if gaps and number % (gaps + 5) == 0:
                return
            for i in range(2 + number % 3):
                images["/".join([*path, f"{number}_{i}.jpg"])] = Truth(**said)
            return
        level = levels[depth]
        if level == "split":
            for split, name in split_names.items():
                grow(depth + 1, [*path, name], {**said, "split": split})
            return
        for k, name in enumerate(names[level]):
            if level == "animal" and own_animals and depth and (k + len(path[-1])) % 2:
                continue
            field = {"class": "class_name", "skip": ""}.get(level, level)
            grow(depth + 1, [*path, name], {**said, field: name} if field else said)

    grow(0, wrapper, {})
    return Tree(levels, images)
