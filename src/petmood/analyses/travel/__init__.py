"""Does it travel? What a model trained on some sources is worth on another that it never saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from petmood.analyses.base import Analysis, Asked, Page, Place
from petmood.analyses.travel.facts import TravelFacts

if TYPE_CHECKING:
    from petmood.report.summarize import Headline


def _compute(asked: Asked) -> TravelFacts:
    from petmood.analyses.travel.compute import not_asked, travel_facts
    from petmood.config import RunSettings
    from petmood.errors import DataError
    from petmood.features import load_backbone

    name, seed = asked.backbone.name, asked.settings.seed
    if asked.elsewhere is None:
        return not_asked(asked.data, name, seed)
    told = asked.data.features(asked.backbone).logits is not None
    backbone = asked.backbone if told else load_backbone(RunSettings.model_fields["backbone"].default)
    try:
        return travel_facts(
            (asked.data, *asked.elsewhere.data), asked.elsewhere.mapping, backbone, seed, tick=asked.tick
        )
    except DataError as error:  # too few photos of a class elsewhere must not cost a run its other figures
        return not_asked(asked.data, name, seed, str(error))


def _words(facts: TravelFacts, page: Page | None = None) -> Mapping[str, object]:
    from petmood.analyses.travel import words

    return {"lead": words.lead(facts), "tables": words.tables(facts)}


def _headlines(facts: TravelFacts) -> tuple[Headline, ...]:
    from petmood.analyses.travel.words import headlines

    return headlines(facts)


def _place(facts: TravelFacts) -> Place:
    return "first" if facts.cells else "models"


ANALYSIS = Analysis(
    name="travel",
    title="Does it travel?",
    facts=TravelFacts,
    doing="Judging each source by models of the others",
    compute=_compute,
    words=_words,
    package=__name__,
    place=_place,
    headlines=_headlines,
)
