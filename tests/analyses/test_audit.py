"""Audits of sets with planted flaws: each is found and counted; clean sets are called clean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from drawing import photo, saved, write_tree
from petmood.analyses.audit.compute import audit
from petmood.analyses.audit.facts import AUDIT_KEYS, AuditFacts
from petmood.analyses.audit.words import audit_lines
from petmood.cli.main import app
from petmood.config import RunSettings

SETTINGS = RunSettings(folds=2)

PLANTED: dict[str, Callable[[Image.Image], bytes]] = {
    "exact": saved,
    "re-encoded": lambda im: saved(im, quality=60),
    "mirrored": lambda im: saved(ImageOps.mirror(im)),
    "cropped": lambda im: saved(im.crop((15, 20, 140, 150))),
}


def clean() -> dict[str, bytes]:
    files, seed = {}, 0
    for split, count in (("train", 6), ("valid", 2), ("test", 4)):
        for name in ("Angry", "happy"):
            for i in range(count):
                files[f"{split}/{name}/{split}{i}.jpg"] = saved(photo(seed := seed + 1, (160, 160)))
    return files


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four test photos copied into train, one way each; two copies within train, one of them under another label."""
    files = clean()
    for i, make in enumerate(PLANTED.values()):
        files[f"train/Angry/planted{i}.jpg"] = make(photo(17 + i, (160, 160)))
    files["train/Angry/again.jpg"] = files["train/Angry/train0.jpg"]
    files["train/happy/other-label.jpg"] = saved(photo(2, (160, 160)).rotate(90), quality=70)
    files["train/happy/broken.jpg"] = b"no picture"
    files["notes.txt"] = b"notes"
    return write_tree(tmp_path_factory.mktemp("planted"), files)


@pytest.fixture(scope="module")
def found(planted: Path) -> AuditFacts:
    return audit(planted, SETTINGS)


def test_each_planted_leak_is_found_and_counted(found: AuditFacts) -> None:
    exact, near = found.duplicates.exact, found.duplicates.near
    assert (exact.images_in_test_copied_from_train, near.images_in_test_copied_from_train) == (1, 3)
    assert (exact.within_split_pairs, exact.across_split_pairs) == (1, 1)
    assert (near.within_split_pairs, near.across_split_pairs) == (1, 3)
    assert len(found.straddling) == 4
    assert {(Path(c.path_a).name, Path(c.path_b).name, c.kind) for c in found.copies} == {
        (f"test{i}.jpg", f"planted{i}.jpg", "exact" if i == 0 else "near") for i in range(4)
    }
    assert "leaking-splits" in {warning.code for warning in found.warnings}


def test_everything_is_accounted_for(found: AuditFacts) -> None:
    assert (found.images, found.photos) == (30, 24)
    assert (found.families.photos, found.families.derived) == (24, 6)
    assert sum(s.images for s in found.splits.values()) == sum(c.images for c in found.classes.values()) == 30
    assert found.families.by_split["train"].photos == 16
    assert [skipped.path for skipped in found.rejected] == ["train/happy/broken.jpg"]
    assert [skipped.path for skipped in found.ignored] == ["notes.txt"]


def test_a_photo_under_two_labels_is_named(found: AuditFacts) -> None:
    (conflict,) = found.conflicting_labels
    assert conflict.labels == ("Angry", "happy")
    assert set(conflict.paths) == {"train/Angry/train1.jpg", "train/happy/other-label.jpg"}


def test_a_clean_set_is_called_clean(tmp_path: Path) -> None:
    found = audit(write_tree(tmp_path / "data", clean()), SETTINGS)
    assert found.straddling == found.copies == found.conflicting_labels == ()
    assert found.duplicates.near == found.duplicates.exact
    assert found.duplicates.exact.across_split_pairs == 0
    assert {s.verdict for s in found.shortcuts} <= {"unclear", "no"}
    lines = " ".join(audit_lines(found))
    assert "No photo stands in more than one split." in lines
    assert "No image of test is a copy" in lines


@pytest.mark.parametrize(("name", "plant"), [("brightness", 1.0), ("size", 0.0), ("format", 0.0)])
def test_a_planted_shortcut_is_found_with_its_interval(name: str, plant: float, tmp_path: Path) -> None:
    files = {}
    for k, label in enumerate(("Angry", "happy")):
        for i in range(24):
            picture = photo(100 * k + i, (64, 64 + (8 * k if name == "size" else 0)))
            if plant:
                picture = Image.fromarray((np.asarray(picture) * (0.5 + 0.5 * k)).astype(np.uint8))
            fmt = "PNG" if name == "format" and k else "JPEG"
            files[f"{label}/{i}.{fmt.lower()}"] = saved(picture, fmt)
    found = audit(write_tree(tmp_path / "data", files), SETTINGS)
    by_name = {shortcut.name: shortcut for shortcut in found.shortcuts}
    assert by_name[name].verdict == "predicts"
    assert by_name[name].accuracy_ci[0] > by_name[name].majority
    assert by_name[name].gain_ci[0] > 0
    assert by_name[name].n == found.photos == 48
    assert f"shortcut-{name}" in {warning.code for warning in found.warnings}
    if name != "size":
        assert by_name["size"].verdict == "no"


def test_the_command_prints_the_facts_under_their_keys(planted: Path, found: AuditFacts) -> None:
    done = CliRunner().invoke(app, ["audit", str(planted), "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert list(printed) == list(AUDIT_KEYS)
    assert printed["duplicates"] == found.duplicates.model_dump(mode="json")
    told = CliRunner().invoke(app, ["audit", str(planted)])
    assert "4 images of test are copies of images in train (1 exact, 3 near)" in " ".join(told.stdout.split())


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_set_is_370_photos_and_its_splits_are_clean(real_data: Path) -> None:
    found = audit(real_data, RunSettings())
    assert (found.images, found.families.photos, found.families.derived) == (1074, 370, 704)
    assert found.straddling == ()
    assert found.duplicates.exact.within_split_pairs == 1
    assert found.duplicates.near.across_split_pairs == 0
