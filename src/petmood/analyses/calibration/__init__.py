"""Whether probabilities mean what they say, and what is gained by not answering."""

from __future__ import annotations

from collections.abc import Mapping

from petmood.analyses.base import Analysis, Asked, Page
from petmood.results import CalibrationFacts


def _compute(asked: Asked) -> CalibrationFacts:
    from petmood.analyses.calibration.compute import calibrate

    return calibrate(asked.data, asked.backbone, asked.settings)


def _words(facts: CalibrationFacts, page: Page) -> Mapping[str, object]:
    from petmood.analyses.calibration.words import lines
    from petmood.report.credibility_plots import abstention, reliability

    charts = {when: reliability(when, getattr(facts, when).reliability) for when in ("before", "after")}
    return {**charts, "lines": lines(facts), "silent": abstention(facts.abstention)}


ANALYSIS = Analysis(
    name="calibration",
    title="How sure",
    facts=CalibrationFacts,
    doing="Calibrating",
    compute=_compute,
    words=_words,
    package=__name__,
    anchor="sure",
)
