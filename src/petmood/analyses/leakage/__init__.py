"""The leakage meter: models and controls under splits that leak and splits that do not."""

from __future__ import annotations

from collections.abc import Mapping

from petmood.analyses.base import Analysis, Asked, Page
from petmood.analyses.leakage.facts import LeakageFacts


def _compute(asked: Asked) -> LeakageFacts:
    from petmood.analyses.leakage.compute import leakage_facts

    return leakage_facts(asked.data, asked.backbone, asked.settings, asked.tick)


def _words(facts: LeakageFacts, page: Page) -> Mapping[str, object]:
    from petmood.analyses.leakage.words import rows, verdict

    return {"rows": rows(facts), "verdict": verdict}


ANALYSIS = Analysis(
    name="leakage",
    title="Is it real?",
    facts=LeakageFacts,
    doing="Measuring leakage",
    compute=_compute,
    words=_words,
    package=__name__,
    place="first",
    anchor="real",
)
