"""Results in, derived facts out: what stands out in the numbers, before a word is written about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from petmood.evaluation.leaderboard import compare_models
from petmood.evaluation.statistics import decide, newcombe_interval, wilson_interval
from petmood.results import ClassScore, ClusterFacts, ClusterSplit, Epochs, Interval, ModelFacts, PairFacts, Results
from petmood.results.models import protocol_text

Verdict = Literal["above", "unclear", "below"]
_VERDICTS: Final[dict[int, Verdict]] = {1: "above", 0: "unclear", -1: "below"}

SETTLED = 3
"""Epochs after the lowest validation loss from which a page says that it did not fall further."""


@dataclass(frozen=True, slots=True)
class Majority:
    """Always answering one class: its share of the n photos, and the class where it is known."""

    accuracy: float
    n: int
    class_name: str | None


@dataclass(frozen=True, slots=True)
class ProtocolView:
    """All that was evaluated in one way. `models` and `baselines` are ordered from best to worst."""

    name: str
    text: str
    n: int
    models: tuple[ModelFacts, ...]
    baselines: tuple[ModelFacts, ...]
    majority: Majority
    pairs: tuple[PairFacts, ...] = ()

    @property
    def best(self) -> ModelFacts:
        """The model with the highest accuracy; the first of them where several tie."""
        return self.models[0]

    @property
    def rows(self) -> tuple[ModelFacts, ...]:
        """Models, then baselines."""
        return self.models + self.baselines

    def pair(self, model: ModelFacts, other: ModelFacts) -> PairFacts | None:
        """The paired test of two of the models, seen from the first; None where they were not compared."""
        for found in self.pairs:
            if (found.a, found.b) == (model.name, other.name):
                return found
            if (found.a, found.b) == (other.name, model.name):
                low, high = found.difference_ci
                return found.model_copy(update={"difference": -found.difference, "difference_ci": (-high, -low)})
        return None

    def against(self, model: ModelFacts, other: ModelFacts) -> Verdict:
        """Whether a model is better than another: the one place where a page judges a pair.

        By their paired test; results without predictions have none, and two intervals must then lie apart.
        """
        tested = self.pair(model, other)
        if tested is not None:
            return _VERDICTS[decide(tested.difference_ci)]
        return _apart(model.accuracy_ci, other.accuracy_ci)

    def verdict(self, model: ModelFacts) -> Verdict:
        """Whether a model is better than the majority class."""
        constant = self.constant
        if constant is not None and self.pair(model, constant) is not None:
            return self.against(model, constant)
        return _apart(model.accuracy_ci, (self.majority.accuracy, self.majority.accuracy))

    @property
    def constant(self) -> ModelFacts | None:
        """The baseline that always answers the commonest class, if it was evaluated."""
        return next((m for m in self.baselines if is_majority(m)), None)


@dataclass(frozen=True, slots=True)
class ClassExtremes:
    """The classes of one evaluation that are recognised most and least often, by recall."""

    best: str
    best_score: ClassScore
    worst: str
    worst_score: ClassScore


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """The two classes most often taken for each other: `there` photos of `a` read as `b`, `back` of `b` as `a`."""

    a: str
    b: str
    there: int
    back: int


@dataclass(frozen=True, slots=True)
class PurestCluster:
    """The cluster whose commonest class has the greatest share: `hits` of its `size` images."""

    index: int
    size: int
    class_name: str
    hits: int
    n: int
    class_total: int


@dataclass(frozen=True, slots=True)
class Overfit:
    """What learning curves show at their end.

    Attributes:
        epochs: how many there were.
        best_epoch: the one, counted from 1, with the lowest validation loss.
        accuracy: of the training images, in [0, 1].
        val_accuracy: of the validation images, in [0, 1].
        val_ci: its 95 % interval, or None where the number of validation images was not recorded.
        gap: training accuracy minus validation accuracy.
        gap_ci: its 95 % interval, or None where the numbers of images were not recorded.
        memorises: whether the whole of that interval lies above 0; None where there is none.
    """

    epochs: int
    best_epoch: int
    accuracy: float
    val_accuracy: float
    val_ci: Interval | None
    gap: float
    gap_ci: Interval | None
    memorises: bool | None


def _apart(a: Interval, b: Interval) -> Verdict:
    return "above" if a[0] > b[1] else "below" if a[1] < b[0] else "unclear"


def is_majority(model: ModelFacts) -> bool:
    """True for the baseline which always answers the commonest class."""
    return model.name.casefold().startswith("majority")


def _majority(models: tuple[ModelFacts, ...], baselines: tuple[ModelFacts, ...]) -> Majority:
    named = next((m for m in baselines if is_majority(m)), None)
    if named is not None:
        answers = [sum(row[j] for row in named.confusion) for j in range(len(named.classes))]
        sole = named.classes[answers.index(named.n)] if named.n in answers else None
        return Majority(named.accuracy, named.n, sole)
    reference = (models + baselines)[0]
    supports = [sum(row) for row in reference.confusion]
    top = max(supports)
    return Majority(top / max(reference.n, 1), reference.n, reference.classes[supports.index(top)])


def protocols(results: Results) -> tuple[ProtocolView, ...]:
    """Every protocol under which a model was evaluated; the one with most photos, which says most, comes first."""
    names = dict.fromkeys(m.protocol for m in results.models)
    compared = results.comparison or compare_models(results.models, results.baselines)
    pairs = {board.protocol: board.pairs for board in compared.leaderboards}
    found = []
    for name in names:
        models = _ranked(tuple(m for m in results.models if m.protocol == name))
        baselines = _ranked(tuple(m for m in results.baselines if m.protocol == name))
        n, majority = max(m.n for m in models), _majority(models, baselines)
        found.append(ProtocolView(name, protocol_text(models[0]), n, models, baselines, majority, pairs.get(name, ())))
    return tuple(sorted(found, key=lambda p: -p.n))


def _ranked(models: tuple[ModelFacts, ...]) -> tuple[ModelFacts, ...]:
    return tuple(sorted(models, key=lambda m: -m.accuracy))


def extremes(model: ModelFacts) -> ClassExtremes | None:
    """Best and worst recognised class, among those with photos; None if there are fewer than two."""
    scores = [(name, model.per_class[name]) for name in model.classes if name in model.per_class]
    scores = [(name, score) for name, score in scores if score.support]
    if len(scores) < 2:
        return None
    best = max(scores, key=lambda item: item[1].recall)
    worst = min(scores, key=lambda item: item[1].recall)
    return ClassExtremes(*best, *worst)


def most_confused(model: ModelFacts) -> ConfusedPair | None:
    """The pair of classes with most mistakes between them, counted in both directions; None if there is no mistake."""
    matrix, names = model.confusion, model.classes
    pairs = [
        ConfusedPair(names[i], names[j], matrix[i][j], matrix[j][i])
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]
    worst = max(pairs, key=lambda pair: pair.there + pair.back, default=None)
    if worst is None or worst.there + worst.back == 0:
        return None
    return worst if worst.there >= worst.back else ConfusedPair(worst.b, worst.a, worst.back, worst.there)


def main_split(clusters: ClusterFacts) -> str:
    """The split on which a clustering is judged first: the one it was fitted on, else its largest."""
    if clusters.fitted_on in clusters.splits:
        return clusters.fitted_on
    return max(clusters.splits, key=lambda name: clusters.splits[name].n)


def purest(split: ClusterSplit) -> PurestCluster | None:
    """The purest cluster; the larger one where several tie, so that a cluster of one image does not win easily."""
    found = []
    for index, (size, composition) in enumerate(zip(split.sizes, split.composition, strict=True)):
        if not size or not composition:
            continue
        name = max(composition, key=lambda c: composition[c])
        total = sum(other.get(name, 0) for other in split.composition)
        found.append(PurestCluster(index, size, name, composition[name], split.n, total))
    return max(found, key=lambda c: (c.hits / c.size, c.size), default=None)


def overfit(epochs: Epochs) -> Overfit | None:
    """What the curves end in; None if there is no epoch or no validation."""
    if not epochs.accuracy or not epochs.val_accuracy:
        return None
    best = min(range(len(epochs.val_loss)), key=lambda i: epochs.val_loss[i], default=0) + 1
    seen, unseen = epochs.accuracy[-1], epochs.val_accuracy[-1]
    n, n_train = epochs.n_val, epochs.n_train
    bounds = wilson_interval(unseen * n, n) if n else None
    gap_ci = newcombe_interval(seen * n_train, n_train, unseen * n, n) if n and n_train else None
    memorises = None if gap_ci is None else gap_ci[0] > 0
    return Overfit(len(epochs.accuracy), best, seen, unseen, bounds, seen - unseen, gap_ci, memorises)
