"""Whether figures on a data set can be trusted: copies, leaks, labels, shortcuts."""

from __future__ import annotations

from petmood.analyses.audit.facts import AuditFacts
from petmood.analyses.base import Analysis, Asked


def _compute(asked: Asked) -> AuditFacts:
    from petmood.analyses.audit.compute import audit_facts

    return audit_facts(asked.data, asked.settings)


ANALYSIS = Analysis(
    name="audit",
    title="Can the data be trusted?",
    facts=AuditFacts,
    doing="Auditing the data set",
    compute=_compute,
    package=__name__,
    place="data",
    of_all=True,
    # what the first finding says already is not said again
    warnings=lambda facts: tuple(warning for warning in facts.warnings if warning.code != "derived-files"),
)
