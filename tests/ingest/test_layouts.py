from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from drawing import jpeg, split_files, write_tree, write_zip
from petmood.cache import ContentCache
from petmood.config import read_options
from petmood.errors import DataError
from petmood.ingest import read_dataset
from petmood.ingest.layout import canonical_classes
from petmood.records import Manifest
from petmood.sources import open_source


@pytest.fixture
def cache(tmp_path: Path) -> ContentCache:
    return ContentCache(tmp_path / "cache")


def read(path: Path, cache: ContentCache) -> Manifest:
    with open_source(path) as source:
        return read_dataset(source, cache)


def content(manifest: Manifest) -> set[tuple[str, str]]:
    return {(r.sha256, r.class_name) for r in manifest.records}


def test_every_layout_gives_the_same_images_and_photos(tmp_path: Path, cache: ContentCache) -> None:
    files = split_files()
    mirror = {f"{n.split('/')[1].lower()}/{n.split('/')[2]}": d for n, d in files.items() if n.startswith("train")}
    kaggle = {f"Master Folder/{name}": data for name, data in files.items()} | mirror
    plain = {"/".join(name.split("/")[1:]): data for name, data in files.items()}
    sets = {
        "folder": read(write_tree(tmp_path / "a", files), cache),
        "zip": read(write_zip(tmp_path / "a.zip", files), cache),
        "kaggle": read(write_zip(tmp_path / "archive (2) (1).zip", kaggle), cache),
        "nested": read(write_tree(tmp_path / "b", {f"x/y/{n}": d for n, d in files.items()}), cache),
        "plain": read(write_tree(tmp_path / "c", plain), cache),
        "plain nested": read(write_zip(tmp_path / "c.zip", {f"pets/{n}": d for n, d in plain.items()}), cache),
    }
    expected = content(sets["folder"])
    assert len(expected) == len(files)
    for name, manifest in sets.items():
        assert content(manifest) == expected, name
        assert manifest.classes == ("Angry", "happy"), name
        assert manifest.n_photos == len(files) - 2, name
        assert len(manifest) + len(manifest.rejected) + len(manifest.ignored) == manifest.found, name
    assert len(sets["kaggle"].ignored) == len(mirror)
    assert sets["plain"].layout == "{class}/*"
    assert sets["plain nested"].layout == "pets/{class}/*"
    assert sets["kaggle"].layout == "Master Folder/{split}/{class}/*"


@pytest.mark.parametrize("alias", ["val", "valid", "validation", "Validation", "VAL"])
def test_names_of_the_validation_split_mean_the_same(tmp_path: Path, cache: ContentCache, alias: str) -> None:
    files = {name.replace("valid/", f"{alias}/"): data for name, data in split_files().items()}
    manifest = read(write_tree(tmp_path / "d", files), cache)
    assert manifest.split_names() == ("train", "valid", "test")


def test_classes_that_differ_only_by_case_are_one_and_keep_a_spelling(tmp_path: Path, cache: ContentCache) -> None:
    files = {name.replace("test/Angry", "test/ANGRY"): data for name, data in split_files().items()}
    manifest = read(write_tree(tmp_path / "d", files), cache)
    assert manifest.classes == ("Angry", "happy")


def test_canonical_spelling_does_not_depend_on_unicode_form() -> None:
    composed, decomposed = "f\u00e2ch\u00e9", "fa\u0302che\u0301"
    spelling, classes = canonical_classes([composed, decomposed, decomposed])
    assert classes == (composed,)
    assert spelling == {composed: composed, decomposed: composed}


def test_junk_is_ignored_and_broken_images_are_rejected_with_reasons(tmp_path: Path, cache: ContentCache) -> None:
    whole = jpeg(99)
    junk = {
        ".DS_Store": b"x",
        "train/Thumbs.db": b"x",
        "train/Angry/.hidden.jpg": whole,
        "__MACOSX/train/Angry/._train0.jpg": b"x",
        "notes.txt": b"hello",
        "loose.jpg": whole,
        "train/no-class.jpg": whole,
    }
    broken = {
        "train/happy/cut.jpg": whole[: len(whole) // 2],
        "train/happy/text.jpg": b"not an image at all",
        "train/happy/empty.png": b"",
    }
    manifest = read(write_tree(tmp_path / "d", split_files() | junk | broken), cache)
    assert {s.path for s in manifest.ignored} == set(junk)
    reasons = {s.path: s.reason for s in manifest.rejected}
    assert set(reasons) == set(broken)
    assert "broken image" in reasons["train/happy/cut.jpg"]
    assert "not an image in a known format" in reasons["train/happy/text.jpg"]
    assert "empty file" in reasons["train/happy/empty.png"]
    assert manifest.found == len(manifest) + 10


def test_a_second_reading_decodes_nothing(tmp_path: Path, cache: ContentCache, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tree(tmp_path / "d", split_files() | {"train/happy/cut.jpg": jpeg(5)[:200]})
    first = read(folder, cache)
    monkeypatch.setattr("petmood.images.probe", lambda data: pytest.fail("decoded again"))
    assert read(folder, cache) == first


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "no images found"),
        ({"readme.txt": b"x"}, "no images found"),
        ({"a.jpg": jpeg(1), "b.jpg": jpeg(2)}, "no class folders"),
        ({"happy/a.jpg": jpeg(1), "happy/b.jpg": jpeg(2)}, "only one class, 'happy'"),
        ({"happy/a.jpg": jpeg(1), "sad/b.jpg": b"broken"}, "class 'sad'"),
        ({"happy/a.jpg": b"", "sad/b.jpg": b"broken"}, "none of the 2 images"),
        ({f"{s}/{n}": d for s in ("one", "two") for n, d in split_files().items()}, "2 data sets"),
    ],
)
def test_unusable_data_is_named_clearly(
    tmp_path: Path, cache: ContentCache, files: dict[str, bytes], expected: str
) -> None:
    folder = write_tree(tmp_path / "d", files)
    folder.mkdir(exist_ok=True)
    with pytest.raises(DataError, match=expected):
        read(folder, cache)


def test_unlabelled_images_are_read_where_labels_are_not_needed(tmp_path: Path, cache: ContentCache) -> None:
    with open_source(write_tree(tmp_path / "d", {"a.jpg": jpeg(1), "b.jpg": jpeg(2)})) as source:
        manifest = read_dataset(source, cache, labelled=False)
    assert (manifest.layout, manifest.classes, len(manifest)) == ("*", (), 2)
    assert manifest.class_index.tolist() == [-1, -1]


@pytest.mark.realdata
def test_the_real_set_is_1074_files_of_370_photos(real_data: Path, cache: ContentCache) -> None:
    manifest = read(real_data, cache)
    assert len(manifest) == 1074
    assert manifest.n_photos == 370
    assert sum(r.derived for r in manifest.records) == 704
    assert manifest.classes == ("Angry", "happy", "Other", "Sad")
    assert [len(manifest.in_split(s)) for s in ("train", "valid", "test")] == [1000, 36, 38]
    assert [len(manifest.photos_in_split(s)) for s in ("train", "valid", "test")] == [296, 36, 38]


@pytest.mark.parametrize("zipped", [False, True])
def test_class_folders_without_images_are_told(tmp_path: Path, cache: ContentCache, zipped: bool) -> None:
    folder = write_tree(tmp_path / "d", split_files() | {"train/odd/notes.txt": b"x", ".cache/x/a.jpg": b""})
    for name in ("valid/lost", "train/bare", "valid/.hidden", "docs"):
        (folder / name).mkdir(parents=True)
    place = folder
    if zipped:
        place = tmp_path / "d.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder).as_posix())
    with open_source(place) as source:
        notes = read_dataset(source, cache).notes
    assert [n for n in notes if "no images" in n] == [
        "3 folders beside those of the classes have no images: 'train/bare', 'train/odd', 'valid/lost'."
    ]


def test_links_to_folders_and_archives_that_may_hold_a_class_are_told(tmp_path: Path, cache: ContentCache) -> None:
    folder = write_tree(
        tmp_path / "d", {f"{c}/{i}.jpg": jpeg(10 * k + i) for k, c in enumerate("abc") for i in range(2)}
    )
    (folder / "c").rename(tmp_path / "elsewhere")
    (folder / "c").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "d.tar.gz").write_bytes(b"x")
    with open_source(folder) as source:
        found = read_dataset(source, cache)
    assert found.classes == ("a", "b")
    assert len(found) + len(found.rejected) + len(found.ignored) == found.found == 6
    assert any("1 link to a folder is not followed: 'c'." in note for note in found.notes)
    assert any("1 archive among the files is not read: 'd.tar.gz'." in note for note in found.notes)
    for name in ("a", "b"):
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path / name)
    with open_source(folder) as source, pytest.raises(DataError, match=r"3 links .* 'a', 'b', 'c'"):
        read_dataset(source, cache)


def test_what_is_not_seen_at_the_ends_of_names_makes_no_class(tmp_path: Path, cache: ContentCache) -> None:
    names = ("happy", "Happy ", "sad", "\u200bsad")
    folder = write_tree(tmp_path / "d", {f"{name}/{i}.jpg": jpeg(i) for i, name in enumerate(names)})
    with open_source(folder) as source:
        found = read_dataset(source, cache)
    assert len(found.classes) == 2


def test_folders_of_classes_that_are_left_out_are_not_called_empty(tmp_path: Path, cache: ContentCache) -> None:
    folder = write_tree(tmp_path / "d", {f"{c}/{i}.jpg": jpeg(ord(c) + 9 * i) for c in "abc" for i in range(2)})
    (folder / "d").mkdir()
    with open_source(folder) as source:
        notes = read_dataset(source, cache, options=read_options(exclude=["C"])).notes
    assert [note for note in notes if "no images" in note] == [
        "a folder beside those of the classes has no images: 'd'."
    ]


@pytest.mark.parametrize(("names", "told"), [(("Tom", "tom"), True), (("Tom", "Tim"), False)])
def test_animals_whose_names_differ_by_case_alone_are_told(
    tmp_path: Path, cache: ContentCache, names: tuple[str, str], told: bool
) -> None:
    files = {f"{c}/{names[i % 2]}/{i}.jpg": jpeg(ord(c) + 9 * i) for c in "ab" for i in range(4)}
    folder = write_tree(tmp_path / "d", files)
    with open_source(folder) as source:
        notes = read_dataset(source, cache, options=read_options(layout="{class}/{animal}/*")).notes
    assert (
        any("1 animal has names that differ by case alone, such as 'Tom' and 'tom'" in note for note in notes) == told
    )
