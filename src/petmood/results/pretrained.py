"""What pre-training a backbone on outside images gave: `pretrain.json`."""

from __future__ import annotations

from petmood.results.base import Fact, Interval


class PretrainFacts(Fact):
    """What a pre-training gave.

    `images` were trained on; `held_out` photos of which no copy was among them gave `accuracy` with its interval,
    over `classes`. `left_out` are images that resemble one of the data that is to be evaluated.
    """

    backbone: str
    classes: tuple[str, ...]
    images: int
    left_out: tuple[str, ...]
    held_out: int
    accuracy: float
    accuracy_ci: Interval
    epochs: int
    seed: int
