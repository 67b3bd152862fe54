"""What a command found, read again from what MLflow and TensorBoard would show."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from command import Petmood
from petmood.errors import ConfigError, MissingExtraError
from petmood.jobs.tracking import TrackedRun, record_of, tracking


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What stands in event files: TensorFlow records of (length, checksum, event, checksum)."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for file in folder.rglob("events.out.tfevents.*"):
        raw, at = file.read_bytes(), 0
        while at < len(raw):
            (length,) = struct.unpack_from("<Q", raw, at)
            event = Event.FromString(raw[at + 12 : at + 12 + length])
            at += 16 + length
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def mlflow_runs(folder: Path) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=folder.resolve().as_uri())
    experiment = client.get_experiment_by_name("petmood")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


@pytest.mark.filterwarnings("ignore")
def test_a_trained_model_is_kept_by_both(petmood: Petmood, tiny_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("tensorboardX")
    places = (f"mlflow:{tmp_path / 'ml runs'}", f"tensorboard:{tmp_path / 'tb'}")
    words = [word for place in places for word in ("--track", place)]
    done = petmood("train", tiny_data, "--out", tmp_path / "model", "--seed", 3, *words)
    assert done.returncode == 0, done.stderr
    evaluation = json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))["evaluation"]
    (run,) = mlflow_runs(tmp_path / "ml runs")
    assert (run.info.status, run.data.params["seed"], run.data.params["model"]) == ("FINISHED", "3", "head")
    assert run.info.run_name.startswith("train model 20")
    seen = scalars(tmp_path / "tb")
    for entry in evaluation:
        name = f"{entry['name']}/{entry['protocol']}"
        ours = name.replace("+", "_")  # MLflow takes few signs
        assert run.data.metrics[f"{ours}/accuracy"] == entry["accuracy"]
        assert run.data.metrics[f"{ours}/accuracy_low"] == entry["accuracy_ci"][0]
        assert seen[f"{ours}/accuracy"] == [(0, pytest.approx(entry["accuracy"], abs=1e-6))]
    kept = next((tmp_path / "ml runs").rglob("artifacts/model/model.json"))
    assert kept.read_bytes() == (tmp_path / "model" / "model.json").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_curves_go_step_by_step_and_failures_are_told(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    places = (f"mlflow:{tmp_path / 'm'}", f"tensorboard:{tmp_path / 't'}")
    with tracking(places, "tune x") as records:
        records.append(TrackedRun({"what/é?": "x" * 9000}, {"a b/Ж": 0.5}, {"loss": [3.0, 2.0, 1.5]}))
    assert scalars(tmp_path / "t")["loss"] == [(1, 3.0), (2, 2.0), (3, 1.5)]
    (run,) = mlflow_runs(tmp_path / "m")
    assert run.data.metrics["loss"] == 1.5
    with pytest.raises(KeyboardInterrupt), tracking(places[:1], "broken"):
        raise KeyboardInterrupt
    assert {run.info.status for run in mlflow_runs(tmp_path / "m")} == {"FINISHED", "FAILED"}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("mlfow:x", "Did you mean 'mlflow:x'"),
        ("wandb:x", "Write mlflow:URI or tensorboard:FOLDER"),
        ("mlflow:", "Write mlflow:URI"),
        ("tensorboard", "Write mlflow:URI"),
        ("mlflow:http://127.0.0.1:9", "nothing was begun"),
        ("mlflow:ftp://x", "nothing was begun"),
    ],
)
def test_a_place_that_cannot_be_is_told_before_any_work(place: str, said: str) -> None:
    pytest.importorskip("mlflow")
    with pytest.raises(ConfigError, match=said) as error, tracking([place], "x"):
        raise AssertionError("no work")
    assert "\n" not in str(error.value)


def test_without_the_extra_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("petmood.errors.is_there", lambda package: package != "tensorboardX")
    with pytest.raises(MissingExtraError, match="tracking"), tracking([f"tensorboard:{tmp_path}"], "x"):
        raise AssertionError("no work")


def test_losses_by_epoch_are_curves() -> None:
    from petmood.results.models import Epochs, ModelFacts

    told = (1.0, 0.5)
    facts = ModelFacts.model_construct(
        name="cnn", protocol="test", accuracy=0.5, accuracy_ci=(0.4, 0.6), macro_f1=0.4, n=10,
        epochs=Epochs(loss=told, accuracy=told, val_loss=told, val_accuracy=told, n_val=3),
    )  # fmt: skip
    curves = record_of([facts], {}).curves
    assert curves == {f"cnn/{name}": told for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
