"""What would help: causes of errors, ranked by what each was measured to do."""

from __future__ import annotations

from petmood.analyses.base import Analysis, Asked
from petmood.analyses.causes.facts import CausesFacts
from petmood.analyses.labels.facts import LabelFacts
from petmood.analyses.species.facts import SpeciesFacts


def _compute(asked: Asked) -> CausesFacts:
    from petmood.analyses.causes.compute import causes_facts

    species, labels = asked.of(SpeciesFacts), asked.of(LabelFacts)
    return causes_facts(asked.data, asked.backbone, asked.settings, species=species, labels=labels)


ANALYSIS = Analysis(
    name="causes",
    title="What would help",
    facts=CausesFacts,
    doing="Measuring what would help",
    compute=_compute,
    package=__name__,
    anchor="help",
)
