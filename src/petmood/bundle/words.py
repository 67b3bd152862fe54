"""Facts -> the words of an answer, from one table that the command, the server and the page in a browser share."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

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
