"""Tables of labels in every format, beside the pictures, elsewhere, or with the pictures inside."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from drawing import jpeg, write_tree, write_zip
from needs import needs
from petmood.cache import ContentCache
from petmood.config import read_options
from petmood.errors import DataError, MissingExtraError
from petmood.ingest import read_dataset
from petmood.records import Manifest
from petmood.sources import open_source

pl = needs("polars")

MOODS = ("happy", "sad", "calm")
PICTURES = {f"{i:02d}.jpg": jpeg(i) for i in range(12)}
ROWS = [{"file_name": f"{i:02d}.jpg", "mood": MOODS[i % 3], "pet": f"p{i % 4}"} for i in range(12)]


def read(path: Path, **options: Any) -> Manifest:
    with open_source(path) as source:
        return read_dataset(source, ContentCache(), options=read_options(**options))


def said(manifest: Manifest) -> dict[str, str]:
    return {r.path.rpartition("/")[2]: r.class_name for r in manifest.records}


TRUTH = {str(row["file_name"]): row["mood"] for row in ROWS}


def written(kind: str, rows: list[dict[str, str]]) -> bytes:
    if kind == "jsonl":
        return "\n".join(json.dumps(row) for row in rows).encode()
    if kind == "parquet":
        out = io.BytesIO()
        pl.DataFrame(rows).write_parquet(out)
        return out.getvalue()
    text = io.StringIO()
    sign = {"tsv": "\t", "semicolon": ";"}.get(kind, ",")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=sign)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode({"bom": "utf-8-sig", "utf16": "utf-16"}.get(kind, "utf-8"))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("csv", "labels.csv"),
        ("tsv", "labels.tsv"),
        ("semicolon", "annotations.csv"),
        ("bom", "train.csv"),
        ("utf16", "labels.csv"),
        ("jsonl", "metadata.jsonl"),
        ("parquet", "metadata.parquet"),
    ],
)
@pytest.mark.parametrize("folder", ["", "images/"])
def test_a_table_beside_the_pictures_is_found(tmp_path: Path, kind: str, name: str, folder: str) -> None:
    files = {f"{folder}{file}": data for file, data in PICTURES.items()} | {name: written(kind, ROWS)}
    manifest = read(write_tree(tmp_path / "d", files))
    assert said(manifest) == TRUTH
    assert manifest.layout == f"table {name}"
    assert said(read(write_zip(tmp_path / "d.zip", files))) == TRUTH


def test_splits_come_from_a_column_or_from_the_folders_of_tables(tmp_path: Path) -> None:
    rows = [{**row, "split": "validation" if i % 4 == 0 else "train"} for i, row in enumerate(ROWS)]
    one = read(write_tree(tmp_path / "a", PICTURES | {"labels.csv": written("csv", rows)}))
    assert {r.split for r in one.records} == {"train", "valid"}
    parts = {f"{'test' if i % 4 == 3 else 'train'}/{name}": data for i, (name, data) in enumerate(PICTURES.items())}
    for split in ("train", "test"):
        inside = [row for row in ROWS if f"{split}/{row['file_name']}" in parts]
        parts[f"{split}/metadata.csv"] = written("csv", inside)
    assert {r.split for r in read(write_tree(tmp_path / "b", parts)).records} == {"train", "test"}
    bad = [{**row, "split": "old"} for row in ROWS]
    folder = write_tree(tmp_path / "c", PICTURES | {"labels.csv": written("csv", bad)})
    with pytest.raises(DataError, match="line 2: the split 'old' is not known"):
        read(folder, table="labels.csv", columns="path=file_name,class=mood,split=split")


@pytest.mark.parametrize(("train", "test"), [("train.csv", "test.csv"), ("pets_train.tsv", "pets-val.tsv")])
def test_tables_named_after_splits_say_them(tmp_path: Path, train: str, test: str) -> None:
    parts = {train: [row for i, row in enumerate(ROWS) if i % 4], test: ROWS[::4]}
    tables = {name: written(name[-3:], rows) for name, rows in parts.items()}
    pictures = {f"images/{file}": data for file, data in PICTURES.items()}
    found = read(write_tree(tmp_path / "a", pictures | tables))
    assert {r.path[-6:] for r in found.records if r.split == "train"} == {row["file_name"] for row in parts[train]}
    assert len({r.split for r in found.records}) == 2
    # one table alone, or a table that is no split's, says nothing of splits
    assert {
        r.split for r in read(write_tree(tmp_path / "b", pictures | {train: written(train[-3:], ROWS)})).records
    } == {""}
    others = {f"{i}.csv": written("csv", rows) for i, rows in enumerate(parts.values())}
    assert {r.split for r in read(write_tree(tmp_path / "c", pictures | others)).records} == {""}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("table", [False, True])
def test_numbered_classes_are_called_by_the_list_beside_them(tmp_path: Path, first: int, table: bool) -> None:
    numbered = [{**row, "mood": str(MOODS.index(row["mood"]) + first)} for row in ROWS]
    files = {
        (name if table else f"{row['mood']}/{name}"): PICTURES[name] for row in numbered for name in [row["file_name"]]
    }
    if table:
        files["labels.csv"] = written("csv", numbered)
    names = {"classes.txt": "\n".join(MOODS).encode()}
    found = read(write_tree(tmp_path / "a", files | names))
    assert said(found) == TRUTH
    assert any("classes.txt names the classes: " in note for note in found.notes)
    # nothing is guessed where the list may be counted from either end, or lists differ
    unsure = (
        {"classes.txt": "\n".join([*MOODS, "cross"]).encode()} if first else names | {"more/classes.txt": b"a\nb\nc"}
    )
    assert set(read(write_tree(tmp_path / "b", files | unsure)).classes) == {row["mood"] for row in numbered}


def test_a_named_table_with_named_columns(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "d", PICTURES)
    rows = [{"which": f"C:\\pets\\{r['file_name']}", "what": r["mood"], "a": "x", "who": r["pet"]} for r in ROWS]
    (tmp_path / "my table.csv").write_bytes(written("semicolon", rows))
    told = str(tmp_path / "my table.csv")
    with pytest.raises(DataError, match="no column of labels; it has what, a, who"):
        read(folder, table=told)
    manifest = read(folder, table=told, columns="path=which,class=what,animal=who")
    assert said(manifest) == TRUTH
    assert len({r.animal for r in manifest.records}) == 4
    with pytest.raises(DataError, match="no column 'emotion' for class"):
        read(folder, table=told, columns="class=emotion")


def test_one_hot_columns_are_classes(tmp_path: Path) -> None:
    rows = [{"filename": str(row["file_name"]), **{f" {m}": str(int(m == row["mood"])) for m in MOODS}} for row in ROWS]
    manifest = read(write_tree(tmp_path / "d", PICTURES | {"_classes.csv": written("csv", rows)}))
    assert said(manifest) == TRUTH


def test_two_columns_that_may_be_the_class_are_a_question(tmp_path: Path) -> None:
    rows = [{**row, "class": "cat" if i % 2 else "dog"} for i, row in enumerate(ROWS)]
    folder = write_tree(tmp_path / "d", PICTURES | {"labels.csv": written("csv", rows)})
    with pytest.raises(
        DataError, match=r"2 columns that may be the class.*class=mood.*class=class|class=class.*class=mood"
    ):
        read(folder)
    assert said(read(folder, table="labels.csv", columns="class=mood")) == TRUTH
    numbered = [{**row, "label": str(MOODS.index(str(row["mood"])))} for row in ROWS]
    assert said(read(write_tree(tmp_path / "e", PICTURES | {"labels.csv": written("csv", numbered)}))) == TRUTH


def test_a_table_and_folders_that_differ_are_a_question(tmp_path: Path) -> None:
    files = {f"{row['mood']}/{row['file_name']}": PICTURES[str(row["file_name"])] for row in ROWS}
    same = [{**row, "file_name": f"{row['mood']}/{row['file_name']}"} for row in ROWS]
    agreed = read(write_tree(tmp_path / "a", files | {"labels.csv": written("csv", same)}))
    assert said(agreed) == TRUTH
    fewer = read(write_tree(tmp_path / "c", files | {"labels.csv": written("csv", same[:8])}))
    assert said(fewer) == TRUTH
    assert fewer.layout == "{class}/*"
    other = [{**row, "mood": "calm"} for row in same[:4]] + same[4:]
    folder = write_tree(tmp_path / "b", files | {"labels.csv": written("csv", other)})
    with pytest.raises(DataError, match=r"--table 'labels.csv' .*--layout '\{class\}/\*'"):
        read(folder)
    assert said(read(folder, layout="{class}/*")) == TRUTH
    assert said(read(folder, table="labels.csv"))["00.jpg"] == "calm"


def test_two_labels_of_one_picture_are_refused_with_their_lines(tmp_path: Path) -> None:
    rows = [*ROWS, {**ROWS[0], "mood": "sad"}]
    with pytest.raises(DataError, match=r"line 14 says that '00.jpg' is 'sad', but .*line 2 says 'happy'|line 14"):
        read(write_tree(tmp_path / "d", PICTURES | {"labels.csv": written("csv", rows)}), table="labels.csv")


def test_pictures_without_a_label_are_left_out_and_told(tmp_path: Path) -> None:
    rows = [*ROWS[:9], {"file_name": "gone.jpg", "mood": "sad", "pet": "x"}]
    manifest = read(write_tree(tmp_path / "d", PICTURES | {"labels.csv": written("csv", rows)}))
    assert len(manifest) == 9
    assert len(manifest) + len(manifest.rejected) + len(manifest.ignored) == manifest.found
    assert any("3 of 12 images have no label" in note for note in manifest.notes)
    assert any("1 of 10 rows" in note for note in manifest.notes)


def test_a_name_in_another_split_is_not_taken_for_the_same_picture(tmp_path: Path) -> None:
    files = {f"train/{name}": data for name, data in PICTURES.items()}
    rows = [{**row, "file_name": f"test/{row['file_name']}"} for row in ROWS]
    folder = write_tree(tmp_path / "d", files | {"labels.csv": written("csv", rows)})
    with pytest.raises(DataError, match=r"names no image|no column"):
        read(folder, table="labels.csv")


@pytest.mark.parametrize("nested", [True, False])
def test_pictures_inside_parquet_files_are_read_in_place(tmp_path: Path, nested: bool) -> None:
    names = list(PICTURES)
    for split, part in (("train", names[:8]), ("test", names[8:])):
        cells: list[Any] = [{"bytes": PICTURES[n], "path": n} if nested else PICTURES[n] for n in part]
        frame = pl.DataFrame({"image": cells, "label": [MOODS.index(TRUTH[n]) for n in part]})
        target = tmp_path / "d" / "data" / f"{split}-00000-of-00001.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        features = {"info": {"features": {"label": {"names": list(MOODS), "_type": "ClassLabel"}}}}
        frame.write_parquet(target, metadata={"huggingface": json.dumps(features)}, row_group_size=3)
    manifest = read(tmp_path / "d")
    assert manifest.classes == tuple(sorted(MOODS))
    assert {s: len(manifest.in_split(s)) for s in ("train", "test")} == {"train": 8, "test": 4}
    with open_source(tmp_path / "d") as source:
        assert {source.read(r.path, 1 << 20) for r in manifest.records} == set(PICTURES.values())
    one = read(target)
    assert len(one) == 4
    if nested:
        assert said(manifest) == TRUTH


def test_a_hub_is_asked_through_its_own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tree(tmp_path / "snapshot", {f"{TRUTH[n]}/{n}": d for n, d in PICTURES.items()})
    asked: list[tuple[str, str]] = []

    def snapshot(name: str, *, repo_type: str) -> str:
        asked.append((name, repo_type))
        if name == "me/none":
            raise OSError("404 Client Error")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert said(read(Path("hf:me/pets"))) == TRUTH
    assert read(Path("hf:me/pets")).name == "hf:me/pets"
    with pytest.raises(DataError, match=r"cannot fetch hf:me/none \(404"):
        read(Path("hf:me/none"))
    (tmp_path / "kagglehub.py").write_text(f"def dataset_download(name):\n    return {str(folder)!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert said(read(Path("kaggle:me/pets"))) == TRUTH
    with pytest.raises(DataError, match="names no data set"):
        read(Path("kaggle:pets"))
    assert asked == [("me/pets", "dataset"), ("me/pets", "dataset"), ("me/none", "dataset")]


def test_a_hubs_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.errors.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[data\]"):
        open_source(Path("kaggle:me/pets"))


def _pictures(n: int = 6) -> dict[str, bytes]:
    return {f"images/p{i}.jpg": jpeg(i) for i in range(n)}


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_table_without_a_line_of_names_is_a_question(tmp_path: Path, sign: str) -> None:
    rows = "".join(f"p{i}.jpg{sign}{'happy' if i % 2 else 'sad'}\n" for i in range(6))
    folder = write_tree(tmp_path / "d", {**_pictures(), "labels.csv": rows.encode()})
    with pytest.raises(DataError, match="names an image, not columns"):
        read(folder)
    with pytest.raises(DataError, match="names an image, not columns"):
        read(folder, table="labels.csv")


def test_a_table_of_boxes_is_a_question_and_its_labels_can_be_taken(tmp_path: Path) -> None:
    rows = "filename,class,xmin,ymin,xmax,ymax\n"
    rows += "".join(f"p{i}.jpg,{'happy' if i % 2 else 'sad'},1,1,30,30\n" for i in range(6))
    folder = write_tree(tmp_path / "d", {**_pictures(), "_annotations.csv": rows.encode()})
    with pytest.raises(DataError, match=r"has boxes .*--table _annotations\.csv"):
        read(folder)
    assert read(folder, table="_annotations.csv").classes == ("happy", "sad")


def test_made_up_answers_of_a_contest_are_no_labels(tmp_path: Path) -> None:
    files = {f"train/p{i}.jpg": jpeg(i) for i in range(6)} | {f"test/z{i}.jpg": jpeg(50 + i) for i in range(3)}
    files["train.csv"] = ("id,label\n" + "".join(f"p{i},{'happy' if i % 2 else 'sad'}\n" for i in range(6))).encode()
    files["sample_submission.csv"] = b"id,label\nz0,happy\nz1,happy\nz2,happy\n"
    manifest = read(write_tree(tmp_path / "d", files))
    assert len(manifest) == 6
    assert any("3 of 9 images have no label" in note for note in manifest.notes)


@pytest.mark.parametrize(
    "path",
    [
        "https://a.org/x/{}?size=1",
        "/data/upload/3/0123abcd-{}",
        "s3://pets/{}",
        "/data/local-files/?d=x/{}",
        "D:\\x\\{}",
    ],
)
def test_addresses_and_uploads_mean_pictures_by_their_name(tmp_path: Path, path: str) -> None:
    rows = [{"image": path.format(r["file_name"]), "choice": r["mood"], "id": str(i)} for i, r in enumerate(ROWS)]
    assert said(read(write_tree(tmp_path / "d", PICTURES | {"project-1.csv": written("csv", rows)}))) == TRUTH


@pytest.mark.parametrize(("on", "off"), [("1.0", "0.0"), ("True", "False"), ("true", "false")])
def test_one_hot_columns_are_read_however_they_are_written(tmp_path: Path, on: str, off: str) -> None:
    rows = [{"file": str(r["file_name"]), **{m: on if m == r["mood"] else off for m in MOODS}} for r in ROWS]
    assert said(read(write_tree(tmp_path / "d", PICTURES | {"x.csv": written("csv", rows)}))) == TRUTH


@pytest.mark.parametrize("values", [("march", "april"), ("0", "1"), ("Train", "april"), ("A", "B")])
def test_a_column_of_splits_that_say_nothing_is_a_question(tmp_path: Path, values: tuple[str, str]) -> None:
    rows = [{**row, "split": values[i % 4 == 3]} for i, row in enumerate(ROWS)]
    folder = write_tree(tmp_path / "d", PICTURES | {"labels.csv": written("csv", rows)})
    with pytest.raises(DataError, match=r"the split '\w+' is not known.*--splits.*--columns split=$"):
        read(folder)
    told = f"{values[0]}=train,{values[1]}=test"
    for named in ({}, {"table": "labels.csv"}):
        assert [len(read(folder, splits=told, **named).in_split(s)) for s in ("train", "test")] == [9, 3]
        assert {r.split for r in read(folder, columns="split=", **named).records} == {""}
        assert len(read(folder, splits=f"{values[0]}=train,{values[1]}=", **named)) == 9


def test_columns_that_sound_as_if_they_matter_are_told(tmp_path: Path) -> None:
    rows = [{**row, "is_train": str(i % 2), "dog_name": f"d{i % 4}", "width": "48"} for i, row in enumerate(ROWS)]
    folder = write_tree(tmp_path / "d", PICTURES | {"labels.csv": written("csv", rows)})
    assert any("not read: pet, is_train, dog_name." in note for note in read(folder, columns="animal=").notes)
    taken = read(folder, columns="animal=dog_name,split=is_train", splits="1=train,0=test")
    assert len({r.animal for r in taken.records}) == 4
    assert len(taken.in_split("train")) == 6


@pytest.mark.parametrize("labels", [("happy|sad", "sad"), ("happy, sad", "sad"), ("a;b", "b"), ("x|y", "y|z")])
def test_lists_of_labels_are_refused(tmp_path: Path, labels: tuple[str, str]) -> None:
    rows = [{"file": str(r["file_name"]), "label": labels[i % 2]} for i, r in enumerate(ROWS)]
    with pytest.raises(DataError, match="names several classes at once"):
        read(write_tree(tmp_path / "d", PICTURES | {"labels.tsv": written("tsv", rows)}))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("labels.csv", "datei;laune\n" + "".join(f"{n};fröhlich\n" for n in PICTURES), "labels.csv is not UTF-8 text"),
        ("labels.csv", "a,b,c\n00.jpg,happy\n", "2 columns where the header has 3"),
        ("scores.csv", "file,age\n" + "".join(f"{n},{i}\n" for i, n in enumerate(PICTURES)), "its columns file, age"),
        ("labels.json", "[]", r"labels.json \(read only where it is named: --table\)"),
        ("labels.xlsx", "PK\x03\x04", "labels.xlsx"),
    ],
)
def test_what_was_no_table_of_labels_is_named_with_the_reason(tmp_path: Path, name: str, data: str, words: str) -> None:
    folder = write_tree(tmp_path / "d", PICTURES | {name: data.encode("cp1252")})
    with pytest.raises(DataError, match=f"Not taken for tables of labels: .*{words}"):
        read(folder)


def test_json_is_read_where_it_is_named_and_spreadsheets_are_refused(tmp_path: Path) -> None:
    objects = [{"image": n, "label": m} for n, m in TRUTH.items()]
    for k, text in enumerate((json.dumps(TRUTH), json.dumps(objects))):
        assert said(read(write_tree(tmp_path / str(k), PICTURES | {"l.json": text.encode()}), table="l.json")) == TRUTH
    for name, data, words in (
        ("a.json", b"[1]", "not a table"),
        ("a.json", b"{", "not JSON"),
        ("a.csv", b"PK\3\4", "CSV"),
    ):
        with pytest.raises(DataError, match=words):
            read(write_tree(tmp_path / name / words.replace(" ", ""), PICTURES | {name: data}), table=name)


def test_columns_of_parquet_files_with_pictures_can_be_named(tmp_path: Path) -> None:
    names = list(PICTURES)
    cells = {
        "photo": [{"bytes": PICTURES[n], "path": n} for n in names],
        "seg": [{"bytes": b"", "path": n} for n in names],
        "laune": [[TRUTH[n]] for n in names],
        "wer": [f"p{i % 4}" for i in range(len(names))],
    }
    (tmp_path / "d").mkdir()
    pl.DataFrame(cells).write_parquet(tmp_path / "d" / "test.parquet")
    pl.DataFrame(cells).write_parquet(tmp_path / "d" / "other.parquet")
    with pytest.raises(DataError, match=r"test.parquet \(no column of labels, it has laune, wer; .*class=NAME"):
        read(tmp_path / "d")
    (tmp_path / "d" / "other.parquet").unlink()
    manifest = read(tmp_path / "d", columns="class=laune,animal=wer")
    assert said(manifest) == TRUTH
    assert len({r.animal for r in manifest.records}) == 4
    assert any("'photo' is read, not seg" in note for note in manifest.notes)
    with pytest.raises(DataError, match="no column 'x' for class; it has laune, wer"):
        read(tmp_path / "d", columns="class=x")
    write_zip(tmp_path / "d.zip", {"test.parquet": (tmp_path / "d" / "test.parquet").read_bytes()})
    with pytest.raises(DataError, match="in a folder, not in a zip"):
        read(tmp_path / "d.zip")


@pytest.mark.parametrize("column", ["jpeg_data", "photo_blob"])
def test_bytes_of_pictures_are_known_by_content(tmp_path: Path, column: str) -> None:
    frame = pl.DataFrame({"key": [b"abc"] * 12, column: list(PICTURES.values()), "label": list(TRUTH.values())})
    frame.write_parquet(tmp_path / "pets.parquet")
    manifest = read(tmp_path / "pets.parquet")
    assert [r.class_name for r in sorted(manifest.records, key=lambda r: r.path)] == list(TRUTH.values())


def plain(rows: list[dict[str, str]]) -> dict[str, bytes]:
    return PICTURES | {"labels.csv": written("csv", rows)}


@pytest.mark.parametrize("nothing", ["NA", "nan", "NULL", "<NA>", " n/a "])
def test_words_for_no_value_are_no_animal_no_species_and_no_class(tmp_path: Path, nothing: str) -> None:
    rows = [{**row, "pet": nothing if i > 8 else row["pet"], "species": nothing} for i, row in enumerate(ROWS)]
    rows = [{"animal" if key == "pet" else key: value for key, value in row.items()} for row in rows]
    rows[0]["mood"] = nothing
    found = read(write_tree(tmp_path / "d", plain(rows)))
    assert found.classes == tuple(sorted(MOODS))
    assert {r.animal for r in found.records} == {"", "p0", "p1", "p2", "p3"}
    assert {r.species for r in found.records} == {""}
    assert "1 of 12 rows of labels.csv name no image of the data, or have no label." in found.notes


def test_rows_that_repeat_others_are_called_so_and_those_that_differ_are_refused(tmp_path: Path) -> None:
    rows = [{**row, "split": "train" if i % 4 else "test"} for i, row in enumerate(ROWS)]
    found = read(write_tree(tmp_path / "a", plain([*rows, *rows[:5]])))
    assert found.notes == ("5 of 17 rows of labels.csv repeat others.",)
    again = {**rows[5], "split": "test"}
    with pytest.raises(
        DataError, match=r"line 14 says that '05.jpg' is of the split 'test', but .* line 7 says 'train'"
    ):
        read(write_tree(tmp_path / "b", plain([*rows, again])))
    halves = {"train.csv": written("csv", ROWS[:8]), "test.csv": written("csv", ROWS[7:])}
    with pytest.raises(DataError, match=r"'07.jpg' is of the split"):
        read(write_tree(tmp_path / "c", PICTURES | halves))


@pytest.mark.parametrize("start", ["", "/data/someone/pets/", "C:\\pets\\"])
def test_a_row_of_a_picture_that_is_not_there_labels_no_other_of_its_name(tmp_path: Path, start: str) -> None:
    files = {f"{'ab'[i % 2]}/{i:02d}.jpg": jpeg(i) for i in range(12)}
    rows = [{"path": f"{start}{name}", "label": MOODS[i % 3]} for i, name in enumerate(sorted(files)) if i]
    absent = {"path": f"{start}c/{min(files).partition('/')[2]}", "label": "angry"}
    moved = {
        "path": f"{start}b/{min(files).partition('/')[2]}",
        "label": "angry",
    }  # that folder is there, the file is not
    table = {"labels.csv": written("csv", [*rows, absent, moved])}
    found = read(write_tree(tmp_path / "d", files | table), table="labels.csv")
    assert (len(found), "angry" in found.classes) == (11, False)
    assert "2 of 13 rows of labels.csv name no image of the data, or have no label." in found.notes


def test_several_classes_of_one_row_and_several_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    hot = [{"file": r["file_name"], **{m: str(int(m == r["mood"])) for m in MOODS}, "is_copy": "0"} for r in ROWS]
    hot[5]["is_copy"] = "1"
    with pytest.raises(DataError, match=r"line 7: several columns of classes are set for '05.jpg': calm, is_copy"):
        read(write_tree(tmp_path / "a", plain(hot)))
    twice = written("csv", ROWS).replace(b"mood,pet", b"mood,mood")
    with pytest.raises(DataError, match="two columns called 'mood'"):
        read(write_tree(tmp_path / "b", PICTURES | {"labels.csv": twice}))


@pytest.mark.parametrize(
    "make",
    [
        lambda label: f"['{label}']",
        lambda label: f'["{label}"]',
        lambda label: f"{label}\u200b",
        lambda label: f"\ufeff {label} ",
    ],
)
def test_what_programs_and_pages_put_around_a_label_is_no_part_of_it(tmp_path: Path, make: Any) -> None:
    rows = [{**row, "mood": make(row["mood"]) if i < 6 else row["mood"]} for i, row in enumerate(ROWS)]
    assert said(read(write_tree(tmp_path / "d", plain(rows)))) == TRUTH


@pytest.mark.parametrize("label", ["['sad', 'happy']", "sad & happy", "sad+happy", "happy / sad"])
def test_more_ways_of_writing_several_labels_are_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(DataError, match="names several classes at once"):
        read(write_tree(tmp_path / "d", plain([{**ROWS[0], "mood": label}, *ROWS[1:]])))


def test_spaces_and_blank_lines_of_a_csv_are_no_part_of_what_it_says(tmp_path: Path) -> None:
    lines = ["", "", "file_name, mood", *(f'{row["file_name"]}, "{row["mood"]}"' for row in ROWS)]
    assert said(read(write_tree(tmp_path / "d", PICTURES | {"labels.csv": "\n".join(lines).encode()}))) == TRUTH


@pytest.mark.parametrize("sign", [" ", ": ", ",", " - ", "\t"])
@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_a_list_of_classes_and_of_floats_are_numbers(tmp_path: Path, sign: str, first: int) -> None:
    rows = [{**row, "mood": f"{MOODS.index(row['mood']) + first}.0"} for row in ROWS]
    names = {"labels.txt": "\n".join(f"{i + first}{sign}{mood}" for i, mood in enumerate(MOODS)).encode()}
    assert said(read(write_tree(tmp_path / "d", plain(rows) | names))) == TRUTH


def test_a_picture_that_stands_twice_in_json_is_refused(tmp_path: Path) -> None:
    pairs = [(row["file_name"], row["mood"]) for row in ROWS]
    for more, words in (([], ""), ([pairs[3]], "the key '03.jpg' stands twice")):
        text = "{" + ",".join(f"{json.dumps(name)}: {json.dumps(mood)}" for name, mood in [*pairs, *more]) + "}"
        folder = write_tree(tmp_path / str(len(more)), PICTURES | {"labels.json": text.encode()})
        if words:
            with pytest.raises(DataError, match=words):
                read(folder, table="labels.json")
        else:
            assert said(read(folder, table="labels.json")) == TRUTH


@pytest.mark.parametrize("column", ["animal", "dog_id", "Species"])
def test_a_table_of_animals_beside_class_folders_is_told(tmp_path: Path, column: str) -> None:
    files = {f"{row['mood']}/{row['file_name']}": PICTURES[row["file_name"]] for row in ROWS}
    rows = [{"file": name, column: f"a{i % 3}"} for i, name in enumerate(files)]
    found = read(write_tree(tmp_path / "a", files | {"who.csv": written("csv", rows)}))
    assert said(found) == TRUTH
    assert any(
        f"who.csv has no labels and is not read, though its columns may matter: {column}." in n for n in found.notes
    )
    rows = [{"file": name, "width": str(i)} for i, name in enumerate(files)]
    assert not read(write_tree(tmp_path / "b", files | {"size.csv": written("csv", rows)})).notes
