"""A function from choices to a loss -> the choices tried by Optuna, kept in a journal so that a search resumes."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from petmood.errors import ConfigError, DataError, reason_of, require_extra
from petmood.files import check_output
from petmood.progress import Tick
from petmood.results.tune import Choice, TrialFacts

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two bounds; on a logarithmic scale if `log`."""

    low: float
    high: float
    log: bool = False


Space = Mapping[str, Range | tuple[Choice, ...]]
"""What may be chosen: a range, or one of several values."""

CNN: Final[Space] = {
    "depth": (1, 2, 3),
    "filters": (16, 32, 64),
    "activation": ("relu", "prelu"),
    "batch_norm": (False, True),
    "dropout": Range(0.0, 0.6),
    "learning_rate": Range(1e-4, 1e-2, log=True),
    "batch_size": (16, 32, 64),
    "colour": ("rgb", "grey"),
    "crop": (1.0, 0.9, 0.8),
    "augment": ("none", "copies", "flip"),
}
"""The study's own choices. `augment`: photos alone; with the data's own copies, as in the study; with mirror images."""

HEAD: Final[Space] = {
    "C": Range(1e-6, 1e1, log=True),
    "unit_length": (False, True),
    "augment": ("none", "copies"),
}

_WORKER: Final = "worker"
_FINISHED: Final = ("COMPLETE", "PRUNED")
_POLL: Final = 0.5  # seconds between looks at what others do
_STALE: Final = timedelta(hours=12)  # a trial on another machine that takes longer is taken for dead
_NAMELESS: Final = timedelta(minutes=1)  # and so is one whose process has not said its name by then

SPACES: Final = {"cnn": CNN, "head": HEAD}


Report = Callable[[int, float], None]
"""Called with (step, loss so far); raises `optuna.TrialPruned` where going on is not worth it."""


@dataclass(frozen=True, slots=True)
class TrialScores:
    """What a set of choices came to on held-out photos."""

    loss: float
    accuracy: float
    epochs: float | None


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """All trials so far and the importance of each choice (empty where too few differ)."""

    trials: tuple[TrialFacts, ...]
    importance: dict[str, float]

    @property
    def best(self) -> TrialFacts:
        """The finished trial of the least loss."""
        return min((t for t in self.trials if t.loss is not None), key=lambda t: t.loss or 0.0)


class _Surplus(Exception):  # noqa: N818  # it is no error: other processes have taken all the trials there were
    """Ends a trial that was begun when as many as were wanted had been begun before it."""


def search(
    judge: Callable[[dict[str, Choice], Report], TrialScores],
    space: Space,
    storage: str,
    name: str,
    *,
    trials: int,
    minutes: float | None,
    seed: int,
    on_trial: Tick,
) -> SearchOutcome:
    """Try choices until there are `trials` finished or pruned ones in the storage, or the minutes are over.

    Any number of processes may search at once: each trial is tried by one of them, there are `trials` in all, and each
    process returns when all are done. Choices follow from the seed, the trial's number and the trials before it.

    Args:
        judge: trains and judges a set of choices.
        space: what may be chosen.
        storage: path of a journal file, or the URL of a database (sqlite:///..., postgresql://...); a search of the
            same name in it is gone on with.
        name: of the search: covers the data and all settings, so that others' trials do not mix.
        trials: how many there are to be in all.
        minutes: wall-clock budget of this call, or None; a trial begun is finished.
        seed: of the sampler.
        on_trial: called with (trials done, trials in all).

    Raises:
        ConfigError: no trial was finished within the budget, or the storage cannot be opened.
        MissingExtraError: optuna is not installed.
    """
    require_extra("petmood tune", "train", "optuna")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=_open(storage),
        study_name=name,
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )

    def objective(trial: optuna.Trial) -> float:
        trial.set_user_attr(_WORKER, [socket.gethostname(), os.getpid()])
        if sum(_counts(t) for t in study.get_trials(deepcopy=False) if t.number < trial.number) >= trials:
            raise _Surplus
        # by number: processes draw different choices, and a resumed search draws what it would have drawn
        study.sampler = optuna.samplers.TPESampler(seed=seed + trial.number)

        def report(step: int, loss: float) -> None:
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned

        found = judge({key: _suggest(trial, key, choice) for key, choice in space.items()}, report)
        trial.set_user_attr("accuracy", found.accuracy)
        trial.set_user_attr("epochs", found.epochs)
        return found.loss

    end = None if minutes is None else time.monotonic() + 60 * minutes
    while (done := _done(study)) < trials and (end is None or time.monotonic() < end):
        on_trial(done, trials)
        if sum(_counts(t) for t in study.get_trials(deepcopy=False)) < trials:
            study.optimize(objective, n_trials=1, catch=(_Surplus,))
        else:
            time.sleep(_POLL)  # others are at the last ones; should they die, theirs are tried here
    on_trial(_done(study), trials)
    told = tuple(_facts(trial) for trial in study.trials if trial.state.is_finished() and trial.params)
    found = SearchOutcome(told, _importance(study))
    if all(trial.loss is None for trial in found.trials):
        raise ConfigError("no trial was finished within the budget. Give --trials or --minutes more.")
    return found


def check_storage(storage: str, inputs: Iterable[Path]) -> None:
    """Refuse to keep a search in a file that is an input, or that something else than a search wrote.

    Args:
        storage: path of a journal, or URL; of the latter those of SQLite are files too.
        inputs: what the search reads.

    Raises:
        DataError: it is such a file.
    """
    file, is_database = storage, False
    if "://" in storage:
        if not (found := re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", storage)) or found[1] == ":memory:":
            return
        file, is_database = found[1], True
    path = Path(file)
    check_output(path, inputs, option="--storage")
    if not os.path.lexists(path) or (path.is_file() and not path.stat().st_size):
        return
    if not path.is_file() or not (_holds_studies(path) if is_database else _is_journal(path)):
        raise DataError(f"{path} is not a file that a search wrote. Choose another path for --storage.")


def _is_journal(path: Path) -> bool:
    with path.open("rb") as handle:
        try:
            return "op_code" in json.loads(handle.readline(2**20))
        except (ValueError, TypeError, RecursionError):
            return False


def _holds_studies(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'study_directions'").fetchall())
    except sqlite3.DatabaseError:
        return False


def _open(storage: str) -> optuna.storages.BaseStorage:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    if "://" in storage:
        try:
            return RDBStorage(storage)
        except Exception as error:  # SQLAlchemy and each driver raise their own types
            reason = reason_of(error)
            raise ConfigError(f"the storage {storage} cannot be opened ({reason}). Check --storage.") from error
    Path(storage).parent.mkdir(parents=True, exist_ok=True)
    # the default lock is a symbolic link, which some file systems and users do not have
    return JournalStorage(JournalFileBackend(storage, lock_obj=JournalFileOpenLock(storage)))


def _done(study: optuna.Study) -> int:
    return sum(trial.state.name in _FINISHED for trial in study.get_trials(deepcopy=False))


def _counts(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether a trial takes one of the places: it is finished, or a process is at it."""
    if trial.state.name in _FINISHED:
        return True
    host, pid = trial.user_attrs.get(_WORKER, (None, None))
    if trial.state.name != "RUNNING":
        return False
    if host == socket.gethostname() and (alive := _lives(pid)) is not None:
        return alive
    limit = _NAMELESS if host is None else _STALE
    return trial.datetime_start is not None and datetime.now() - trial.datetime_start < limit  # noqa: DTZ005


def _lives(pid: int) -> bool | None:
    """Whether a process of this machine is there; None on Windows, where asking would end it."""
    if os.name == "nt":
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _suggest(trial: optuna.Trial, name: str, choice: Range | tuple[Choice, ...]) -> Choice:
    if isinstance(choice, Range):
        return trial.suggest_float(name, choice.low, choice.high, log=choice.log)
    value: Choice = trial.suggest_categorical(name, choice)  # type: ignore[assignment]  # never None here
    return value


def _facts(trial: optuna.trial.FrozenTrial) -> TrialFacts:
    finished = trial.state.name == "COMPLETE"
    return TrialFacts(
        number=trial.number,
        state=trial.state.name.lower(),
        loss=trial.value if finished else None,
        accuracy=trial.user_attrs.get("accuracy"),
        epochs=trial.user_attrs.get("epochs"),
        params=dict(trial.params),
    )


def _importance(study: optuna.Study) -> dict[str, float]:
    import optuna

    finished = [t for t in study.trials if t.state.name == "COMPLETE"]
    if len(finished) < 4 or len({t.value for t in finished}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator: Any = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(value) for name, value in found.items()}
