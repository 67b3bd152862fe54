"""Protocols beyond one set of folds: repeats, species and animals left out, a learning curve."""

from __future__ import annotations

from collections.abc import Mapping

from petmood.analyses.base import Analysis, Asked, Page
from petmood.analyses.protocols.facts import ProtocolFacts


def _compute(asked: Asked) -> ProtocolFacts:
    from petmood.analyses.protocols.compute import protocol_facts
    from petmood.dataset.models import head

    return protocol_facts(head(asked.backbone), asked.data, asked.settings, asked.tick)


def _words(facts: ProtocolFacts, page: Page) -> Mapping[str, object]:
    from petmood.analyses.protocols import words
    from petmood.analyses.protocols.words import learning

    return {"words": words, "chart": learning(facts.learning.points)}


ANALYSIS = Analysis(
    name="protocols",
    title="Other folds, other animals, more photos",
    facts=ProtocolFacts,
    doing="Repeating, leaving species out, drawing the learning curve",
    compute=_compute,
    words=_words,
    package=__name__,
)
