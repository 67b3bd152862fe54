from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawing import jpeg, split_files, write_tree
from petmood.cache import ContentCache
from petmood.ingest import read_dataset
from petmood.ingest.names import Named, families_by_name
from petmood.sources import open_source
from petmood.store import read_manifest, write_manifest


def families(*items: tuple[str, str, str]) -> list[tuple[str, bool]]:
    named = [Named(path, path.split("/")[-2], split, sha) for path, split, sha in items]
    return [(m.family, m.derived) for m in families_by_name(named)]


def test_augmented_copies_join_their_original() -> None:
    found = families(
        ("train/happy/084.jpg", "train", "a"),
        ("train/happy/aug-159-084.jpg", "train", "b"),
        ("train/happy/aug-7-aug-2-084.jpg", "train", "c"),
        ("train/Sad/084.jpg", "train", "d"),
    )
    assert [f for f, _ in found[:3]] == [found[0][0]] * 3
    assert [d for _, d in found] == [False, True, True, False]
    assert found[3][0] != found[0][0]


def test_a_copy_in_another_split_is_still_family() -> None:
    found = families(("train/happy/1.jpg", "train", "a"), ("test/happy/aug-0-1.jpg", "test", "b"))
    assert found[0][0] == found[1][0]


def test_originals_that_share_a_file_name_are_different_photos() -> None:
    found = families(
        ("train/happy/1.jpg", "train", "a"),
        ("test/happy/1.jpg", "test", "b"),
        ("train/happy/aug-0-1.jpg", "train", "c"),
        ("test/happy/aug-0-1.jpg", "test", "d"),
    )
    assert found[0][0] != found[1][0]
    assert found[2][0] == found[0][0]
    assert found[3][0] == found[1][0]


def test_copies_without_an_original_are_one_photo() -> None:
    found = families(("t/happy/aug-0-9.jpg", "train", "a"), ("t/happy/aug-1-9.jpg", "train", "b"))
    assert found[0][0] == found[1][0]
    assert [d for _, d in found] == [False, True]


def test_roboflow_exports_of_one_upload_are_one_photo_across_splits() -> None:
    found = families(
        ("train/happy/rex_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "train", "a"),
        ("train/happy/rex_jpg.rf.ffff456789abcdef0123456789abcdef.jpg", "train", "b"),
        ("valid/happy/rex_jpg.rf.eeee456789abcdef0123456789abcdef.jpg", "valid", "c"),
        ("valid/happy/max_jpg.rf.eeee456789abcdef0123456789abcdef.jpg", "valid", "d"),
    )
    assert len({f for f, _ in found}) == 2
    assert [d for _, d in found] == [False, True, True, False]


def test_equal_bytes_are_one_photo_whatever_their_name_and_class() -> None:
    found = families(("train/happy/1.jpg", "train", "x"), ("train/Sad/2.jpg", "train", "x"))
    assert found[0][0] == found[1][0]
    assert [d for _, d in found] == [False, True]


items = st.lists(
    st.builds(
        Named,
        st.builds(
            lambda split, name, k, stem: f"{split}/{name}/" + "".join(f"aug-{i}-" for i in k) + f"{stem}.jpg",
            st.sampled_from(["train", "test"]),
            st.sampled_from(["happy", "Sad"]),
            st.lists(st.integers(0, 3), max_size=2),
            st.integers(0, 4),
        ),
        st.sampled_from(["happy", "Sad"]),
        st.sampled_from(["train", "test"]),
        st.sampled_from([f"sha{i}" for i in range(30)]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda n: n.path,
)


@given(items)
def test_each_family_has_exactly_one_original_and_equal_bytes_never_part(named: list[Named]) -> None:
    members = families_by_name(named)
    originals: dict[str, int] = {}
    for member in members:
        originals[member.family] = originals.get(member.family, 0) + (not member.derived)
    assert set(originals.values()) == {1}
    by_digest: dict[str, set[str]] = {}
    for item, member in zip(named, members, strict=True):
        by_digest.setdefault(item.sha256, set()).add(member.family)
    assert all(len(found) == 1 for found in by_digest.values())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is Unicode")
@pytest.mark.parametrize("name", [b"\xff", b"a\xe9b", b"\xed\xa0\x80"])
def test_a_name_that_is_not_unicode_is_ignored_with_a_reason(tmp_path: Path, name: bytes) -> None:
    data = write_tree(tmp_path / "data", split_files(2))
    for place in (b"train/happy/%s.jpg", b"train/%s/1.jpg"):
        path = data / os.fsdecode(place % name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(77))
    with open_source(data) as source:
        found = read_dataset(source, ContentCache(tmp_path / "cache"))
    assert [skipped.reason for skipped in found.ignored] == ["its name is not Unicode"] * 2
    assert all(skipped.path.isprintable() for skipped in found.ignored)
    assert len(found.records) + len(found.rejected) + 2 == found.found
    write_manifest(tmp_path / "manifest.csv", found)
    assert read_manifest(tmp_path / "manifest.csv") == found
