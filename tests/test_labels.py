"""labels.csv and the log of decisions: nothing lost, nothing accepted that does not fit the data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drawing import jpeg, split_files, write_tree
from petmood.cache import ContentCache
from petmood.errors import DataError
from petmood.ingest import read_dataset
from petmood.labels import (
    EXCLUDED,
    Decision,
    append_decision,
    apply_labels,
    labels_of,
    read_decisions,
    read_labels,
    read_soft_labels,
    settle,
    write_labels,
)
from petmood.records import Manifest
from petmood.sources import open_source


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root = write_tree(tmp_path_factory.mktemp("data") / "pets", {**split_files(), "train/notes.txt": b"hello"})
    with open_source(root) as source:
        return read_dataset(source, ContentCache())


def csv(tmp_path: Path, *rows: str, header: str = "path,label") -> Path:
    path = tmp_path / "größe" / "labels.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_labels_come_back_as_they_were_written(tmp_path: Path, manifest: Manifest) -> None:
    path = tmp_path / "labels.csv"
    write_labels(path, {"train/Angry/train1.jpg": "happy", "test/happy/test0.jpg": EXCLUDED})
    assert path.read_text() == "path,label\ntest/happy/test0.jpg,not-a-pet\ntrain/Angry/train1.jpg,happy\n"
    assert read_labels(path, manifest) == {"train/Angry/train1.jpg": "happy", "test/happy/test0.jpg": EXCLUDED}


def test_a_label_is_the_photos_whichever_file_is_named_and_spelling_follows_the_data(
    tmp_path: Path, manifest: Manifest
) -> None:
    path = csv(tmp_path, 'x,"train/Angry/aug-3-train0.jpg",HAPPY', "", header="\ufeffnote, path ,label")
    assert read_labels(path, manifest) == {"train/Angry/train0.jpg": "happy"}
    changed = apply_labels(manifest, read_labels(path, manifest))
    family = [r for r in changed.records if r.family == "train/Angry/train0.jpg"]
    assert {r.class_name for r in family} == {"happy"}
    assert len(family) == 2
    assert changed.digest != manifest.digest


@pytest.mark.parametrize(
    ("rows", "header", "expected"),
    [
        (["train/Angry/train1.jpg,hapy"], "path,label", r"line 2: unknown class 'hapy'. Did you mean 'happy'"),
        (["train/Angry/train1.jpg,"], "path,label", r"line 2: the label is empty"),
        (
            ["", "train/Angry/train9.jpg,happy"],
            "path,label",
            r"line 3: there is no file 'train/Angry/train9.jpg'.* mean",
        ),
        (["train/notes.txt,happy"], "path,label", r"line 2: 'train/notes.txt' is not part of the data"),
        (
            ["train/Angry/train1.jpg,happy", "train/Angry/train1.jpg,Angry"],
            "path,label",
            r"line 3: 'train/Angry/train1.jpg' is a duplicate: line 2 has the file already",
        ),
        (
            ["train/Angry/train0.jpg,happy", "train/Angry/aug-3-train0.jpg,Angry"],
            "path,label",
            r"line 3: .* line 2 has a file of the same photo already",
        ),
        (["a,b,c"], "path,label", r"line 2: 3 columns where the header has 2"),
        (['"a,b'], "path,label", r"line 2: not CSV"),
        (["a,b"], "file,label", r"line 1: the header lacks 'path', got 'file,label'"),
        ([], "path,label", "has no labels"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(
    tmp_path: Path, manifest: Manifest, rows: list[str], header: str, expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        read_labels(csv(tmp_path, *rows, header=header), manifest)


def test_files_that_are_no_text_or_not_there_are_refused(tmp_path: Path, manifest: Manifest) -> None:
    broken = tmp_path / "labels.csv"
    broken.write_bytes(b"path,label\n\xff\xfe,x\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read_labels(broken, manifest)
    with pytest.raises(DataError, match="cannot read"):
        read_labels(tmp_path / "none.csv", manifest)


def test_excluded_photos_are_ignored_and_everything_is_still_accounted_for(manifest: Manifest) -> None:
    changed = apply_labels(manifest, {"train/Angry/train0.jpg": EXCLUDED})
    assert len(changed) == len(manifest) - 2
    assert len(changed) + len(changed.rejected) + len(changed.ignored) == changed.found
    assert [s.reason for s in changed.ignored if "train0" in s.path] == ["labelled 'not-a-pet'"] * 2


def test_a_class_without_photos_is_refused(manifest: Manifest) -> None:
    with pytest.raises(DataError, match="class 'Angry' has no photo left"):
        apply_labels(manifest, {r.family: "happy" for r in manifest.records})


def test_unlabelled_data_takes_its_classes_from_the_labels(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "flat", {f"{i}.jpg": jpeg(i) for i in range(5)})
    with open_source(root) as source:
        flat = read_dataset(source, ContentCache(), labelled=False)
    path = csv(tmp_path, "0.jpg,calm", "1.jpg,tense", "2.jpg,calm", "3.jpg,not-a-pet")
    changed = apply_labels(flat, read_labels(path, flat))
    assert changed.classes == ("calm", "tense")
    assert [r.class_name for r in changed.records] == ["calm", "calm", "tense"]
    assert {s.path: s.reason for s in changed.ignored} == {"3.jpg": "labelled 'not-a-pet'", "4.jpg": "has no label"}
    with pytest.raises(DataError, match="name 1 classes"):
        apply_labels(flat, {"0.jpg": "calm"})


def test_the_last_decision_stands_undo_takes_one_back_and_readers_are_apart(tmp_path: Path) -> None:
    log = tmp_path / "new" / "decisions.jsonl"
    for decision in (
        Decision("a.jpg", "label", "happy"),
        Decision("b.jpg", "skip"),
        Decision("a.jpg", "label", "Angry"),
        Decision("c.jpg", "exclude"),
        Decision("a.jpg", "label", "Sad", reader="second"),
        Decision("d.jpg", "label", "Sad"),
        Decision("d.jpg", "undo"),
        Decision("d.jpg", "undo"),
        Decision("a.jpg", "undo"),
    ):
        assert append_decision(log, decision).time
    decisions = read_decisions(log)
    assert len(decisions) == 9
    assert labels_of(settle(decisions)) == {"a.jpg": "happy", "c.jpg": EXCLUDED}
    assert settle(decisions)["b.jpg"].action == "skip"
    assert labels_of(settle(decisions, "second")) == {"a.jpg": "Sad"}


def test_a_killed_writers_half_line_costs_no_other_decision(tmp_path: Path) -> None:
    log = tmp_path / "decisions.jsonl"
    append_decision(log, Decision("a.jpg", "label", "happy"))
    with log.open("ab") as handle:
        handle.write('{"path": "b.jpg", "action": "label", "label": "größ'.encode()[:-1])
    append_decision(log, Decision("c.jpg", "label", "Sad"))
    assert [d.path for d in read_decisions(log)] == ["a.jpg", "c.jpg"]
    assert read_decisions(tmp_path / "none") == ()


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    log = tmp_path / "decisions.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: append_decision(log, Decision(f"{i}.jpg", "label", "x" * 200)), range(80)))
    assert sorted(int(d.path[:-4]) for d in read_decisions(log)) == list(range(80))


def test_a_log_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write to"):
        append_decision(tmp_path / "file" / "log.jsonl", Decision("a.jpg", "skip"))


def test_soft_labels_are_read_by_the_names_of_their_columns(tmp_path: Path, manifest: Manifest) -> None:
    first, second, third = (manifest.records[i] for i in manifest.photo_index[:3])
    one, two = manifest.classes
    rows = [f"{first.path},{one},3,0.5,0.5", f"{second.path},{one},1,0,0", f"{third.path},{two},1,1,"]
    found = read_soft_labels(csv(tmp_path, *rows, header=f"path,label,readers,p: {two.upper()},P:{one}"), manifest)
    assert found is not None
    assert found.classes == (two, one)
    assert dict(found.of) == {first.family: (0.5, 0.5), third.family: (1.0, 0.0)}
    assert read_soft_labels(csv(tmp_path, *(row.rsplit(",", 3)[0] for row in rows)), manifest) is None


@pytest.mark.parametrize("cells", ["0.5,0.1", "-0.5,1.5", "nan,1", "one,0", "1,1"])
def test_soft_labels_that_are_none_are_refused_with_their_line(cells: str, tmp_path: Path, manifest: Manifest) -> None:
    one, two = manifest.classes[:2]
    path = csv(tmp_path, f"{manifest.records[0].path},{one},{cells}", header=f"path,label,p: {one},p: {two}")
    with pytest.raises(DataError, match=r"line 2: .* no probabilities"):
        read_soft_labels(path, manifest)
    other = csv(tmp_path, f"{manifest.records[0].path},{one},{cells}", header="path,label,p: blue,p: green")
    with pytest.raises(DataError, match="'p: blue' is of no class"):
        read_soft_labels(other, manifest)


def test_labels_are_spelled_as_the_data_in_any_form_of_unicode(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "d", {f"{name}/{i}.jpg": jpeg(i) for i, name in enumerate(("müde", "froh"))})
    with open_source(root) as source:
        found = read_dataset(source, ContentCache())
    assert read_labels(csv(tmp_path, "froh/1.jpg,mu\u0308de"), found) == {"froh/1.jpg": "müde"}
    anew = read_labels(csv(tmp_path, "froh/1.jpg,Wach", "müde/0.jpg,wach"), found)
    assert len(set(anew.values())) == 1
