"""Writing a demo set: from a seed to a folder of pictures in splits and classes, with its ground truth beside it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from petmood.demo.easel import SUPERSAMPLING, Easel
from petmood.demo.geometry import Frame
from petmood.demo.moods import MOODS, express
from petmood.demo.plan import CopyPlan, DemoPlan, PhotoPlan, augmented, checked_counts, make_plan
from petmood.demo.scenes import scene
from petmood.demo.species import PAINTERS, SPECIES
from petmood.demo.truth import (
    DATA_NAME,
    GENERATOR,
    SCHEMA,
    TRUTH_NAME,
    DemoFile,
    DemoTruth,
    PlantedFile,
    read_truth,
    truth_json,
)
from petmood.errors import ConfigError, DataError
from petmood.files import output_folder, settle
from petmood.progress import Tick, silent
from petmood.threads import streamed

_PLACE = {
    "dog": (0.33, 0.54),
    "cat": (0.322, 0.58),
    "rabbit": (0.275, 0.65),
    "hamster": (0.325, 0.54),
    "bird": (0.325, 0.56),
}
"""Scale (of the picture's width for one unit of the face) and height of the face's centre that show a species well."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A drawn face: the RGB picture, and its variant of the mood and background by name."""

    image: Image.Image
    variant: str
    scene: str


def draw_portrait(species: str, mood: str, strength: float, size: int, rng: np.random.Generator) -> Portrait:
    """Draw a face of `size` x `size` pixels; `strength` in 0..1 is how clearly it shows its mood."""
    variant, expression = express(mood, strength, rng)
    place, background = scene(size * SUPERSAMPLING, rng)
    width = background.width
    scale, height = _PLACE[species]
    frame = Frame(
        x=width * float(0.5 + rng.normal(0, 0.035)),
        y=width * float(height + rng.normal(0, 0.025)),
        scale=width * scale * float(rng.uniform(0.9, 1.1)),
        roll=float(np.clip(rng.normal(0, 0.13), -0.3, 0.3)),
        yaw=float(np.clip(rng.normal(0, 0.09), -0.2, 0.2)),
        pitch=0.13 * expression.nod + float(rng.normal(0, 0.03)),
    )
    easel = Easel(background, frame, rng, fur=float(rng.uniform(0.6, 1.3)))
    PAINTERS[species](easel, expression, rng)
    return Portrait(_photographed(easel.finished(size), rng), variant, place)


def _photographed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture under some light, by a camera with some noise."""
    light = float(rng.normal(1.0, 0.05)) * (1 + rng.normal(0, 0.025, 3))
    noise = rng.standard_normal((image.height, image.width, 1), dtype=np.float32) * float(rng.uniform(0.5, 2.0))
    pixels = np.asarray(image, dtype=np.float32) * light.astype(np.float32) + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


_SIZES = (64, 1024)
_QUALITY = 90


def write_demo(
    out: Path,
    *,
    seed: int = 0,
    size: int = 224,
    photos_per_class: Mapping[str, int] | None = None,
    progress: Tick = silent,
) -> DemoTruth:
    """Write a demo set of drawn pet faces to `out/data` and what was planted in it to `out/truth.json`.

    The same arguments give the same bytes. The folder appears whole or not at all. A finished set that was made with
    the same arguments is used as it is.

    Args:
        out: a new or empty folder, or one with such a set.
        seed: 0 or more.
        size: width and height of the photos in pixels, 64 to 1024.
        photos_per_class: photos to draw of each mood, 4 or more; by default 204 in all.
        progress: called with the number of images written and their total after each photo and its copies.

    Raises:
        DataError: `out` holds anything else, or cannot be written.
        ConfigError: another argument is out of range.
    """
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, got {seed}.")
    if not _SIZES[0] <= size <= _SIZES[1]:
        raise ConfigError(f"size must be {_SIZES[0]} to {_SIZES[1]} pixels, got {size}.")
    counts = checked_counts(photos_per_class)
    if out.is_dir():
        settle(out)
    if (out / TRUTH_NAME).is_file():
        return _reused(out, seed, size, counts)
    with output_folder(out, option="the folder") as folder:
        truth = _build(folder, seed, size, counts, progress)
    return replace(truth, root=out)


def _reused(out: Path, seed: int, size: int, counts: Mapping[str, int]) -> DemoTruth:
    """The finished set in `out`, if it is the one asked for and nobody has changed it."""
    truth = read_truth(out)
    wanted = {"generator": GENERATOR, "seed": seed, "size": size, "photos_per_class": dict(counts)}
    for name, value in wanted.items():
        found = getattr(truth, name)
        if found != value:
            raise DataError(
                f"{out} holds a demo set with {name} {found}, not {value}. Choose another folder or remove it."
            )
    for file in truth.files:
        path = truth.data / file.path
        if not path.is_file() or _digest(path.read_bytes()) != file.sha256:
            raise DataError(f"{path} of the demo set is missing or changed. Remove {out} and make the set anew.")
    return truth


def _build(root: Path, seed: int, size: int, counts: Mapping[str, int], progress: Tick) -> DemoTruth:
    plan = make_plan(counts, seed, size)
    copies: dict[int, list[CopyPlan]] = {}
    for copy in plan.copies:
        copies.setdefault(copy.photo.number, []).append(copy)
    total = len(plan.photos) + len(plan.copies)
    files: list[DemoFile] = []

    def drawn(photo: PhotoPlan) -> list[DemoFile]:
        rng = np.random.default_rng([seed, 1, photo.number])
        portrait = draw_portrait(photo.species, photo.mood, photo.strength, size, rng)
        return _written(root / DATA_NAME, photo, portrait, copies.get(photo.number, []))

    for made in streamed(plan.photos, drawn):
        files += made
        progress(len(files), total)
    files.sort(key=lambda file: file.path)
    rejected = _plant_broken(root / DATA_NAME, plan, seed, size)
    ignored = _plant_strays(root / DATA_NAME)
    truth = DemoTruth(
        schema=SCHEMA,
        generator=GENERATOR,
        seed=seed,
        size=size,
        photos_per_class=dict(counts),
        classes=MOODS,
        species=SPECIES,
        found=len(files) + len(rejected) + len(ignored),
        images=len(files),
        photos=len(plan.photos),
        derived=len(files) - len(plan.photos),
        files=tuple(files),
        rejected=rejected,
        ignored=ignored,
        wrong_labels=tuple(f.path for f in files if f.kind == "photo" and f.label != f.mood),
        exact_duplicates=tuple((str(f.parent), f.path) for f in files if f.kind == "duplicate"),
        conflicting_labels=tuple((str(f.parent), f.path) for f in files if f.kind == "conflict"),
        species_by_mood={
            mood: {name: sum((p.mood, p.species) == (mood, name) for p in plan.photos) for name in SPECIES}
            for mood in MOODS
        },
        root=root,
    )
    (root / TRUTH_NAME).write_text(truth_json(truth), encoding="utf-8", newline="\n")
    return truth


def _written(data: Path, photo: PhotoPlan, portrait: Portrait, copies: list[CopyPlan]) -> list[DemoFile]:
    """Write a photo and all files made from it, and tell what they are."""
    encoded = _jpeg(portrait.image)
    original = DemoFile(
        path=f"{photo.split}/{photo.label}/{photo.stem}.jpg",
        sha256=_digest(encoded),
        kind="photo",
        split=photo.split,
        label=photo.label,
        mood=photo.mood,
        species=photo.species,
        family=f"{photo.label}/{photo.stem}",
        parent=None,
        transform=None,
        variant=portrait.variant,
        scene=portrait.scene,
        strength=photo.strength,
    )
    _save(data / original.path, encoded)
    files = [original]
    for copy in copies:
        content = encoded if copy.transform is None else _jpeg(augmented(portrait.image, copy.transform))
        made = replace(
            original,
            path=f"{photo.split}/{copy.label}/{copy.stem}.jpg",
            sha256=_digest(content),
            kind=copy.kind,
            label=copy.label,
            parent=original.path,
            transform=copy.transform,
        )
        _save(data / made.path, content)
        files.append(made)
    return files


def _plant_broken(data: Path, plan: DemoPlan, seed: int, size: int) -> tuple[PlantedFile, ...]:
    """Write a JPEG cut short, a text with a picture's name, and an empty picture."""
    rng = np.random.default_rng([seed, 2])
    whole = _jpeg(draw_portrait("dog", "Sad", 1.0, size, rng).image)
    cut, text, empty = plan.broken
    planted = (
        (PlantedFile(f"train/Sad/{cut}.jpg", "JPEG cut short"), whole[: len(whole) * 2 // 5]),
        (PlantedFile(f"train/happy/{text}.jpg", "text, not an image"), b"A picture of a happy dog should be here.\n"),
        (PlantedFile(f"valid/Other/{empty}.png", "empty file"), b""),
    )
    for file, content in planted:
        _save(data / file.path, content)
    return tuple(file for file, _ in planted)


def _plant_strays(data: Path) -> tuple[PlantedFile, ...]:
    """Write what file managers and people leave in folders of pictures."""
    planted = (
        (PlantedFile(".DS_Store", "macOS folder settings"), b"\0\0\0\1Bud1" + bytes(24)),
        (PlantedFile("notes.txt", "text"), b"Drawn by petmood demo-data; what was planted is in truth.json.\n"),
        (PlantedFile("train/Thumbs.db", "Windows thumbnail cache"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(24)),
    )
    for file, content in planted:
        _save(data / file.path, content)
    return tuple(file for file, _ in planted)


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
