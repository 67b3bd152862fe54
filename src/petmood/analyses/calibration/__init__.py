"""Whether probabilities mean what they say, and what is gained by not answering."""

from __future__ import annotations

from collections.abc import Mapping

from petmood.analyses.base import Analysis, Asked, Page
from petmood.results import CalibrationFacts


def _compute(asked: Asked) -> CalibrationFacts:
    """Calibrate the run's head on photos that it had not seen, by grouped folds."""
    from petmood.dataset.figures import identity_of
    from petmood.dataset.models import head
    from petmood.evaluation.certainty import calibration_facts
    from petmood.evaluation.protocols import grouped

    data, manifest, settings = asked.data, asked.data.manifest, asked.settings
    model, protocol = head(asked.backbone), grouped(manifest, settings.folds, settings.seed)
    made = data.predictions(model, protocol)
    found = calibration_facts(
        made.probabilities,
        data.labels[made.index],
        data.classes,
        model=model.name,
        title=model.title,
        protocol=protocol.name,
        seed=settings.seed,
    )
    return found.model_copy(update={"identity": identity_of(manifest, model.name, protocol)})


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
