"""What a figure is a figure of: equal identities have equal figures, wherever they stand."""

from __future__ import annotations

from petmood.results.base import Fact


class Identity(Fact):
    """A figure is the accuracy of `model`, fitted on `training`, under `protocol` with `seed`, on the data `data`.

    `data` is the digest of the data set (images, labels, splits, families); `training` is "photos", one file a family,
    or "files", all of them weighted so that a family counts once, or says what else was fitted on.
    """

    data: str
    model: str
    training: str
    protocol: str
    seed: int
