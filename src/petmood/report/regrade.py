"""Published claims graded again: each protocol and what it showed, in words."""

from __future__ import annotations

from typing import Final

from petmood.report.wording import THIN, count, interval, percent, plural
from petmood.results import Regraded

PROTOCOLS: Final = {
    "random-70-15-15": f"70 / 15 / 15{THIN}% of the files at random",
    "random-5-percent": f"5{THIN}% of the files held out at random",
    "three-classes": f"three classes, 15{THIN}% of the files held out at random",
    "official-three-classes": "three classes of the data's own train and test split",
    "official": "the data's own train and test split",
    "official-best": "the data's own train and test split",
}
"""How each claim came about, by its name."""


def claim_sentence(claim: Regraded) -> str:
    """Whether a claim's protocol leaks, what it gives here, and what the same classes give by photo."""
    words, one, other = "", claim.reproduced, claim.honest
    if claim.claimed is not None:
        low, high = claim.claimed
        words = f"claimed {percent(low)}; " if low == high else f"claimed {percent(low, 0)} to {percent(high, 0)}; "
    figures = (
        f"{words}{percent(one.accuracy)} ({interval(one.accuracy_ci)}, n = {count(one.n)} of "
        f"{plural(one.photos, 'photo')}) under the claim's own protocol; {percent(other.accuracy)} "
        f"({interval(other.accuracy_ci)}, n = {count(other.n)}) by photo"
    )
    if claim.exposed and one.accuracy_ci[0] > other.accuracy_ci[1]:
        return f"Leakage: {percent(claim.exposed)} of what was held out had a copy in training. {figures}."
    if claim.exposed:
        return f"The protocol leaks ({percent(claim.exposed)} had a copy in training), without showing here. {figures}."
    return f"No copy in training, so the protocol is honest, and small. {figures}."
