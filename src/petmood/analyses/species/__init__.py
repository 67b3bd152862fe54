"""Species beside mood: how they go together, and what is left of mood without species."""

from __future__ import annotations

from collections.abc import Mapping

from petmood.analyses.base import Analysis, Asked, Page
from petmood.analyses.species.facts import SpeciesFacts
from petmood.results import ComparisonFacts


def _compute(asked: Asked) -> SpeciesFacts | None:
    from petmood.analyses.species.compute import species_facts

    return None if asked.data.species is None else species_facts(asked.data, asked.settings)


def _compared(facts: SpeciesFacts, comparison: ComparisonFacts) -> SpeciesFacts:
    from petmood.analyses.species.compute import as_compared

    return as_compared(facts, comparison)


def _words(facts: SpeciesFacts, page: Page) -> Mapping[str, object]:
    from petmood.analyses.species import words

    return {"words": words, "classes": page.results.dataset.classes}


ANALYSIS = Analysis(
    name="species",
    title="Species",
    facts=SpeciesFacts,
    doing="Measuring species against mood",
    compute=_compute,
    compared=_compared,
    words=_words,
    package=__name__,
)
