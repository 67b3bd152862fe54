"""Exports of a bundle answer as the bundle does, and say what they cost."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from petmood.workflows.site import _FILES as RUNTIME_FILES

from bundle_fixtures import Trained
from petmood.bundle import load
from petmood.errors import ConfigError, DataError
from petmood.workflows.export import export


def pixels(trained: Trained) -> np.ndarray:
    rows = trained.manifest.in_split("test")
    return np.stack([trained.bundle.prepare(trained.data / trained.manifest.records[i].path).pixels for i in rows])


def test_int8_is_a_smaller_bundle_whose_accuracy_was_measured(trained: Trained, tmp_path: Path) -> None:
    done = export(trained.path, tmp_path / "small", "onnx-int8", data=trained.data)
    assert done.bytes_after < done.bytes_before / 2
    before, after = done.evaluation
    assert before.n == after.n == len(trained.manifest.photos_in_split("test"))
    small = load(tmp_path / "small")
    assert small.description.evaluation == done.evaluation
    shown = pixels(trained)
    rows = small.infer(shown).probabilities
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
    truth = trained.manifest.class_index[trained.manifest.photos_in_split("test")]
    assert int((rows.argmax(axis=1) == truth).sum()) == after.correct
    assert np.abs(rows - trained.bundle.infer(shown).probabilities).max() < 0.25


def _runtime(path: Path, names: tuple[str, ...] = RUNTIME_FILES) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in (*(f"package/dist/{n}" for n in names), "../outside.txt"):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"code"))
    return path


def test_the_site_is_the_page_the_model_and_the_runtime(trained: Trained, tmp_path: Path) -> None:
    export(trained.path, tmp_path / "site", "web", runtime=_runtime(tmp_path / "ort.tgz"))
    found = {p.relative_to(tmp_path / "site").as_posix() for p in (tmp_path / "site").rglob("*") if p.is_file()}
    page = {"index.html", "page.css", "petmood.css", "app.js", "judge.js", "pixels.js"}
    model = {"model.json", "model.onnx", "rules.json", "neighbours.bin"}
    assert found == page | model | {f"ort/{n}" for n in RUNTIME_FILES}
    assert (tmp_path / "site" / "model.onnx").read_bytes() == (trained.path / "model.onnx").read_bytes()
    assert json.loads((tmp_path / "site" / "model.json").read_text())["classes"] == list(trained.bundle.classes)
    text = "".join((tmp_path / "site" / name).read_text() for name in page)
    assert "http://" not in text
    assert "https://" not in text
    assert not (tmp_path / "outside.txt").exists()


def test_what_cannot_be_exported_is_named(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'web'"):
        export(trained.path, tmp_path / "x", "wed")
    with pytest.raises(ConfigError, match="--data"):
        export(trained.path, tmp_path / "x", "onnx-int8")
    with pytest.raises(DataError, match="is not the package"):
        export(trained.path, tmp_path / "x", "web", runtime=_runtime(tmp_path / "part.tgz", RUNTIME_FILES[:1]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="it lacks"):
        export(trained.path, tmp_path / "x", "web", runtime=tmp_path / "empty")
