"""Where a run came from -> its words on the page: changed labels, and the line by which a figure is cited."""

from __future__ import annotations

from petmood.report.wording import ci_method, interval, percent, plural, quoted
from petmood.results import AppliedFile, ModelFacts, Results


def relabelled_sentence(labels: AppliedFile) -> str:
    """What --labels did, and why figures of such a run flatter the model."""
    return (
        f"{plural(labels.changed, 'photo')} of this run {'has' if labels.changed == 1 else 'have'} another label than "
        f"the data, from {quoted(labels.name)} (SHA-256 {labels.sha256[:12]}), which names "
        f"{plural(labels.given, 'photo')}. Where labels were corrected because a model doubted them, that model's own "
        "figures are flattered: it is judged by labels that it helped to choose."
    )


def applied_files(results: Results) -> list[tuple[str, AppliedFile]]:
    """The user's files by which the data was changed, with what each is."""
    made = results.provenance
    if made is None:
        return []
    return [
        (what, file)
        for what, file in (("Labels", made.labels), ("Groups", made.groups), ("Species", made.species))
        if file is not None
    ]


def citation(results: Results) -> str | None:
    """The headline figure with all that identifies it, in one line; None without a model or an identity."""
    model = _headline(results)
    if model is None or model.identity is None:
        return None
    identity, made = model.identity, results.environment
    when = f", {made.date[:10]}" if made.date else ""
    return (
        f"{model.title}, fitted on {identity.training}, {identity.protocol} (seed {identity.seed}): accuracy "
        f"{percent(model.accuracy)} ({interval(model.accuracy_ci)}, {ci_method(model.ci_method)}, n = {model.n:,} "
        f"photos) on {quoted(results.dataset.name)}, data digest {identity.data[:16]}; petmood {made.petmood}{when}."
    )


def _headline(results: Results) -> ModelFacts | None:
    """The run's own model on the most photos: chosen before any figure was seen."""
    own = [m for m in results.models if results.models and m.name == results.models[0].name]
    return max(own, key=lambda m: m.n, default=None)
