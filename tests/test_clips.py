"""Videos in a data set: frames are items, clips are families, one broken clip ends nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from clips import write_clip
from drawing import jpeg, write_zip
from petmood.cache import ContentCache
from petmood.clips import ClipSource, with_frames
from petmood.ingest import read_dataset
from petmood.sources import FolderSource, open_source
from petmood.store import read_manifest, write_manifest


def clips(root: Path) -> Path:
    for name, seed in (("Sad", 0), ("happy", 1)):
        write_clip(root / name / "a.mp4", seconds=2.0, seed=seed)
        (root / name / "b.jpg").write_bytes(jpeg(seed + 10))
    (root / "Sad" / "broken.mov").write_bytes(b"\0\0\0\x18ftypqt  " + bytes(200))
    return root


def test_frames_are_items_and_a_clip_is_a_family(tmp_path: Path) -> None:
    with with_frames(FolderSource(clips(tmp_path / "data")), fps=2) as source:
        found = read_dataset(source, ContentCache())
    by_path = {record.path: record for record in found.records}
    assert sorted(by_path) == [
        *(f"Sad/a.mp4#t={t}" for t in ("0.000", "0.500", "1.000", "1.500")),
        "Sad/b.jpg",
        *(f"happy/a.mp4#t={t}" for t in ("0.000", "0.500", "1.000", "1.500")),
        "happy/b.jpg",
    ]
    assert by_path["Sad/a.mp4#t=0.000"].family == by_path["Sad/a.mp4#t=1.500"].family
    assert found.n_photos == 4
    assert [skipped.path for skipped in found.rejected] == ["Sad/broken.mov"]
    assert len(found.records) + len(found.rejected) + len(found.ignored) == found.found


def test_a_zip_of_clips_is_the_same(tmp_path: Path) -> None:
    folder = clips(tmp_path / "data")
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with (
        ClipSource(FolderSource(folder)) as plain,
        ClipSource(open_source(write_zip(tmp_path / "data.zip", files))) as packed,
    ):
        assert plain.names() == packed.names()
        for name in plain.names():
            if "broken" not in name:
                assert plain.read(name, 2**26) == packed.read(name, 2**26)


def test_a_source_without_clips_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    source = FolderSource(tmp_path)
    assert with_frames(source) is source


def test_notes_are_counted_and_kept(tmp_path: Path) -> None:
    for name in ("Sad", "happy"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.png").write_bytes(jpeg(len(name))[:-2])
    with FolderSource(tmp_path / "data") as source:
        found = read_dataset(source, ContentCache())
        assert Counter(note for record in found.records for note in record.notes) == {"cut": 2, "misnamed": 2}
        assert read_dataset(source, ContentCache()).records == found.records
    write_manifest(tmp_path / "manifest.csv", found)
    assert read_manifest(tmp_path / "manifest.csv").records == found.records
