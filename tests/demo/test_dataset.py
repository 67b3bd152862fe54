from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petmood.cache import ContentCache
from petmood.demo import DemoTruth, read_truth, write_demo
from petmood.demo.plan import augmented
from petmood.errors import ConfigError, DataError
from petmood.ingest import read_dataset
from petmood.sources import open_source
from petmood.split import straddling_families

FEW = {"happy": 6, "Sad": 5, "Angry": 5, "Other": 4}


def draw(out: Path, seed: int = 0) -> DemoTruth:
    return write_demo(out, seed=seed, size=64, photos_per_class=FEW)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> DemoTruth:
    """A small set in a folder whose name is not ASCII. Read it, never write to it."""
    return draw(tmp_path_factory.mktemp("few") / "Tierbilder für 猫")


def contents(root: Path) -> dict[str, str]:
    files = (p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_seed_decides_every_byte(few: DemoTruth, tmp_path: Path) -> None:
    again = draw(tmp_path / "again")
    assert contents(again.root) == contents(few.root)
    assert again == few
    other = draw(tmp_path / "other", seed=1)
    assert not {f.sha256 for f in other.files} & {f.sha256 for f in few.files}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "other"]


def test_a_finished_set_is_used_as_it_is(few: DemoTruth) -> None:
    stamps = {p: p.stat().st_mtime_ns for p in few.root.rglob("*")}
    assert draw(few.root) == few
    assert {p: p.stat().st_mtime_ns for p in few.root.rglob("*")} == stamps


def test_a_set_made_otherwise_or_changed_since_is_refused(few: DemoTruth, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="seed 0, not 3"):
        draw(few.root, seed=3)
    with pytest.raises(DataError, match="photos_per_class"):
        write_demo(few.root, size=64)
    mine = draw(tmp_path / "mine")
    changed = mine.data / mine.files[7].path
    changed.write_bytes(changed.read_bytes()[:-1])
    with pytest.raises(DataError, match="missing or changed"):
        draw(mine.root)


def test_what_is_not_a_demo_set_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match="not empty"):
        draw(tmp_path / "mine")
    with pytest.raises(DataError, match="Choose"):
        draw(tmp_path / "mine" / "letter.txt")
    assert contents(tmp_path) == {"mine/letter.txt": hashlib.sha256(b"dear").hexdigest()}


def test_an_empty_folder_is_filled_and_missing_parents_are_made(few: DemoTruth, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert draw(tmp_path / "empty") == few
    assert draw(tmp_path / "new" / "newer") == few


def test_an_interrupted_drawing_leaves_nothing(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def interrupt(done: int, total: int) -> None:
        seen.append((done, total))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "a", size=64, photos_per_class=FEW, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_at_its_total(few: DemoTruth, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_demo(tmp_path / "a", size=64, photos_per_class=FEW, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (few.images, few.images)
    assert {total for _, total in seen} == {few.images}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"size": 8}, "64 to 1024"),
        ({"photos_per_class": {**FEW, "Other": 1}}, "'Other' has 1"),
        ({"photos_per_class": {"happy": 9}}, "must name"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        write_demo(tmp_path / "a", **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_truth_is_read_back_and_names_no_place(few: DemoTruth, tmp_path: Path) -> None:
    assert read_truth(few.root) == few
    assert str(few.root.parent) not in few.path.read_text(encoding="utf-8")
    facts = json.loads(few.path.read_text(encoding="utf-8"))
    for broken in ({**facts, "schema": 99}, {**facts, "files": 3}, [], "x"):
        (tmp_path / "truth.json").write_text(json.dumps(broken))
        with pytest.raises(DataError, match=r"schema 99|not the truth"):
            read_truth(tmp_path)


def test_every_file_is_told_and_every_digest_right(demo: tuple[Path, DemoTruth]) -> None:
    _, truth = demo
    told = {f.path: f.sha256 for f in truth.files}
    found = contents(truth.data)
    assert {path: found[path] for path in told} == told
    assert set(found) == set(told) | {f.path for f in (*truth.rejected, *truth.ignored)}
    assert truth.found == len(found) == truth.images + len(truth.rejected) + len(truth.ignored)
    assert truth.images == truth.photos + truth.derived == len(truth.files)


def test_the_default_set_is_as_the_real_one_in_small(demo: tuple[Path, DemoTruth]) -> None:
    _, truth = demo
    assert truth.classes == ("happy", "Sad", "Angry", "Other")
    assert Counter(f.split for f in truth.files if f.kind == "photo") == {"train": 149, "valid": 24, "test": 31}
    assert set(Counter(f.label for f in truth.files if f.split == "train").values()) == {70}
    copies = Counter(f.label for f in truth.files if f.kind == "augmented")
    assert copies["Other"] > copies["happy"]
    assert {f.split for f in truth.files if f.kind != "photo"} == {"train"}
    by_family = defaultdict(set)
    for file in truth.files:
        by_family[file.family].add(file.split)
    assert all(len(splits) == 1 for splits in by_family.values())


def test_what_is_planted_is_told(demo: tuple[Path, DemoTruth]) -> None:
    _, truth = demo
    files = {f.path: f for f in truth.files}
    wrong = [files[path] for path in truth.wrong_labels]
    assert len(wrong) == round(0.08 * truth.photos)
    assert {f.split for f in wrong} == {"train", "valid", "test"}
    assert all(f.label != f.mood and f.path.split("/")[1] == f.label for f in wrong)
    for file in truth.files:
        if file.kind == "augmented":
            assert file.parent is not None
            assert (file.label, file.mood) == (files[file.parent].label, files[file.parent].mood)
    for pairs, one_label in ((truth.exact_duplicates, True), (truth.conflicting_labels, False)):
        ((first, second),) = pairs
        assert files[first].sha256 == files[second].sha256
        assert (files[first].label == files[second].label) is one_label
    happy, angry = truth.species_by_mood["happy"], truth.species_by_mood["Angry"]
    assert max(happy, key=happy.__getitem__) == "dog"
    assert max(angry, key=angry.__getitem__) == "cat"
    counted = Counter((f.mood, f.species) for f in truth.files if f.kind == "photo")
    assert {(m, s): n for m, row in truth.species_by_mood.items() for s, n in row.items() if n} == counted


def test_petmood_reads_the_set_as_it_was_planted(demo: tuple[Path, DemoTruth], tmp_path: Path) -> None:
    _, truth = demo
    with open_source(truth.data) as source:
        manifest = read_dataset(source, ContentCache(tmp_path))
    assert (manifest.found, len(manifest), manifest.n_photos) == (truth.found, truth.images, truth.photos)
    assert {s.path for s in manifest.rejected} == {f.path for f in truth.rejected}
    assert {s.path for s in manifest.ignored} == {f.path for f in truth.ignored}
    assert straddling_families(manifest) == []
    planted, read = defaultdict(set), defaultdict(set)
    for file in truth.files:
        planted[file.family].add(file.path)
    for record in manifest.records:
        read[record.family].add(record.path)
    assert sorted(map(sorted, read.values())) == sorted(map(sorted, planted.values()))


def test_copies_are_made_as_the_truth_says(demo: tuple[Path, DemoTruth]) -> None:
    _, truth = demo
    copies = [f for f in truth.files if f.kind == "augmented"]
    made = [f.transform for f in copies if f.transform]
    shares = [sum(map(bool, values)) for values in zip(*((t.flip, t.rotate, t.crop) for t in made), strict=True)]
    assert {t.size for t in made} == {179, 224}
    assert min(shares) > len(copies) / 4
    for file in copies[::16]:
        assert file.parent is not None
        assert file.transform is not None
        with Image.open(truth.data / file.parent) as parent, Image.open(truth.data / file.path) as copy:
            again = np.asarray(augmented(parent.convert("RGB"), file.transform), dtype=float)
            stored = np.asarray(copy, dtype=float)
            plain = np.asarray(parent.resize(copy.size), dtype=float)
        # The copy is of the photo before its own JPEG compression, which costs a few levels.
        assert np.abs(again - stored).mean() < 5
        assert np.abs(plain - stored).mean() > 2 * np.abs(again - stored).mean()
