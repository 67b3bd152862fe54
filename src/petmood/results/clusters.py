"""Clusterings: how one falls on each split, and, made to be named, what labels from named clusters are worth."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact, Interval, Marked
from petmood.results.comparison import PairedFacts


class ClusterSplit(Fact):
    """A clustering applied to one split.

    `unit` says what is counted: "photos", a family once, or "files", as the reference study did. `sizes[c]` fall into
    cluster c; `composition[c]` counts them by class; `beside[c]` counts the other of the two. Purity, NMI and ARI
    compare clusters with classes over them; silhouette is None where it is undefined (fewer than two clusters present).
    """

    n: int
    sizes: tuple[int, ...]
    composition: tuple[dict[str, int], ...]
    purity: float
    nmi: float
    ari: float
    silhouette: float | None
    unit: Literal["photos", "files"] = "files"
    beside: tuple[int, ...] = ()


class ClusterFacts(Marked):
    """One clustering: how it was made and how it falls on each split.

    `preprocess` says whether pixels were fed as the backbone wants them ("correct") or as the reference study did
    ("study"); `pooling` whether its local features were averaged ("avg") or laid end to end ("flatten").
    """

    name: str
    backbone: str
    method: str
    k: int
    n_init: int
    seed: int
    fitted_on: str
    splits: dict[str, ClusterSplit]
    preprocess: str = "correct"
    pooling: str = "avg"


class ShardClusters(Fact):
    """K-means over all vectors of an embedded set (clusters.json of `petmood cluster` over shards).

    `inertia` is the sum of the n squared distances to the nearest of k centres, `inertias` what it was in each of the
    `passes` before; `sizes` counts the vectors of each cluster.
    """

    backbone: str
    n: int
    dim: int
    k: int
    seed: int
    passes: int
    inertia: float
    inertias: tuple[float, ...]
    sizes: tuple[int, ...]


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
