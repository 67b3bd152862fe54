"""Labels in doubt: how many may be wrong, and which photos to look at first."""

from __future__ import annotations

from petmood.analyses.base import Analysis, Asked
from petmood.analyses.labels.facts import LabelFacts


def _compute(asked: Asked) -> LabelFacts | None:
    from petmood.errors import is_there

    if not is_there("cleanlab"):
        return None
    from petmood.analyses.labels.compute import label_facts

    return label_facts(asked.data, [asked.backbone], asked.settings)


ANALYSIS = Analysis(
    name="labels",
    title="Labels in doubt",
    facts=LabelFacts,
    doing="Looking for suspect labels",
    compute=_compute,
    package=__name__,
)
