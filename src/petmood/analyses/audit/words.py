"""An audit in, plain sentences out: how large the sample really is, what leaks, what else predicts the class."""

from __future__ import annotations

from collections.abc import Iterator

from petmood.analyses.audit.facts import AuditFacts, Shortcut
from petmood.report.cautions import PROPERTIES as PROPERTIES
from petmood.report.wording import count, interval, listing, percent, plural, quoted

PAIRS_SHOWN = 12

UNFOLDED = 3
"""Of these, how many are in sight before the list is unfolded."""


def sample_sentence(audit: AuditFacts) -> str:
    """The effective sample size, over all and of the class with most files a photo."""
    text = f"{plural(audit.images, 'file')}, {plural(audit.photos, 'photo')} (families told by {audit.family_source})."
    ratios = {name: c.images / c.photos for name, c in audit.classes.items() if c.photos}
    if not ratios or max(ratios.values()) == 1:
        return text
    parts = [
        f"{quoted(name)} {plural(audit.classes[name].photos, 'photo')}, {ratio:.1f} files each"
        for name, ratio in sorted(ratios.items(), key=lambda item: -item[1])
    ]
    return f"{text} {'; '.join(parts)}."


def copies_sentence(audit: AuditFacts) -> str:
    """Copies within and across splits."""
    exact, near = audit.duplicates.exact, audit.duplicates.near
    within, across = (
        [plural(getattr(d, f"{where}_split_pairs"), f"{kind} pair") for kind, d in (("exact", exact), ("near", near))]
        for where in ("within", "across")
    )
    copied = exact.images_in_test_copied_from_train + near.images_in_test_copied_from_train
    text = f"Copies of one photo: {listing(within)} within a split, {listing(across)} across splits."
    if not audit.splits:
        return f"{text} The data has no splits."
    if not copied:
        return f"{text} No image of test is a copy of one in train."
    return (
        f"{text} {plural(copied, 'image')} of test {'is a copy' if copied == 1 else 'are copies'} of images in train "
        f"({count(exact.images_in_test_copied_from_train)} exact, "
        f"{count(near.images_in_test_copied_from_train)} near): figures on this test count memory as skill."
    )


def verdict_sentence(audit: AuditFacts) -> str:
    """Whether the splits leak."""
    n = len(audit.straddling)
    if n:
        return f"The splits leak: {plural(n, 'photo')} stand{'s' * (n == 1)} in more than one of them."
    return "No photo stands in more than one split." if audit.splits else "There is no split that could leak."


def labels_sentence(audit: AuditFacts) -> str:
    """Photos under several labels."""
    n = len(audit.conflicting_labels)
    return f"{plural(n, 'photo') if n else 'No photo'} stand{'s' * (n < 2)} under more than one label."


def shortcut_sentence(shortcut: Shortcut) -> str:
    """What one property alone predicts, with its interval and verdict."""
    figure = (
        f"right for {percent(shortcut.accuracy)} of {plural(shortcut.n, 'photo')} ({interval(shortcut.accuracy_ci)})"
    )
    versus = f"the commonest class for {percent(shortcut.majority)}"
    match shortcut.verdict:
        case "predicts":
            end = "it predicts the class without a face"
        case "unclear":
            end = "not shown to predict the class at this sample size"
        case _:
            end = "it does not predict the class"
    return f"{shortcut.name.capitalize()} alone is {figure}, {versus}: {end}."


WORDS = {
    "blown_out": "blown out",
    "odd_shape": "of odd shape",
    "odd_size": "of odd size",
    "no_pet": "with no pet seen",
    "near_duplicate": "with copies",
}
"""What the codes of issues mean, where they are not words themselves."""


def quality_sentence(audit: AuditFacts) -> str:
    """How many photos may be too poor to learn from, and why."""
    if audit.quality is None:
        return ""
    found = [issue for issue in audit.quality.issues if issue.images and issue.issue != "near_duplicate"]
    if not found:
        return f"None of {count(audit.quality.images)} photos looks poor."
    told = listing([f"{count(issue.images)} {WORDS.get(issue.issue, issue.issue)}" for issue in found])
    head = f"{plural(audit.quality.with_issue, 'photo')} of {count(audit.quality.images)} may be poor"
    return f"{head}: {told}, the first {quoted(found[0].worst[0])}."


def audit_lines(audit: AuditFacts) -> Iterator[str]:
    """All sentences, for a terminal or a page."""
    yield sample_sentence(audit)
    yield verdict_sentence(audit)
    yield copies_sentence(audit)
    yield labels_sentence(audit)
    yield from map(shortcut_sentence, audit.shortcuts)
    if audit.quality is not None:
        yield quality_sentence(audit)
