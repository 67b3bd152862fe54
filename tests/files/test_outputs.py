"""What may be written where: ownership by digest, locks, and what a process that is killed anywhere leaves."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import killing
from petmood.errors import DataError
from petmood.files import claimed_folder, output_file, output_folder, settle, write_owned
from petmood.files.owned import Ownership
from petmood.store import write_bytes


def write(out: Path, files: dict[str, str], **options: object) -> None:
    with output_folder(out, **options) as folder:  # type: ignore[arg-type]
        for name, text in files.items():
            write_bytes(folder / name, text.encode())


def shown(folder: Path) -> dict[str, str]:
    """Visible files below a folder, and what is in them."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*"))


def test_an_output_is_replaced_whole_and_what_is_not_petmoods_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, {"a": "1", "sub/b": "2"})
    (out / "notes.txt").write_text("mine")
    (out / "sub" / "more.txt").write_text("mine too")
    write(out, {"a": "3"})
    assert shown(out) == {"a": "3", "notes.txt": "mine", "sub/more.txt": "mine too"}
    assert hidden(out) == [".petmood.json"]


def test_a_failed_command_leaves_the_old_output(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, {"a": "1"})
    for target in (out, tmp_path / "new"):
        with pytest.raises(ZeroDivisionError), output_folder(target) as folder:
            (folder / "a").write_text(str(1 / 0))
    assert shown(out) == {"a": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["a", "sub/b"])
def test_a_file_that_the_user_changed_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    write(out, {"a": "1", "sub/b": "2"})
    (out / name).write_text("edited")
    with pytest.raises(DataError, match="was changed since"), output_folder(out):
        pytest.fail("the work was begun")
    assert (out / name).read_text() == "edited"


def test_a_foreign_file_of_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, {"a": "1"})
    (out / "b").write_text("mine")
    with pytest.raises(DataError, match="was not written by petmood"):
        write(out, {"a": "2", "b": "2"})
    assert shown(out) == {"a": "1", "b": "mine"}


@pytest.mark.parametrize(
    "record", ["", "{}", "[]", '{"format": 1, "files": {"../x": ["0"]}}', '{"format": 2}', "\udcff"]
)
def test_a_folder_is_not_petmoods_for_its_names_or_a_record_that_is_none(tmp_path: Path, record: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("model.json", "model.onnx", ".petmood-run", "results.json"):
        (out / name).write_text("{}")
    if record:
        (out / ".petmood.json").write_bytes(record.encode(errors="surrogateescape"))
    before = shown(out)
    with pytest.raises(DataError, match="not empty"):
        write(out, {"model.json": "2"})
    assert shown(out) == before


def test_what_the_system_leaves_in_folders_bars_nothing(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"x")
    write(tmp_path, {"a": "1"})
    assert shown(tmp_path) == {"a": "1"}


def data_and_outs(tmp_path: Path) -> list[tuple[Path, Path]]:
    """(input, output) of every forbidden kind."""
    data = tmp_path / "around" / "data"
    (data / "happy").mkdir(parents=True)
    (data / "happy" / "a.jpg").write_bytes(b"picture")
    archive = tmp_path / "around" / "data.zip"
    archive.write_bytes(b"archive")
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "ziplink").symlink_to(archive)
    (tmp_path / "loop").symlink_to("loop")
    os.link(archive, tmp_path / "hard.zip")
    return [
        (data, data),
        (data, data / "out"),
        (data, data / "happy"),
        (data, tmp_path / "link"),
        (data, tmp_path / "link" / "deep" / "out"),
        (tmp_path / "link", data / "out"),
        (data, tmp_path / "around"),
        (archive, tmp_path / "around"),
        (data, tmp_path / "around" / "x" / ".."),
        (data, tmp_path / "loop"),
        (archive, archive),
        (archive, tmp_path / "ziplink"),
        (archive, tmp_path / "hard.zip"),
        (data / "happy" / "a.jpg", data / "happy"),
    ]


@pytest.mark.parametrize("number", range(14))
@pytest.mark.parametrize("kind", [output_folder, output_file, claimed_folder])
def test_no_output_in_over_or_around_an_input(tmp_path: Path, number: int, kind: Callable[..., object]) -> None:
    data, out = data_and_outs(tmp_path)[number]
    before = killing.picture_of(tmp_path)
    with pytest.raises(DataError), kind(out, [data]):  # type: ignore[attr-defined]
        pytest.fail("the work was begun")
    assert killing.picture_of(tmp_path) == before


def test_a_file_is_replaced_only_if_petmood_wrote_it_and_nobody_changed_it(tmp_path: Path) -> None:
    out = tmp_path / "m.zip"
    for text in ("1", "2"):
        with output_file(out) as path:
            path.write_text(text)
    assert out.read_text() == "2"
    out.write_text("mine")
    with pytest.raises(DataError, match="changed since"), output_file(out):
        pytest.fail("the work was begun")
    other = tmp_path / "other.zip"
    other.write_text("mine")
    with pytest.raises(DataError, match="not written by petmood"), output_file(other):
        pytest.fail("the work was begun")
    assert shown(tmp_path) == {"m.zip": "mine", "other.zip": "mine"}


def test_a_link_in_the_output_leads_nowhere(tmp_path: Path) -> None:
    out, precious = tmp_path / "out", tmp_path / "precious"
    write(out, {"a": "1"})
    precious.mkdir()
    (out / "sub").symlink_to(precious)
    with pytest.raises(DataError):
        write(out, {"a": "2", "sub/b": "2"})
    assert not list(precious.iterdir())
    (out / "c").symlink_to(precious / "new")
    with pytest.raises(DataError):
        write(out, {"a": "2", "c": "2"})
    assert not list(precious.iterdir())
    assert (out / "a").read_text() == "1"


def test_files_for_the_user_to_edit_are_written_once(tmp_path: Path) -> None:
    write(tmp_path / "out", {"a": "1", "names.csv": "x"}, keep=["names.csv"])
    (tmp_path / "out" / "names.csv").write_text("edited")
    write(tmp_path / "out", {"a": "2", "names.csv": "y"}, keep=["names.csv"])
    assert shown(tmp_path / "out") == {"a": "2", "names.csv": "edited"}


def test_only_one_command_writes_to_an_output(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from petmood.files import output_folder
        with output_folder(Path({str(tmp_path / "out")!r})) as folder:
            (folder / "a").write_text("theirs")
            print("begun", flush=True)
            sys.stdin.read()
        """
    )
    with killing.running(code) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"begun\n"
        with pytest.raises(DataError, match="another petmood command is writing"):
            write(tmp_path / "out", {"a": "ours"})
        other.kill()
        other.wait()
    # the lock ended with its process
    write(tmp_path / "out", {"a": "ours"})
    assert shown(tmp_path / "out") == {"a": "ours"}
    assert hidden(tmp_path) == [".petmood.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize("first", [pytest.param(True, marks=pytest.mark.slow), False])
def test_killed_anywhere_a_folder_is_old_or_new_and_the_next_start_clears_up(tmp_path: Path, first: bool) -> None:
    old, new = {"a": "1", "gone": "1", "sub/b": "1"}, {"a": "2", "sub/b": "2", "sub/deep/c": "2"}

    def prepare(root: Path) -> None:
        if not first:
            write(root / "out", old)
            (root / "out" / "mine.txt").write_text("mine")

    kept = {} if first else {"mine.txt": "mine"}
    states = [old | kept if not first else {}, new | kept]
    killed = 0
    for root in killing.at_every_step(tmp_path, prepare, lambda root: write(root / "out", new)):
        killed += 1
        out = root / "out"
        assert first or (out / "mine.txt").read_text() == "mine"
        if out.is_dir():
            settle(out)
        assert shown(out) in states
        write(out, new)
        assert shown(out) == new | kept
        assert hidden(root) == [".petmood.json"]
    assert killed > 15


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_anywhere_a_file_is_old_or_new(tmp_path: Path) -> None:
    def put(root: Path, text: str) -> None:
        with output_file(root / "m.zip") as path:
            write_bytes(path, text.encode())

    killed = 0
    for root in killing.at_every_step(tmp_path, lambda root: put(root, "old"), lambda root: put(root, "new")):
        killed += 1
        assert (root / "m.zip").read_text() in ("old", "new")
        put(root, "next")
        assert (root / "m.zip").read_text() == "next"
        assert hidden(root) == [".m.zip.petmood.json"]
    assert killed > 10


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_anywhere_work_in_place_goes_on_and_owns_its_parts(tmp_path: Path) -> None:
    def work(root: Path) -> None:
        with claimed_folder(root / "out") as out:
            for i in range(3):
                write_owned(out, f"s{i}", f"part {i}".encode())

    for root in killing.at_every_step(tmp_path, lambda root: None, work):
        work(root)
        assert shown(root / "out") == {f"s{i}": f"part {i}" for i in range(3)}
        assert set(Ownership.read(root / "out").files) == {"s0", "s1", "s2"}


def test_work_in_place_overwrites_nothing_foreign(tmp_path: Path) -> None:
    with claimed_folder(tmp_path / "out") as out:
        write_owned(out, "a", b"1")
        write_owned(out, "a", b"2")
        (out / "b").write_text("mine")
        with pytest.raises(DataError, match="not written by petmood"):
            write_owned(out, "b", b"2")
    assert shown(tmp_path / "out") == {"a": "2", "b": "mine"}


@settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), max_size=2), max_size=3))
def test_a_strangers_record_reaches_nothing_outside(files: dict[str, list[str]]) -> None:
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "out"
        root.mkdir()
        move = {"from": "..", "files": dict.fromkeys(files, "0"), "drop": list(files), "handed": []}
        (root / ".petmood.json").write_text(json.dumps({"format": 1, "files": files, "move": move}))
        assert not Ownership.read(root).known
        (root / ".petmood.json").write_text(json.dumps({"format": 1, "files": files}))
        for name in Ownership.read(root).files:
            assert (root / name).absolute().is_relative_to(root)
            assert ".." not in Path(name).parts
