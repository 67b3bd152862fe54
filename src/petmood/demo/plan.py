"""What a demo set will hold: from a seed and the photos per class to a plan of every file, before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageEnhance

from petmood.demo.moods import MOODS
from petmood.demo.species import SPECIES
from petmood.demo.truth import Kind, Transform
from petmood.errors import ConfigError

_SMALL = 179 / 224
"""Some copies are smaller than their photo, as in the real data, where 179 stands beside 224."""


def draw_transform(size: int, rng: np.random.Generator) -> Transform:
    """A random transform of a photo of `size` x `size` pixels that changes at least one thing."""
    rotate = round(float(rng.uniform(3, 14) * rng.choice((-1, 1))), 2) if rng.uniform() < 0.45 else 0.0
    crop = None
    if rng.uniform() < 0.55:
        side = float(rng.uniform(0.78, 0.94))
        left, top = rng.uniform(0, 1 - side, 2)
        edges = (float(left), float(top), float(left) + side, float(top) + side)
        crop = (round(edges[0], 4), round(edges[1], 4), round(edges[2], 4), round(edges[3], 4))
    brightness = round(float(rng.uniform(0.7, 1.3)), 3) if rng.uniform() < 0.5 else 1.0
    plain = not rotate and crop is None and brightness == 1.0
    return Transform(
        flip=bool(rng.uniform() < 0.5) or plain,
        rotate=rotate,
        crop=crop,
        size=round(size * _SMALL) if rng.uniform() < 0.5 else size,
        brightness=brightness,
    )


def augmented(photo: Image.Image, transform: Transform) -> Image.Image:
    """The square RGB photo, transformed."""
    image = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if transform.flip else photo
    if transform.rotate:
        image = image.rotate(transform.rotate, Image.Resampling.BICUBIC)
        angle = math.radians(abs(transform.rotate))
        margin = (1 - 1 / (math.cos(angle) + math.sin(angle))) / 2
        image = _cropped(image, (margin, margin, 1 - margin, 1 - margin))
    if transform.crop is not None:
        image = _cropped(image, transform.crop)
    image = image.resize((transform.size, transform.size), Image.Resampling.LANCZOS)
    return image if transform.brightness == 1.0 else ImageEnhance.Brightness(image).enhance(transform.brightness)


def _cropped(image: Image.Image, edges: tuple[float, float, float, float]) -> Image.Image:
    left, top, right, bottom = edges
    box = (left * image.width, top * image.height, right * image.width, bottom * image.height)
    return image.crop((math.ceil(box[0]), math.ceil(box[1]), math.floor(box[2]), math.floor(box[3])))


DEFAULT_PHOTOS: Mapping[str, int] = {"happy": 58, "Sad": 54, "Angry": 50, "Other": 42}
SPECIES_SHARES: Mapping[str, tuple[float, ...]] = {
    "happy": (0.58, 0.08, 0.14, 0.10, 0.10),
    "Sad": (0.42, 0.16, 0.22, 0.10, 0.10),
    "Angry": (0.16, 0.56, 0.06, 0.06, 0.16),
    "Other": (0.20, 0.26, 0.14, 0.24, 0.16),
}
"""The planted imbalance: share of each species, in the order of `SPECIES`, among the photos of a mood."""
WRONG_SHARE = 0.08
"""Share of the photos that get a wrong label."""
_SPLIT_SHARES = {"train": 0.73, "valid": 0.12, "test": 0.15}
_FEWEST = 4
_STRENGTH = (0.6, 1.0)
_CLEAR = 0.75
_COPIES = 0.86
"""Augmented copies for each file of train, before the classes are evened out."""


@dataclass(frozen=True, slots=True)
class PhotoPlan:
    """One drawing: its number (which seeds it), where it goes and what it shows. `stem` names the file in its class."""

    number: int
    split: str
    mood: str
    label: str
    species: str
    strength: float
    stem: str = ""


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """A file made from a drawing: an augmented copy, or the same bytes under another name or label."""

    photo: PhotoPlan
    kind: Kind
    label: str
    stem: str
    transform: Transform | None


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """All drawings, the files made from them, and the stems of the three broken files."""

    photos: tuple[PhotoPlan, ...]
    copies: tuple[CopyPlan, ...]
    broken: tuple[str, str, str]


def checked_counts(photos_per_class: Mapping[str, int] | None) -> dict[str, int]:
    """Photos of each class in the order of the classes; the default where None is given.

    Raises:
        ConfigError: a class is unknown, missing, or has too few photos to stand in every split.
    """
    counts = dict(DEFAULT_PHOTOS if photos_per_class is None else photos_per_class)
    if set(counts) != set(MOODS):
        raise ConfigError(f"photos_per_class must name {', '.join(MOODS)}; got {', '.join(counts) or 'nothing'}.")
    for name, count in counts.items():
        if count < _FEWEST:
            raise ConfigError(f"class '{name}' has {count} photos; a demo set needs {_FEWEST} of each class or more.")
    return {name: counts[name] for name in MOODS}


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to `shares` that add up to `total` (largest remainders)."""
    exact = np.array(shares, dtype=np.float64) / sum(shares) * total
    whole = np.floor(exact).astype(int)
    for i in np.argsort(whole - exact, kind="stable")[: total - int(whole.sum())]:
        whole[i] += 1
    return [int(n) for n in whole]


def make_plan(counts: Mapping[str, int], seed: int, size: int) -> DemoPlan:
    """Decide everything about a demo set but its pixels."""
    rng = np.random.default_rng([seed, 0])
    photos = _mislabelled(_drawings(counts, rng), rng)
    numbered, doubles, broken = _named(photos, rng)
    train = [photo for photo in numbered if photo.split == "train"]
    doubled = {double.photo.number for double in doubles}
    copies = _balancing_copies([p for p in train if p.number not in doubled], train, doubles, size, rng)
    return DemoPlan(tuple(numbered), (*doubles, *copies), broken)


def _drawings(counts: Mapping[str, int], rng: np.random.Generator) -> list[PhotoPlan]:
    photos: list[PhotoPlan] = []
    for mood, count in counts.items():
        held_out = [max(1, round(count * _SPLIT_SHARES[split])) for split in ("valid", "test")]
        splits = ["train"] * (count - sum(held_out)) + ["valid"] * held_out[0] + ["test"] * held_out[1]
        quota = apportion(count, SPECIES_SHARES[mood])
        species = [name for name, n in zip(SPECIES, quota, strict=True) for _ in range(n)]
        rng.shuffle(species)
        for split, animal in zip(splits, species, strict=True):
            strength = round(float(rng.uniform(*_STRENGTH)), 3)
            photos.append(PhotoPlan(len(photos), split, mood, mood, animal, strength))
    return photos


def _mislabelled(photos: list[PhotoPlan], rng: np.random.Generator) -> list[PhotoPlan]:
    """Give some photos of every split a wrong label: only clear faces, for the label of a doubtful one is no error."""
    splits = list(_SPLIT_SHARES)
    quota = apportion(max(1, round(WRONG_SHARE * len(photos))), [sum(p.split == s for p in photos) for s in splits])
    labelled = list(photos)
    for split, wanted in zip(splits, quota, strict=True):
        clear = [p.number for p in photos if p.split == split and p.strength >= _CLEAR]
        for number in rng.permutation(clear)[:wanted]:
            photo = photos[number]
            others = [mood for mood in MOODS if mood != photo.mood]
            labelled[number] = replace(photo, label=others[int(rng.integers(len(others)))])
    return labelled


def _named(
    photos: list[PhotoPlan], rng: np.random.Generator
) -> tuple[list[PhotoPlan], list[CopyPlan], tuple[str, str, str]]:
    """Number the photos of each class across its splits, as the real set does, and plant the two doubles."""
    right = [p for p in photos if p.split == "train" and p.label == p.mood]
    twice, torn = (right[i] for i in rng.choice(len(right), 2, replace=False))
    other_labels = [mood for mood in MOODS if mood != torn.label]
    doubled_label, torn_label = twice.label, other_labels[int(rng.integers(len(other_labels)))]
    pool = {mood: sum(p.label == mood for p in photos) + 3 for mood in MOODS}
    stems = {mood: [f"{n + 1:03d}" for n in rng.permutation(size)] for mood, size in pool.items()}
    named = [replace(photo, stem=stems[photo.label].pop()) for photo in photos]
    doubles = [
        CopyPlan(named[twice.number], "duplicate", doubled_label, stems[doubled_label].pop(), None),
        CopyPlan(named[torn.number], "conflict", torn_label, stems[torn_label].pop(), None),
    ]
    return named, doubles, (stems["Sad"].pop(), stems["happy"].pop(), stems["Other"].pop())


def _balancing_copies(
    parents: list[PhotoPlan],
    train: list[PhotoPlan],
    doubles: list[CopyPlan],
    size: int,
    rng: np.random.Generator,
) -> list[CopyPlan]:
    """Augmented copies that bring every class of train to one size, so that rare classes get more of them."""
    have = {m: sum(p.label == m for p in train) + sum(d.label == m for d in doubles) for m in MOODS}
    target = max(round((1 + _COPIES) * sum(have.values()) / len(MOODS)), *have.values())
    copies: list[CopyPlan] = []
    for mood in MOODS:
        own = [photo for photo in parents if photo.label == mood]
        order: list[int] = []
        while own and len(order) < target - have[mood]:
            order += [int(i) for i in rng.permutation(len(own))]
        for k, i in enumerate(order[: target - have[mood]]):
            copies.append(CopyPlan(own[i], "augmented", mood, f"aug-{k}-{own[i].stem}", draw_transform(size, rng)))
    return copies
