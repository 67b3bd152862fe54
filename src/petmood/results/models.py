"""A model under a protocol: its scores with n and interval, and its learning curves."""

from __future__ import annotations

from typing import Final, Literal

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
    about where the protocol's name does not, by codes of `petmood.results.models`. `identity` says what the figures are
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


OFFICIAL: Final = "official-test"
"""Protocol name: fitted on the data's own train and valid splits, evaluated once on the photos of its test split."""

OWN: Final = "own-test"
"""Protocol name: the same on splits that petmood made, since the data has none."""

Basis = Literal[
    "",
    "these-weights",
    "these-weights-again",
    "tuned",
    "study-network",
    "study-clusters",
    "nested",
    "chosen",
    "early-stopped",
    "others",
    "elsewhere",
    "elsewhere-with-training",
    "training-data",
    "sampled",
]
"""How a figure came about where it is not as its protocol says by itself (""); `protocol_text` has each in words."""

_TEXTS: Final[dict[str, str]] = {
    "these-weights": "The very weights of this bundle, fitted on train and valid, evaluated once on the photos of "
    "test.",
    "these-weights-again": "The weights of the bundle, evaluated on the photos of test.",
    "tuned": "Chosen on train and valid, refitted on train, evaluated once on the photos of test.",
    "study-network": "Fitted on all files of train, as the study did, watched on valid, evaluated once on the photos "
    "of test.",
    "study-clusters": "Clusters of train, each named after the mood of most of its photos, judged once on the photos "
    "of test.",
    "nested": "For each fold of train and valid a candidate is chosen by cross-validation among the photos outside it "
    "alone, and predicts it: the accuracy of choosing and fitting together.",
    "chosen": "Cross-validation over the photos of train and valid, stratified by class; a photo and everything "
    "derived from it stay in one fold. The choice among candidates was made by this score, which flatters what was "
    "chosen.",
    "early-stopped": "Cross-validation over photos of train and valid, stratified by class and grouped by photo; early "
    "stopping looked at photos of the training folds alone.",
    "others": "Predictions by others, each photo once.",
    "elsewhere": "The finished model on the photos of other data, each family once.",
    "elsewhere-with-training": "The finished model on the photos of other data, each family once, its training photos "
    "among them.",
    "training-data": "The data that the model was trained on: what it says here is memory, not skill.",
}

SplitUse = Literal[
    "fitted", "evaluated", "in-turn", "chosen-in-turn", "chosen-by", "watched", "named", "unused", "as-listed"
]

SPLIT_USES: Final[dict[str, str]] = {
    "fitted": "fitted on",
    "evaluated": "evaluated once; chose nothing",
    "in-turn": "fitted on and evaluated in turn, by photo; chose nothing",
    "chosen-in-turn": "chosen by, fitted on and evaluated in turn, by photo",
    "chosen-by": "chosen by",
    "watched": "watched while training",
    "named": "clustered and named",
    "unused": "not used",
    "as-listed": "as the training list says",
}
"""What a split was used for, in words."""


def is_test(protocol: str) -> bool:
    """Whether a protocol judges once on a test split."""
    return protocol in (OFFICIAL, OWN)


def protocol_text(model: ModelFacts) -> str:
    """One sentence on how a model's figures came about."""
    if model.basis in _TEXTS:
        return _TEXTS[model.basis]
    drawn = " that are in the sample" if model.basis == "sampled" else ""
    if is_test(model.protocol):
        whose = "the data's own" if model.protocol == OFFICIAL else "petmood's own"
        return f"Fitted on train and valid{drawn}, evaluated once on the photos of {whose} test split{drawn}."
    return (
        f"Cross-validation over all photos{drawn}, stratified by class; a photo and everything derived from it, and "
        "all photos of one animal where the data name animals, stay in one fold, and each photo is predicted once, by "
        "a model that never saw it."
    )
