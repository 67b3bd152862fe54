"""A model's evaluations -> the one figure that is shown wherever one figure is shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from petmood.bundle.schema import ModelDescription
    from petmood.results import ModelFacts


_BASELINE: Final = "majority"


def headline(model: ModelDescription) -> ModelFacts | None:
    """The evaluation that says best how good a model is on photos it has not seen; None where there is none.

    A nested score comes first, since it pays for the choice among methods; then the one on the most photos, since its
    interval is the narrowest; of equals, the one of the model itself, then the first. Baselines are no candidates.
    """
    own = [entry for entry in model.evaluation if not entry.name.startswith(_BASELINE)]
    if not own:
        return None
    return max(own, key=lambda entry: (entry.protocol.startswith("nested"), entry.n, entry.title == model.title))


def headline_sentence(model: ModelDescription) -> str:
    """The same in words, with its interval, sample size and protocol; "" where the model was not evaluated."""
    found = headline(model)
    if found is None:
        return _elsewhere(model)
    low, high = (100 * bound for bound in found.accuracy_ci)
    return (
        f"Right for {found.correct} of {found.n} photos it had not seen: {100 * found.accuracy:.1f} % "
        f"({low:.1f} to {high:.1f} %, n = {found.n:,}; {found.protocol})."
    )


def _elsewhere(model: ModelDescription) -> str:
    """The same of a model that was judged on sources left out alone: what it means for anybody's own pet."""
    if model.sources is None:
        return ""
    told = "; ".join(
        f"{100 * s.balanced:.1f} % ({100 * s.balanced_ci[0]:.1f} to {100 * s.balanced_ci[1]:.1f} %, n = {s.n:,}) on "
        f"{s.name}, where guessing gives {100 / len(s.classes):.0f} %"
        for s in model.sources.sources
    )
    return (
        f"Of your own pet expect a guess that is often wrong: on sources that training did not see it was right, moods "
        f"counted alike, for {told}."
    )


WORDS: Final[Mapping[str, str]] = MappingProxyType(
    json.loads(files("petmood.bundle").joinpath("words.json").read_text(encoding="utf-8"))
)
"""Texts by key, with the names of what is filled in between braces."""


def say(key: str, **values: object) -> str:
    """The text of a key, filled in."""
    return WORDS[key].format(**values)


def share(value: float) -> str:
    """A probability in whole percent: 0.484 gives "48 %"; halves go to the even number."""
    return say("share", n=f"{100 * value:.0f}")


def counted(labels: Iterable[str]) -> str:
    """How many of the nearest training photos have each label, the most frequent first; "" where there are none."""
    found = Counter(labels)
    if not found:
        return ""
    parts = [say("near.count", label=label, n=n) for label, n in sorted(found.items(), key=lambda item: -item[1])]
    return say("near.counts", n=found.total(), counts=", ".join(parts))
