"""Families from names, pixels and a user's groups, and which file of a family is its photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from petmood.errors import ConfigError, DataError
from petmood.families.groups import read_groups
from petmood.families.join import MODES, FamilyMode, apply_groups, join_families, resolve_mode
from petmood.families.links import Link
from petmood.families.verify import Verdict
from petmood.records import ImageRecord, Manifest, SkippedFile


def record(name: str, family: str = "", sha: str = "", *, side: int = 224, size: int = 100) -> ImageRecord:
    derived = bool(family) and family != name
    return ImageRecord(name, "a", "train", family or name, derived, sha or name, side, side, "JPEG", size, "RGB", False)


def manifest(*records: ImageRecord) -> Manifest:
    ignored = (SkippedFile("notes.txt", "not an image (.txt)"),)
    return Manifest("set", "class", ("a",), records, (), ignored, False, "names", len(records) + 1)


def link(a: str, b: str) -> Link:
    return Link(min(a, b), max(a, b), Verdict(50, 0.95, 0.95, 0.0, 0.95, 1.0, 1.0, False, "whole"))


def families(found: Manifest) -> dict[str, str]:
    return {r.path: r.family for r in found.records}


NAMED = manifest(
    record("1.jpg"),
    record("2.jpg"),
    record("3.jpg"),
    record("aug-1-1.jpg", "1.jpg"),
    record("copy.jpg", "2.jpg", "2.jpg"),
)
LINKS = (link("2.jpg", "3.jpg"), link("1.jpg", "unknown"))


@pytest.mark.parametrize(
    ("mode", "expected", "source"),
    [
        ("names", ["1.jpg", "2.jpg", "3.jpg", "1.jpg", "2.jpg"], "names"),
        ("pixels", ["1.jpg", "2.jpg", "2.jpg", "aug-1-1.jpg", "2.jpg"], "pixels"),
        ("both", ["1.jpg", "2.jpg", "2.jpg", "1.jpg", "2.jpg"], "names and pixels"),
    ],
)
def test_each_mode_joins_what_it_asks_and_equal_bytes_always(
    mode: FamilyMode, expected: list[str], source: str
) -> None:
    found = join_families(NAMED, LINKS, mode)
    assert [r.family for r in found.records] == expected
    assert [r.derived for r in found.records] == [r.path != r.family for r in found.records]
    assert found.family_source == source


def test_pixels_that_add_nothing_to_names_are_not_named_as_a_source() -> None:
    assert join_families(NAMED, [link("1.jpg", "aug-1-1.jpg")], "both").family_source == "names"


def test_the_photo_is_the_original_by_name_else_the_largest_and_least_compressed() -> None:
    named = manifest(record("1.jpg", side=100), record("aug-1-1.jpg", "1.jpg", side=224), record("x.jpg", side=150))
    links = [link("1.jpg", "aug-1-1.jpg"), link("1.jpg", "x.jpg")]
    assert set(families(join_families(named, links, "both")).values()) == {"x.jpg"}
    assert set(families(join_families(named, links, "pixels")).values()) == {"aug-1-1.jpg"}
    equal = manifest(record("a.jpg", size=90), record("b.jpg", size=100), record("c.jpg", size=100))
    chained = [link("a.jpg", "b.jpg"), link("b.jpg", "c.jpg")]
    assert set(families(join_families(equal, chained, "pixels")).values()) == {"b.jpg"}


def test_the_order_of_links_does_not_matter() -> None:
    files = manifest(*(record(f"{i}.jpg") for i in range(6)))
    links = [link("5.jpg", "3.jpg"), link("3.jpg", "1.jpg"), link("0.jpg", "2.jpg")]
    assert join_families(files, links, "pixels") == join_families(files, reversed(links), "pixels")


def test_auto_asks_names_too_only_where_they_tell() -> None:
    assert resolve_mode(NAMED, "auto") == "both"
    assert resolve_mode(manifest(record("cat_jpg.rf.0123456789abcdef.jpg")), "auto") == "both"
    assert resolve_mode(manifest(record("1.jpg"), record("august-1.jpg")), "auto") == "pixels"
    assert [resolve_mode(NAMED, mode) for mode in MODES[1:]] == list(MODES[1:])
    with pytest.raises(ConfigError, match=r"'guess'.*auto, names, pixels, both"):
        resolve_mode(NAMED, "guess")


def groups(folder: Path, *lines: str) -> Path:
    path = folder / "groups.csv"
    path.write_text("\n".join(("path,group", *lines)), encoding="utf-8")
    return path


def grouped(folder: Path, *lines: str) -> Manifest:
    return apply_groups(NAMED, read_groups(groups(folder, *lines), NAMED))


def test_groups_override_families_and_relatives_without_a_line_follow(tmp_path: Path) -> None:
    found = grouped(tmp_path, "1.jpg,tom", "3.jpg,tom", "2.jpg,rex")
    assert families(found) == {
        "1.jpg": "group tom",
        "2.jpg": "group rex",
        "3.jpg": "group tom",
        "aug-1-1.jpg": "group tom",
        "copy.jpg": "group rex",
    }
    assert [r.derived for r in found.records] == [r.derived for r in NAMED.records]
    assert found.family_source == "groups, else names"
    assert found.n_photos == 2


def test_groups_can_part_what_names_join_and_leave_the_rest(tmp_path: Path) -> None:
    found = families(grouped(tmp_path, "1.jpg,tom", "aug-1-1.jpg,rex"))
    assert found["1.jpg"] != found["aug-1-1.jpg"]
    assert found["2.jpg"] == found["copy.jpg"] == "2.jpg"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1.jpg,tom", "4.jpg,tom"], r"line 3: there is no file '4\.jpg' in the data"),
        (["1.jpg,tom", "notes.txt,tom"], r"line 3: 'notes\.txt' is not part of the data \(not an image"),
        (["1.jpg,tom", "", "1.jpg,rex"], r"line 4: '1\.jpg' is a duplicate: line 2"),
        (["1.jpg,  "], "line 2: the group is empty"),
        (["1.jpg"], "line 2: 1 columns where the header has 2"),
        ([], "has no groups"),
        (["2.jpg,tom", "copy.jpg,rex"], r"'tom' \(line 2\) and 'rex' \(line 3\).*equal bytes"),
    ],
)
def test_lines_that_cannot_be_used_are_refused_with_their_number(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        grouped(tmp_path, *lines)


def test_a_file_without_a_line_must_not_have_relatives_in_two_groups(tmp_path: Path) -> None:
    three = manifest(record("1.jpg"), record("aug-1-1.jpg", "1.jpg"), record("aug-2-1.jpg", "1.jpg"))
    path = groups(tmp_path, "1.jpg,tom", "aug-1-1.jpg,rex")
    with pytest.raises(DataError, match=r"line 2.*line 3.*'aug-2-1\.jpg' is of the same photo and has no line"):
        apply_groups(three, read_groups(path, three))


def test_groups_csv_must_name_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("file,group\n1.jpg,tom\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1: the header lacks 'path'"):
        read_groups(path, replace(NAMED))
