"""An evaluation on other data, or claims graded, in; sentences and one self-contained page out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from markupsafe import Markup

from petmood.report import captions
from petmood.report.html import Thumbnail, page_html, picture_uris
from petmood.report.palette import class_colours
from petmood.report.sentences import sets_sentence
from petmood.report.wording import DASH, THIN, count, interval, listing, measured, percent, plural, quoted
from petmood.results import Regraded
from petmood.results.evaluation import EvaluationFacts, GradeFacts, PartFacts, ShiftFacts

_VERDICTS = {"sure": "Sure", "not-sure": "Not sure", "no-pet-face": "No pet face"}
PAIRS_SHOWN = 12


def headline(facts: EvaluationFacts) -> str:
    """What the page says first."""
    if facts.overlap.own:
        return "This is its training data"
    return f"Right for {facts.figure.correct:,} of {facts.figure.n:,} photos"


def lead(facts: EvaluationFacts) -> str:
    """The figure with its interval, beside always saying the commonest class."""
    figure, constant = facts.figure, facts.majority
    text = (
        f"{facts.model.title} on {quoted(facts.data.name)}: {measured(figure.accuracy, figure.accuracy_ci, figure.n)}, "
        f"macro-F1 {figure.macro_f1:.3f}, balanced accuracy {percent(figure.balanced_accuracy)}. "
        f"Always saying {quoted(constant.name)} is right for {percent(constant.accuracy)}"
    )
    if facts.overlap.own:
        return f"{text}. What a model says of the photos that it learnt from is memory, not skill."
    if figure.accuracy_ci[0] > constant.accuracy:
        return f"{text}, which it beats."
    return f"{text}, which it is not shown to beat."


def overlap_sentence(facts: EvaluationFacts) -> str:
    """What was found of the training photos, and what became of it."""
    found = facts.overlap
    if found.own:
        return (
            f"These data are those that the model was trained on: {count(found.photos)} of "
            f"{plural(found.n, 'photo')} are among the photos that it remembers. No figure here says anything about "
            "other photos."
        )
    if found.searched == "nothing":
        whose = "The bundle keeps no memory of its training photos" if facts.model.kind == "bundle" else "Nobody says"
        tail = "" if facts.model.kind == "bundle" else " what the model was trained on"
        return f"{whose}{tail}, so that photos of it among these could not be looked for: read the figures with that."
    if not found.photos:
        return f"No photo of {plural(found.n, 'photo')} is a training photo of the model, changed or not."
    kinds = [f"{count(found.by_bytes)} in equal files"] * bool(found.by_bytes)
    kinds += [f"{count(found.by_pixels)} cropped, mirrored, relit or saved anew"] * bool(found.by_pixels)
    what = "They are part of the figures, which are marked" if found.kept else "They are left out of every figure"
    return f"{count(found.photos)} of {plural(found.n, 'photo')} show training photos ({listing(kinds)}). {what}."


def part_line(part: PartFacts) -> str:
    """A part with its accuracy, interval and n."""
    return f"{part.name}: {measured(part.accuracy, part.accuracy_ci, part.n)}"


def shift_sentence(facts: EvaluationFacts) -> str:
    """Which measures moved."""
    moved = [s.measure for s in facts.shift if s.moved] + [f"the share of {m.species}s" for m in facts.mix if m.moved]
    if not facts.shift:
        return "What the training photos were like is not known, so that no shift can be told."
    if not moved:
        return "In none of the measures do these photos differ from the training photos, as far as so many can show."
    return f"These photos differ from the training photos in {listing(moved)}: the training figure does not carry over."


def calibration_sentence(facts: EvaluationFacts) -> str:
    """Whether probabilities mean here what they say."""
    sure = facts.sureness
    if sure is None or facts.ece_if_calibrated is None or facts.brier_constant is None:
        return "Only labels were predicted, so that nothing can be said of probabilities."
    return (
        f"ECE {sure.ece:.3f}; perfect probabilities would show about {facts.ece_if_calibrated:.3f} on as many photos. "
        f"Brier score {sure.brier:.3f}; always saying the class shares has {facts.brier_constant:.3f}."
    )


def answer_lines(facts: EvaluationFacts) -> Iterator[str]:
    """How often each kind of answer was given, and right."""
    for found in facts.answers:
        yield (
            f"{_VERDICTS[found.verdict]}: {percent(found.share)} of photos, its first mood right for "
            f"{measured(found.accuracy, found.accuracy_ci, found.n)}."
        )


def shift_row(found: ShiftFacts) -> tuple[str, str, str, str]:
    """Training and here as "median (5 to 95 %)", and the two shares."""

    def span(values: tuple[float, float, float]) -> str:
        return f"{values[1]:.3g} ({values[0]:.3g}{DASH}{values[2]:.3g})"

    return (
        span(found.training),
        span(found.here),
        f"{percent(found.above, 0)} ({interval(found.above_ci, 0)})",
        f"{percent(found.outside, 0)} ({interval(found.outside_ci, 0)})",
    )


def evaluation_lines(facts: EvaluationFacts) -> Iterator[str]:
    """One screen of text."""
    yield overlap_sentence(facts)
    yield lead(facts)
    if facts.figure.mark:
        yield f"The figures are {facts.figure.mark}."
    yield from (part_line(part) for part in (facts.seen, facts.unseen) if part is not None)
    if facts.data.unanswered:
        yield f"{plural(facts.data.unanswered, 'photo')} of the data have no prediction and do not count."
    yield calibration_sentence(facts)
    yield from (sets_sentence(sets) for sets in facts.sets if sets.target in (0.8, 0.9))
    yield from answer_lines(facts)
    yield from (f"Species {part_line(part)}" for part in facts.species)
    if facts.animals is not None:
        yield animals_sentence(facts)
    if facts.model.kind == "bundle" and not facts.overlap.own:
        yield shift_sentence(facts)


def animals_sentence(facts: EvaluationFacts) -> str:
    """The accuracy over animals."""
    found = facts.animals
    if found is None:
        return ""
    return (
        f"With {plural(found.animals, 'animal')} resampled whole: {percent(found.accuracy)} "
        f"({interval(found.accuracy_ci)}, n = {plural(found.n, 'photo')})."
    )


def grade_lines(facts: GradeFacts) -> Iterator[str]:
    """The verdict on a claim, then what stands behind it."""
    whole, honest = facts.claimed, facts.honest
    share = facts.copied / facts.n
    yield (
        f"{count(facts.copied)} of {plural(facts.n, 'judged photo')} ({percent(share)}) have a copy among the "
        f"{plural(facts.training_files, 'file')} of the training list."
    )
    yield f"All judged photos: {measured(whole.accuracy, whole.accuracy_ci, whole.n)}."
    if honest is None:
        yield "No judged photo is without a copy in training: the claim says nothing about new photos."
    elif facts.copied:
        yield f"Without copies: {measured(honest.accuracy, honest.accuracy_ci, honest.n)}."
    if (known := facts.memory) is not None:
        yield f"With a copy: {measured(known.accuracy, known.accuracy_ci, known.n)}."


def evaluation_html(facts: EvaluationFacts, thumbnail: Thumbnail) -> str:
    """The page of an evaluation: complete in itself, without script."""
    from petmood.report import credibility_plots, plots  # draw with matplotlib, which is slow to import

    sure = facts.sureness
    return page_html(
        "evaluation.html.j2",
        facts=facts,
        words=_words(),
        colours=class_colours(facts.figure.classes),
        confusion=Markup(plots.confusion("evaluation", facts.figure, captions.confusion_label(facts.figure))),
        reliability=sure and credibility_plots.reliability("reliability", sure.reliability),
        uri=picture_uris(thumbnail),
    )


def _words() -> dict[str, object]:
    return {
        "headline": headline,
        "lead": lead,
        "overlap": overlap_sentence,
        "shift": shift_sentence,
        "shift_row": shift_row,
        "calibration": calibration_sentence,
        "answers": answer_lines,
        "animals": animals_sentence,
        "shown": PAIRS_SHOWN,
    }


PROTOCOLS: Final = {
    "random-70-15-15": f"70 / 15 / 15{THIN}% of the files at random",
    "random-5-percent": f"5{THIN}% of the files held out at random",
    "three-classes": f"three classes, 15{THIN}% of the files held out at random",
    "official-three-classes": "three classes of the data's own train and test split",
    "official": "the data's own train and test split",
    "official-best": "the data's own train and test split",
}
"""How each claim came about, by its name."""


def claim_sentence(claim: Regraded) -> str:
    """Whether a claim's protocol leaks, what it gives here, and what the same classes give by photo."""
    words, one, other = "", claim.reproduced, claim.honest
    if claim.claimed is not None:
        low, high = claim.claimed
        words = f"claimed {percent(low)}; " if low == high else f"claimed {percent(low, 0)} to {percent(high, 0)}; "
    figures = (
        f"{words}{percent(one.accuracy)} ({interval(one.accuracy_ci)}, n = {count(one.n)} of "
        f"{plural(one.photos, 'photo')}) under the claim's own protocol; {percent(other.accuracy)} "
        f"({interval(other.accuracy_ci)}, n = {count(other.n)}) by photo"
    )
    if claim.exposed and one.accuracy_ci[0] > other.accuracy_ci[1]:
        return f"Leakage: {percent(claim.exposed)} of what was held out had a copy in training. {figures}."
    if claim.exposed:
        return f"The protocol leaks ({percent(claim.exposed)} had a copy in training), without showing here. {figures}."
    return f"No copy in training, so the protocol is honest, and small. {figures}."
