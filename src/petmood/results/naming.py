"""Clusters to be named, and what labels made from named clusters are worth."""

from __future__ import annotations

from petmood.results.base import Fact, Interval
from petmood.results.comparison import PairedFacts


class GroupFacts(Fact):
    """A clustering of n photos made to be named (clusters.json of `petmood cluster`).

    `silhouettes` has the mean silhouette of each k tried; the best was taken. For each cluster, the largest first:
    `sizes`, `composition` by class (empty without labels), and paths of its most `central` and most `doubtful` photos.
    """

    data: str
    backbone: str
    method: str
    k: int
    seed: int
    n: int
    silhouettes: dict[str, float]
    sizes: tuple[int, ...]
    composition: tuple[dict[str, int], ...]
    central: tuple[tuple[str, ...], ...]
    doubtful: tuple[tuple[str, ...], ...]


class AgreementFacts(Fact):
    """New labels against the original ones of the same n photos: Cohen's kappa, and the table behind it.

    `kappa` and its 95 % interval are null where it is undefined: one and the same class throughout.
    `confusion[i][j]` counts photos of original class i that were named j. `trained` compares models trained on the
    new and on the original labels, both judged by the original ones.
    """

    n: int
    kappa: float | None
    kappa_ci: Interval | None
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    trained: PairedFacts


class NamedFacts(Fact):
    """Labels by named clusters: `labelled` of n photos are sure enough (`confidence`) and get one.

    `accuracy` is that of a model trained on the new labels and judged by them under `protocol`: how well clusters can
    be told, not how well moods can. `agreement` is None where the data has no labels or other classes.
    """

    names: dict[str, str]
    confidence: float
    n: int
    labelled: int
    excluded: int
    by_class: dict[str, int]
    protocol: str
    accuracy: float
    accuracy_ci: Interval
    agreement: AgreementFacts | None
