"""A model under a protocol: its scores with n and interval, and its learning curves."""

from __future__ import annotations

from pydantic import Field

from petmood.results.base import Fact, Identity, Interval, Marked


class ClassScore(Fact):
    """One class of one evaluation. `support` is the number of true photos of the class.

    `recall_ci` is the 95 % interval of the recall, where it was computed.
    """

    precision: float
    recall: float
    f1: float
    support: int
    recall_ci: Interval | None = None


class Epochs(Fact):
    """Learning curves: one value for each epoch, in order.

    `n_train` and `n_val` are the numbers of photos trained and validated on, a family once, where they were recorded.
    """

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]
    n_val: int | None = None
    n_train: int | None = None


class ModelFacts(Marked):
    """One model under one protocol.

    `n` is the number of photos predicted, each once; `accuracy_ci` is a 95 % interval made by `ci_method`.
    `confusion[i][j]` counts photos of class i predicted as class j, in the order of `classes`. `photos` are the rows of
    the manifest that were predicted, `truth` and `predicted` the class indices of each, so that models can be compared
    photo by photo; all may be empty. `split_use` says what each split was used for and `basis` how the figures came
    about where the protocol's name does not, by codes of `petmood.results.basis`. `identity` says what the figures are
    figures of; None in bundles that were made before there was one.
    """

    name: str
    title: str
    protocol: str
    n: int
    n_train: int
    correct: int
    accuracy: float
    accuracy_ci: Interval
    ci_method: str
    macro_f1: float
    balanced_accuracy: float
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_class: dict[str, ClassScore]
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)
    epochs: Epochs | None = None
    split_use: dict[str, str] = Field(default_factory=dict)
    basis: str = ""
    photos: tuple[int, ...] = ()
    truth: tuple[int, ...] = ()
    predicted: tuple[int, ...] = ()
    identity: Identity | None = None
