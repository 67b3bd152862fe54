"""`petmood train` and `petmood predict` as a user calls them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bundle_fixtures import Trained
from command import Petmood
from drawing import jpeg
from petmood.bundle import Answer, load


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    place = tmp_path / "phôtos"
    (place / "inner").mkdir(parents=True)
    for i in range(3):
        (place / ("inner" if i else ".") / f"{i}.jpg").write_bytes(jpeg(900 + i, (120, 90)))
    (place / "notes.txt").write_text("no picture")
    return place


def test_train_then_predict(petmood: Petmood, tiny_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code, out, _ = petmood("train", tiny_data, "--out", tmp_path / "model.zip", "--json", "--thumbnails")
    assert code == 0
    assert json.loads(out)["kind"] == "head"
    kept = load(tmp_path / "model.zip").training_photos
    assert kept is not None
    assert kept.thumbnails is not None
    assert len(kept.thumbnails) == len(kept.labels) == len(kept)
    assert all(t.startswith(b"\xff\xd8") for t in kept.thumbnails)
    code, out, _ = petmood("predict", tmp_path / "model.zip", next(tiny_data.rglob("*.jpg")))
    assert code == 0
    assert len(out.splitlines()) == 1


def test_json_is_one_document_of_the_shared_schema(petmood: Petmood, trained: Trained, folder: Path) -> None:
    code, out, _ = petmood("predict", trained.path, folder, "--json")
    assert code == 0
    answer = Answer.model_validate_json(out)
    assert [Path(p.source).name for p in answer.predictions] == ["0.jpg", "1.jpg", "2.jpg"]
    for prediction in json.loads(out)["predictions"]:
        assert set(prediction["probabilities"]) == set(trained.bundle.classes)
    assert answer.predictions == tuple(trained.bundle.predict([p.source for p in answer.predictions]))


def test_files_patterns_folders_and_stdin_mean_the_same(
    petmood: Petmood, trained: Trained, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sorted(map(str, folder.rglob("*.jpg")))
    _, expected, _ = petmood("predict", trained.path, *names, "--csv")
    assert petmood("predict", trained.path, folder, "--csv")[1] == expected
    assert petmood("predict", trained.path, f"{folder}/**/*", "--csv")[1] == expected
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(names) + "\n"))
    assert petmood("predict", trained.path, "-", "--csv")[1] == expected
    rows = list(csv.DictReader(io.StringIO(expected)))
    assert [row["source"] for row in rows] == names
    for row in rows:
        assert sum(float(row[f"p_{name}"]) for name in trained.bundle.classes) == pytest.approx(1, abs=1e-5)
        assert set(row["prediction_set"].split("|")) <= set(trained.bundle.classes)  # which may have spaces in them


def test_a_broken_picture_is_named_and_the_others_are_read(petmood: Petmood, trained: Trained, folder: Path) -> None:
    (folder / "inner" / "1.jpg").write_bytes(b"")
    code, out, err = petmood("predict", trained.path, folder, "--json")
    assert code == 2
    answer = Answer.model_validate_json(out)
    assert (len(answer.predictions), len(answer.errors)) == (2, 1)
    assert "1.jpg: empty file" in err
    assert "error: 1 picture could not be read" in err
    code, out, _ = petmood("predict", trained.path, folder, "--csv")
    assert [bool(row["error"]) for row in csv.DictReader(io.StringIO(out))] == [False, True, False]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("no-such.jpg",), "no-such.jpg does not exist"),
        (("https://example.org/cat.jpg",), "petmood reads no URLs"),
        (("nothing/*.jpg",), "no image file matches"),
        (("--json", "--csv", "x.jpg"), "exclude each other"),
    ],
)
def test_wrong_names_are_one_line(petmood: Petmood, trained: Trained, args: tuple[str, ...], expected: str) -> None:
    code, out, err = petmood("predict", trained.path, *args)
    assert (code, out) == (2, "")
    assert expected in err


def test_train_refuses_what_it_cannot_do(petmood: Petmood, tiny_data: Path, tmp_path: Path) -> None:
    assert "Did you mean 'head'" in petmood("train", tiny_data, "--out", tmp_path / "m", "--model", "heads")[2]
    assert (
        "Leave out --thumb"
        in petmood("train", tiny_data, "--out", tmp_path / "m", "--model", "cnn1", "--thumbnails")[2]
    )
    assert "lies inside the data" in petmood("train", tiny_data, "--out", tiny_data / "m")[2]
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    assert "was not written by petmood" in petmood("train", tiny_data, "--out", tmp_path / "precious")[2]
    assert petmood("predict", tmp_path, "x.jpg")[0] == 2


def peak(trained: Trained, folder: Path) -> tuple[int, int]:
    """Pictures read by `petmood predict`, and the most memory that it took in bytes."""
    program = "from petmood.cli.main import run; run()"
    args = [sys.executable, "-c", program, "predict", str(trained.path), str(folder), "--csv"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(args, stdout=subprocess.PIPE, env=environment) as asked:
        assert asked.stdout is not None
        lines = sum(1 for _ in asked.stdout)
        _, status, usage = os.wait4(asked.pid, 0)
        asked.returncode = os.waitstatus_to_exitcode(status)
    assert asked.returncode == 0
    return lines - 1, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the memory of a child that has ended")
def test_ten_thousand_photos_take_the_memory_of_a_few_hundred(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg(5, (320, 240)))
    peaks = {}
    for count in (300, 10_000):
        folder = tmp_path / str(count)
        for i in range(count):  # links: files enough for any number of photos, and no room on the disk
            place = folder / f"{i // 500:02d}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{i:05d}.jpg").hardlink_to(tmp_path / "photo.jpg")
        read, peaks[count] = peak(trained, folder)
        assert read == count
    assert peaks[10_000] < peaks[300] + 24 * 2**20, peaks
