"""Every option of every command that names a place to write to: what is not petmood's is refused and left as it is."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import killing
from command import Petmood
from evaluation_fixtures import Evaluated
from petmood.cli.main import app
from petmood.cli.reading import OPTIONS

READS = {
    "data", "extra", "unlabelled", "labels", "groups", "species", "bundle", "photos", "runtime", "names", "outside",
    "run", "reader", "table", "outside_table", "predictions", "train_list", "paths", "below", "words", "config",
}  # fmt: skip
"""Parameters that name what is read. `run` and `folder` are also written into: see the tests at the end."""

WORDS = {
    "preset", "backbone", "families", "model", "budget", "use", "mapping", "device", "maps", "host", "token", "kind",
    "method", "engine", "address", "provider", "pooling", "preprocess", "head", "only", "objective", "max_size",
    "older_than", "columns", "exclude", "group_by", "layout", "splits", "zip_encoding", "to", "cnn_precision",
    "cors_origin", "terms", "outside_layout", "outside_columns", "allow_host", "trust_proxy",
    "detector", "animals", "track",  # what is tracked goes to new files alone, named by the moment
}  # fmt: skip
"""Parameters that name no place."""

WRITTEN_INTO = {("name-clusters", "folder"), ("review", "run")}


@dataclass(frozen=True)
class Place:
    """What a command has at hand."""

    data: Path
    bundle: Path
    out: Path


Words = Callable[[Place], list[object]]

FOLDERS: dict[tuple[str, str], Words] = {
    ("run", "out"): lambda p: ["run", p.data, "--out", p.out],
    ("train", "out"): lambda p: ["train", p.data, "--out", p.out],
    ("predict", "explain"): lambda p: ["predict", p.bundle, p.data, "--explain", p.out],
    ("export", "out"): lambda p: ["export", p.bundle, "--out", p.out, "--format", "onnx-int8", "--data", p.data],
    ("export web", "out"): lambda p: ["export", p.bundle, "--out", p.out, "--format", "web", "--data", p.data],
    ("demo-data", "out"): lambda p: ["demo-data", p.out],
    ("export-data", "out"): lambda p: ["export-data", p.data, "--out", p.out, "--labels", p.data / "labels.csv"],
    ("cluster", "out"): lambda p: ["cluster", p.data, "--out", p.out],
    ("embed", "out"): lambda p: ["embed", p.data, "--out", p.out],
    ("study", "out"): lambda p: ["study", p.data, "--out", p.out],
    ("tune", "out"): lambda p: ["tune", p.data, "--out", p.out, "--model", "head", "--trials", 1],
    ("evaluate", "out"): lambda p: ["evaluate", p.bundle, p.data, "--out", p.out],
    ("compare", "out"): lambda p: ["compare", p.bundle, p.bundle, "--out", p.out],
    ("travel", "out"): lambda p: ["travel", p.data, p.data, "--out", p.out],
    ("pretrain", "out"): lambda p: ["pretrain", p.data, "--for", p.data, "--out", p.out],
}
FILES: dict[tuple[str, str], tuple[str, Words]] = {
    ("train zip", "out"): (".zip", lambda p: ["train", p.data, "--out", p.out]),
    ("export zip", "out"): (
        ".zip",
        lambda p: ["export", p.bundle, "--out", p.out, "--format", "onnx-int8", "--data", p.data],
    ),
    ("export torchscript", "out"): (".pt", lambda p: ["export", p.bundle, "--out", p.out, "--format", "torchscript"]),
    ("quantize", "out"): (".onnx", lambda p: ["quantize", p.data, "--out", p.out]),
    ("audit", "quality"): (".csv", lambda p: ["audit", p.data, "--quality", p.out]),
    ("labels", "out"): (".csv", lambda p: ["labels", p.data, "--out", p.out]),
    ("leaderboard", "out"): (".md", lambda p: ["leaderboard", p.data, "--out", p.out]),
    ("tune", "storage"): (
        ".log",
        lambda p: ["tune", p.data, "--out", p.bundle.parent / "new", "--model", "head", "--storage", p.out],
    ),
    ("tune sqlite", "storage"): (
        ".db",
        lambda p: ["tune", p.data, "--out", p.bundle.parent / "new", "--storage", f"sqlite:///{p.out}"],
    ),
}
NO_INPUT = {("demo-data", "out"), ("compare", "out")}


def parameters() -> Iterator[tuple[str, str]]:
    inside = [group.typer_instance for group in app.registered_groups]
    for command in [command for one in (app, *inside) if one is not None for command in one.registered_commands]:
        if command.hidden:  # another name of one that is tried
            continue
        assert command.name is not None
        assert command.callback is not None
        for name, parameter in inspect.signature(command.callback, eval_str=True).parameters.items():
            kind = str(parameter.annotation)
            if "Path" in kind or "str" in kind.replace("typing.Annotated", ""):
                yield command.name, name


def test_every_parameter_that_could_be_a_place_to_write_to_is_known_here() -> None:
    known = {(command.split()[0], name) for command, name in [*FOLDERS, *FILES]} | WRITTEN_INTO
    found = set(parameters())
    new = {(command, name) for command, name in found - known if name not in READS | WORDS | set(OPTIONS)}
    assert not new, "say above whether it is read, written to or a word, so that it is tried"
    assert known <= found


@pytest.fixture
def place(evaluated: Evaluated, tiny_data: Path, tmp_path: Path) -> Place:
    data = tmp_path / "around" / "data"
    shutil.copytree(tiny_data, data)
    (data / "labels.csv").write_text("path,label\n")
    shutil.copytree(evaluated.path, tmp_path / "around" / "bundle")
    return Place(data, tmp_path / "around" / "bundle", tmp_path / "out")


def foreign(root: Path) -> Path:
    root.mkdir()
    (root / "model.json").write_text(json.dumps({"schema": 1}))
    (root / "model.onnx").write_bytes(b"graph")
    (root / ".petmood-run").write_text("This folder was made by petmood; it may be written to again.\n")
    (root / "truth.json").write_text("{}")
    (root / "thesis.txt").write_text("years of work")
    return root


def refused(petmood: Petmood, tmp_path: Path, words: list[object]) -> str:
    before = killing.picture_of(tmp_path)
    done = petmood(*words)
    assert done.returncode == 2, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 1, done.stderr
    assert killing.picture_of(tmp_path) == before
    return done.stderr


@pytest.mark.parametrize("which", FOLDERS)
def test_folders(petmood: Petmood, place: Place, tmp_path: Path, which: tuple[str, str]) -> None:
    pytest.importorskip("torch")
    words = FOLDERS[which]
    link = tmp_path / "link"
    link.symlink_to(place.data)
    a_class = next(p for p in sorted(place.data.rglob("*")) if p.is_dir())
    (tmp_path / "file").write_text("mine")
    # an earlier output that was changed by its owner since, and the mark of it in a folder of other things
    outs = [foreign(tmp_path / "foreign"), tmp_path / "file", place.data, a_class, place.data.parent, link]
    if which not in NO_INPUT:
        outs += [place.data / "new", link / "new", place.data / ".." / "data" / "new"]
    if which[0].startswith(("predict", "export")) and "data" not in which[0]:
        outs += [place.bundle, place.bundle / "new"]
    for out in outs:
        refused(petmood, tmp_path, words(Place(place.data, place.bundle, out)))


@pytest.mark.parametrize("which", FILES)
def test_files(petmood: Petmood, place: Place, tmp_path: Path, which: tuple[str, str]) -> None:
    pytest.importorskip("torch")
    suffix, words = FILES[which]
    link = tmp_path / f"link{suffix}"
    link.symlink_to(next(place.data.rglob("*.jpg")))
    mine = tmp_path / f"mine{suffix}"
    mine.write_bytes(b"mine")
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / f"folder{suffix}" / "x").write_text("mine")
    outs = [mine, link, tmp_path / f"folder{suffix}"]
    outs.append((place.bundle if which[0] == "export torchscript" else place.data) / f"new{suffix}")
    for out in outs:
        refused(petmood, tmp_path, words(Place(place.data, place.bundle, out)))


def test_an_archive_is_not_replaced_by_the_model_trained_on_it(petmood: Petmood, place: Place, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "D"), "zip", place.data))
    (tmp_path / "link.zip").symlink_to(archive)
    for out in (archive, tmp_path / "link.zip"):
        refused(petmood, tmp_path, ["train", archive, "--out", out])
    refused(petmood, tmp_path, ["run", archive, "--out", archive])
    refused(petmood, tmp_path, ["export", archive, "--out", archive, "--format", "torchscript"])


def test_the_same_output_is_made_again_and_nothing_else_is_lost(petmood: Petmood, place: Place, tmp_path: Path) -> None:
    out = tmp_path / "m"
    assert petmood("train", place.data, "--out", out).returncode == 0
    (out / "notes.txt").write_text("mine")
    assert petmood("train", place.data, "--out", out, "--seed", 1).returncode == 0
    assert (out / "notes.txt").read_text() == "mine"
    (out / "MODEL_CARD.md").write_text("my own words")
    assert "was changed since" in refused(petmood, tmp_path, ["train", place.data, "--out", out])


def test_labels_in_a_folder_of_clusters_are_not_overwritten(petmood: Petmood, place: Place, tmp_path: Path) -> None:
    out = tmp_path / "c"
    assert petmood("cluster", place.data, "--out", out, "--k", 2).returncode == 0
    (out / "names.csv").write_text("cluster,name\n1,calm\n2,cross\n")
    (out / "labels.csv").write_text("path,label\nmine,mine\n")
    assert "not written by petmood" in refused(petmood, tmp_path, ["name-clusters", place.data, out])
