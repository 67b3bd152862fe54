"""A large data set -> the photos of it that models and experiments look at: seeded, stratified, whole families."""

from __future__ import annotations

from typing import Final

import numpy as np

from petmood.records import IntArray, Manifest

MANY: Final = 10_000
"""Images up to which a run fits, judges and experiments with all of them; of more, with about so many.

What is counted, measured or compared of single images is of all, whatever their number: families, leaks, the audit.
"""

LEAST: Final = 30
"""Photos of each class in each split that are drawn at least, if there are so many: fewer cannot be judged by."""


def sample_rows(manifest: Manifest, seed: int, most: int | None = None) -> IntArray:
    """(n,) int64, ascending: all records, or where there are more than `most` (None: `MANY`) those of a sample.

    Photos are drawn by split and class, each in its share, and with each come all its files, so that a family is
    either in the sample whole or not at all.

    Args:
        manifest: with complete splits.
        seed: of the draw.
        most: images in the sample, but for rounding and `LEAST`.
    """
    most = MANY if most is None else most
    if len(manifest) <= most:
        return np.arange(len(manifest))
    rng, photos = np.random.default_rng(seed), manifest.photo_index
    strata: dict[tuple[str, int], list[int]] = {}
    for row, code in zip(photos.tolist(), manifest.class_index[photos].tolist(), strict=True):
        strata.setdefault((manifest.records[row].split, code), []).append(row)
    least = max(1, min(LEAST, most // (4 * len(strata))))  # very many classes do not make the sample large
    drawn = []
    for stratum in sorted(strata):
        own = strata[stratum]
        drawn.append(rng.permutation(own)[: max(least, round(len(own) * most / len(manifest)))])
    families = manifest.family_index
    return np.flatnonzero(np.isin(families, families[np.concatenate(drawn)])).astype(np.int64)
