"""A clustering and how it falls on each split."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact, Marked


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
