"""What a command found -> MLflow, or TensorBoard's event files: settings, figures, curves and files.

A tracker is opened before the work, so that a server that is not there is told of at once; it gets all at the end.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from petmood.errors import ConfigError, reason_of, require_extra
from petmood.escaping import path_component
from petmood.results import ModelFacts

_EXPERIMENT: Final = "petmood"
_LONGEST: Final = 500  # characters of a setting's value that every version of MLflow takes


@dataclass(frozen=True)
class TrackedRun:
    """What is kept of a finished command.

    Attributes:
        settings: by name.
        figures: by name; shares in [0, 1].
        curves: values by step, counted from 1.
        files: files and folders to keep, where the tracker keeps files.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    files: Sequence[Path] = ()


def record_of(models: Sequence[ModelFacts], settings: Mapping[str, Any], files: Sequence[Path] = ()) -> TrackedRun:
    """The record of models that were evaluated: accuracy with its interval, macro-F1, and losses by epoch."""
    figures: dict[str, float] = {}
    curves: dict[str, Sequence[float]] = {}
    for model in models:
        name = f"{model.name}/{model.protocol}"
        low, high = model.accuracy_ci
        figures |= {
            f"{name}/accuracy": model.accuracy,
            f"{name}/accuracy_low": low,
            f"{name}/accuracy_high": high,
            f"{name}/macro_f1": model.macro_f1,
            f"{name}/n": float(model.n),
        }
        for measure, values in (model.epochs.model_dump() if model.epochs is not None else {}).items():
            if isinstance(values, list | tuple) and values and all(isinstance(value, float) for value in values):
                curves[f"{model.name}/{measure}"] = values
    return TrackedRun(settings, figures, curves, files)


class Tracker(Protocol):
    """Where records go."""

    def keep(self, record: TrackedRun) -> None:
        """Keep a record."""
        ...

    def close(self, *, failed: bool) -> None:
        """Say that the work ended."""
        ...


class _MLflow:
    def __init__(self, place: str, name: str) -> None:
        # tries of half a minute each would look like standing still
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        if "://" not in place:
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            place = Path(place).resolve().as_uri()
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=place)
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        experiment = self._client.create_experiment(_EXPERIMENT) if found is None else found.experiment_id
        self._run = str(self._client.create_run(experiment, run_name=name).info.run_id)

    def keep(self, record: TrackedRun) -> None:
        """Keep a record, and its files."""
        for key, value in record.settings.items():
            self._client.log_param(self._run, _key(key), str(value)[:_LONGEST])
        for key, figure in record.figures.items():
            self._client.log_metric(self._run, _key(key), figure)
        for key, values in record.curves.items():
            for step, value in enumerate(values, 1):
                self._client.log_metric(self._run, _key(key), value, step=step)
        for path in record.files:
            if path.is_dir():
                self._client.log_artifacts(self._run, str(path), path.name)
            elif path.is_file():
                self._client.log_artifact(self._run, str(path))

    def close(self, *, failed: bool) -> None:
        """End the run."""
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")


class _TensorBoard:
    def __init__(self, place: str, name: str) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(Path(place) / path_component(name)))

    def keep(self, record: TrackedRun) -> None:
        """Keep a record; it has no place for files."""
        rows = "\n".join(f"| {key} | {value} |" for key, value in record.settings.items())
        self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}")
        for key, figure in record.figures.items():
            self._writer.add_scalar(_key(key), figure)
        for key, values in record.curves.items():
            for step, value in enumerate(values, 1):
                self._writer.add_scalar(_key(key), value, step)

    def close(self, *, failed: bool) -> None:
        """Write what is still to be written."""
        self._writer.close()


_KINDS: Final[dict[str, tuple[str, Callable[[str, str], Tracker]]]] = {
    "mlflow": ("mlflow", _MLflow),
    "tensorboard": ("tensorboardX", _TensorBoard),
}


@contextmanager
def tracking(places: Sequence[str], name: str) -> Iterator[list[TrackedRun]]:
    """Open trackers; what is put into the list by the end of the block is kept by each.

    Args:
        places: `mlflow:URI` or `mlflow:FOLDER`, `tensorboard:FOLDER`.
        name: of what is tracked; the moment is added.

    Raises:
        ConfigError: a place is malformed, or cannot be written to; at the end, what was found is kept all the same.
        MissingExtraError: the extra `tracking` is not installed.
    """
    title = f"{name} {datetime.now(UTC):%Y-%m-%d %H-%M-%S}"
    trackers: list[tuple[str, Tracker]] = []
    records: list[TrackedRun] = []
    for place in places:
        kind, _, where = place.partition(":")
        if kind not in _KINDS or not where:
            near = difflib.get_close_matches(kind, _KINDS, n=1)
            hint = f"Did you mean '{near[0]}:{where or 'FOLDER'}'? " if near and kind not in _KINDS else ""
            raise ConfigError(f"--track is '{place}'. {hint}Write mlflow:URI or tensorboard:FOLDER.")
        require_extra(f"Tracking by {kind}", "tracking", _KINDS[kind][0])
    for place in places:
        kind, _, where = place.partition(":")
        with _told(place, "nothing was begun"):
            trackers.append((place, _KINDS[kind][1](where, title)))
    try:
        yield records
    except BaseException:
        for place, tracker in trackers:
            with _told(place, "the work had ended"):
                tracker.close(failed=True)
        raise
    for place, tracker in trackers:
        with _told(place, "the results themselves are written"):
            for record in records:
                tracker.keep(record)
            tracker.close(failed=False)


@contextmanager
def _told(place: str, state: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # these libraries raise whatever their transports do
        reason = reason_of(error)
        raise ConfigError(f"cannot write to {place} ({reason}); {state}. Check the place and the network.") from error


def _key(name: str) -> str:
    """A name of the characters that MLflow takes."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
