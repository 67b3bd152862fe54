"""A function from choices to a loss -> the choices tried by Optuna, kept in a journal so that a search resumes."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from petmood.errors import ConfigError, MissingExtraError
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

SPACES: Final = {"cnn": CNN, "head": HEAD}


class Pruned(Exception):  # noqa: N818  # it is no error: a trial that does worse than most ends early
    """Raised by `Report` to end a trial that does worse than most did at the same step."""


Report = Callable[[int, float], None]
"""Called with (step, loss so far); raises `Pruned` where going on is not worth it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a set of choices came to on held-out photos."""

    loss: float
    accuracy: float
    epochs: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """All trials so far and the importance of each choice (empty where too few differ)."""

    trials: tuple[TrialFacts, ...]
    importance: dict[str, float]

    @property
    def best(self) -> TrialFacts:
        """The finished trial of the least loss."""
        return min((t for t in self.trials if t.loss is not None), key=lambda t: t.loss or 0.0)


def search(
    judge: Callable[[dict[str, Choice], Report], Judged],
    space: Space,
    journal: Path,
    name: str,
    *,
    trials: int,
    minutes: float | None,
    seed: int,
    on_trial: Callable[[int, int], None],
) -> Found:
    """Try choices until there are `trials` finished or pruned ones in the journal, or the minutes are over.

    Args:
        judge: trains and judges a set of choices.
        space: what may be chosen.
        journal: file of the search; a search of the same name in it is gone on with.
        name: of the search: covers the data and all settings, so that others' trials do not mix.
        trials: how many there are to be in all.
        minutes: wall-clock budget of this call, or None; a trial begun is finished.
        seed: of the sampler.
        on_trial: called with (trials done, trials in all).

    Raises:
        ConfigError: no trial was finished within the budget.
        MissingExtraError: optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("petmood tune", "train", "optuna")
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    # the default lock is a symbolic link, which some file systems and users do not have
    backend = JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal)))
    study = optuna.create_study(
        storage=JournalStorage(backend),
        study_name=name,
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )

    def objective(trial: optuna.Trial) -> float:
        def report(step: int, loss: float) -> None:
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned

        found = judge({key: _suggest(trial, key, choice) for key, choice in space.items()}, report)
        trial.set_user_attr("accuracy", found.accuracy)
        trial.set_user_attr("epochs", found.epochs)
        return found.loss

    done = _done(study)
    on_trial(done, trials)
    if done < trials:
        # a sampler's state is not kept: seeded with what is done, a resumed search does not repeat its first choices
        study.sampler = optuna.samplers.TPESampler(seed=seed + done)
        study.optimize(
            objective,
            n_trials=trials - done,
            timeout=None if minutes is None else 60 * minutes,
            callbacks=[lambda s, _: on_trial(_done(s), trials)],
        )
    found = Found(tuple(_facts(trial) for trial in study.trials if trial.state.is_finished()), _importance(study))
    if all(trial.loss is None for trial in found.trials):
        raise ConfigError("no trial was finished within the budget. Give --trials or --minutes more.")
    return found


def _done(study: optuna.Study) -> int:
    wanted = ("COMPLETE", "PRUNED")
    return sum(trial.state.name in wanted for trial in study.get_trials(deepcopy=False))


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
