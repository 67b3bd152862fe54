"""Planted faults of single photos are found by their measures, and sound photos are left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from drawing import photo, saved, write_tree
from petmood.analyses.audit.quality import ISSUES, Thresholds, quality_facts, quality_table, read_quality, write_quality
from petmood.cache import ContentCache
from petmood.features.measures import measures, quality_measures
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.sources import FolderSource


def sharp(seed: int, size: tuple[int, int] = (224, 224)) -> Image.Image:
    """A photo with the fine grain that a lens in focus leaves."""
    grain = np.random.default_rng(seed).normal(0, 14, (size[1], size[0], 1))
    return Image.fromarray(np.clip(np.asarray(photo(seed, size)) + grain, 0, 255).astype(np.uint8))


PLANTED = {
    "blurred": photo(1).filter(ImageFilter.GaussianBlur(6)),
    "dark": sharp(2).point(lambda v: v // 6),
    "blown_out": sharp(3).point(lambda v: min(255, v * 3)),
    "plain": Image.new("RGB", (224, 224), (90, 120, 60)),
    "tiny": sharp(5, (40, 40)),
    "odd_shape": sharp(6, (900, 100)),
}


def test_planted_faults_are_found_and_sound_photos_left_alone(tmp_path: Path) -> None:
    files = {f"Sad/{name}.png": saved(image, "PNG") for name, image in PLANTED.items()}
    files |= {f"happy/sound{i}.jpg": saved(sharp(10 + i)) for i in range(6)}
    with Pictures(FolderSource(write_tree(tmp_path / "data", files))) as pictures:
        manifest = read_dataset(pictures.source, ContentCache())
        measured = quality_measures(manifest.records, pictures, ContentCache())
        assert measures(manifest.records, pictures, ContentCache()).shape == (12, 36)
    pet = np.where([r.path == "happy/sound0.jpg" for r in manifest.records], 0.02, 0.9)
    records = tuple(replace(r, family="one") if r.path.startswith("happy/sound1") else r for r in manifest.records)
    table = quality_table(replace(manifest, records=records), measured, pet=pet)
    assert table["path"].tolist() == [r.path for r in manifest.records]
    for name in PLANTED:
        assert table[f"is_{name}"][table["path"] == f"Sad/{name}.png"].all(), name
    sound = table["class"] == "happy"
    assert not any(table[f"is_{name}"][sound].any() for name in ISSUES if name != "no_pet")
    assert table["is_no_pet"][sound].tolist() == [True, *[False] * 5]
    facts = quality_facts(table)
    assert {issue.issue for issue in facts.issues} == set(ISSUES)
    assert facts.with_issue == len(PLANTED) + 1
    assert next(i for i in facts.issues if i.issue == "dark").worst[0] == "Sad/dark.png"
    write_quality(tmp_path / "quality.csv", table)
    again = read_quality(tmp_path / "quality.csv")
    assert all(np.array_equal(again[name], table[name]) for name in table)


def test_thresholds_are_applied_last(tmp_path: Path) -> None:
    files = {"Sad/a.png": saved(photo(1), "PNG"), "happy/b.png": saved(photo(2), "PNG")}
    with Pictures(FolderSource(write_tree(tmp_path / "data", files))) as pictures:
        manifest = read_dataset(pictures.source, ContentCache())
        measured = quality_measures(manifest.records, pictures, ContentCache())
    loose, strict = (quality_table(manifest, measured, thresholds=Thresholds(blurred=b)) for b in (0.0, 1e9))
    assert not loose["is_blurred"].any()
    assert strict["is_blurred"].all()
    assert np.array_equal(loose["sharpness"], strict["sharpness"])
    assert np.isnan(loose["pet"]).all()


def test_names_that_look_like_numbers_or_formulas_come_back_as_they_were(tmp_path: Path) -> None:
    names = ("1", "=1+1", "@x", "plain")
    measures = ("sharpness", "brightness", "white", "entropy", "short_side", "shape", "relative_size", "pet", "copies")
    table = {
        "path": np.array(names, dtype=object),
        "class": np.array(["1", "2", "1", "2"], dtype=object),
        "split": np.array([""] * 4, dtype=object),
        **{name: np.arange(4) for name in measures},
        **{f"is_{issue}": np.full(4, True) for issue in ISSUES},
    }
    write_quality(tmp_path / "q.csv", table)
    assert "'=1+1" in (tmp_path / "q.csv").read_text(encoding="utf-8")
    again = read_quality(tmp_path / "q.csv")
    assert (again["path"].tolist(), again["class"].tolist()) == (list(names), ["1", "2", "1", "2"])
