"""Facts on several sources in, headline, sentences and tables for page and terminal out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from petmood.analyses.travel.facts import TravelCell, TravelCertainty, TravelFacts
from petmood.escaping import one_line
from petmood.evaluation.statistics import wilson_interval
from petmood.report.summarize import Headline
from petmood.report.wording import ci_method, count, interval, listing, percent, plain, plural, quoted

SUBJECTS = {
    "logistic": "logistic regression",
    "logistic-even": "logistic regression, source x class even",
    "told": "priors of each source told",
    "mixture": "a head a species, priors told",
    "mixture-even": "a head a species, priors told, sources even",
    "species": "species alone",
    "angry-cats": "cat = angry, dog = happy",
}

HOW = {
    "left out": "over sources left out",
    "one source": "on one source, then widened",
    "usual": "as is usual, by grouped folds",
}

COPIES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Table:
    """A table with what stands above it."""

    title: str
    text: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def asked(facts: TravelFacts) -> bool:
    """Whether there were sources to judge each other."""
    return bool(facts.cells)


def headlines(facts: TravelFacts) -> tuple[Headline, ...]:
    """The source that reads worst when it is left out; nothing where there is one source."""
    if not asked(facts):
        return ()
    worst = min(facts.left_out(), key=lambda c: c.balanced - c.guessing)
    own = _own(facts, worst.judged_on)
    beside = "" if own is None else f"; in folds of its own {percent(own.balanced)}"
    return (
        Headline(
            percent(worst.balanced),
            "on a source left out",
            f"{interval(worst.balanced_ci)}, n = {count(worst.n)}: {worst.judged_on}, moods counted alike; guessing "
            f"{percent(worst.guessing, 0)}{beside}",
        ),
    )


def lead(facts: TravelFacts) -> str:
    """The answer in a sentence or two."""
    if facts.why_not:
        return f"This could not be measured: {facts.why_not}"
    if not asked(facts):
        return (
            f"This was not asked. Every figure here is of other photos of {quoted(facts.sources[0].name)}; how a model "
            "does on pictures by other people, of other animals, cannot be told from one source. Give a second one: "
            "petmood run DATA OTHER --map THEIRS=OURS, or petmood travel DATA OTHER."
        )
    told = [
        f"{percent(c.balanced)} on {quoted(c.judged_on)} (guessing {percent(c.guessing, 0)})" for c in facts.left_out()
    ]
    return (
        f"Each of {plural(len(facts.sources), 'source')} in turn is one that training never saw. There a model of the "
        f"others is right, moods counted alike, for {listing(told)}. {verdict(facts)}"
    )


def verdict(facts: TravelFacts) -> str:
    """Over which controls it is shown to be, by intervals that do not meet."""
    said = []
    for cell in facts.left_out():
        below = [
            name for name, control in _controls(facts, cell.judged_on) if control.balanced_ci[1] >= cell.balanced_ci[0]
        ]
        said.append((cell.judged_on, below))
    beaten = [quoted(name) for name, below in said if not below]
    first = f"It beats every control on {listing(beaten)}." if beaten else "On no source does it beat every control."
    rest = [f"on {quoted(name)} it is not shown to beat {' or '.join(below)}" for name, below in said if below]
    return first + (f" {'; '.join(rest)[:1].upper()}{'; '.join(rest)[1:]}." if rest else "")


def _own(facts: TravelFacts, source: str) -> TravelCell | None:
    return next((c for c in facts.cells if c.kind == "in source" and c.judged_on == source), None)


def _controls(facts: TravelFacts, source: str) -> Iterator[tuple[str, TravelCell]]:
    for cell in facts.controls:
        if cell.judged_on == source:
            yield SUBJECTS[cell.subject] + (" as learnt there" if cell.kind == "in source" else ""), cell


def copies_text(facts: TravelFacts) -> str:
    """How many photos stand in several sources."""
    if not facts.copies:
        return "No photo was found in more than one source."
    return (
        f"{plural(len(facts.copies), 'photo')} stand in more than one source, changed or not. Where one is judged, its "
        "copies are taken out of training."
    )


def tables(facts: TravelFacts) -> tuple[Table, ...]:
    """Every table of the section, in its order."""
    if not asked(facts):
        return ()
    return tuple(table for table in _tables(facts) if table.rows)


def _tables(facts: TravelFacts) -> Iterator[Table]:
    yield Table(
        "Sources",
        copies_text(facts),
        ("Source", "Photos", "Moods"),
        tuple(
            (s.name, count(s.photos), ", ".join(f"{name} {count(n)}" for name, n in s.by_class.items() if n))
            for s in facts.sources
        ),
    )
    numbers = ", ".join(f"{i} is {s.name}" for i, s in enumerate(facts.sources))
    more = len(facts.copies) - COPIES_SHOWN
    yield Table(
        "Photos in several sources",
        f"The first number says which source ({numbers})."
        + (f" {count(more)} more are in the JSON." if more > 0 else ""),
        ("Files that show one photo",),
        tuple((" = ".join(paths),) for paths in facts.copies[:COPIES_SHOWN]),
    )
    yield Table(
        "Trained on, judged on",
        f"The head is {quoted(SUBJECTS[facts.model])} on frozen features of {facts.backbone}; seed {facts.seed}. A "
        "photo counts once, balanced accuracy is the mean over the moods that a source holds, in brackets: "
        f"{ci_method(facts.ci_method)}.",
        ("Trained on", "Judged on", "How", "n", "Copies out", "Guessing", "Balanced accuracy", "Accuracy"),
        tuple(
            (
                " + ".join(c.trained_on),
                c.judged_on,
                "grouped folds" if c.kind == "in source" else c.kind,
                count(c.n),
                count(c.removed),
                f"{c.guessing:.2f}",
                plain(c.balanced, c.balanced_ci),
                plain(c.accuracy, c.accuracy_ci),
            )
            for c in facts.cells
        ),
    )
    yield Table(
        "Is it more than species?",
        "Balanced accuracy of controls that see no face. Species alone is learnt from the other sources, or from the "
        "judged one in grouped folds: what one who knew its habits could guess from the animal.",
        (
            "Judged on",
            "The model, left out",
            "Species alone",
            "Species as learnt there",
            "Cat = angry, dog = happy",
            "Beats",
        ),
        tuple(_control_row(facts, c) for c in facts.left_out()),
    )
    yield Table(
        "Certainty",
        'How often a set holds the label, and "sure" is right, on a source that took part neither in training nor in '
        "calibration.",
        (
            "Trained on",
            "Judged on",
            "Calibrated",
            *(f"Sets stating {c} hold" for c in facts.certainty[0].held),
            "Moods a set",
            "Sure",
        ),
        tuple(_certainty_row(c) for c in facts.certainty),
    )
    yield Table(
        "Unlike the photos it learned from",
        "Photos of a source left out by their distance to the training photos, and how many the model reads right.",
        ("Judged on", "Level", "Share of its photos", "Right among them"),
        tuple(
            (
                u.judged_on,
                u.level,
                f"{u.photos / u.n:.3f} ({count(u.photos)} of {count(u.n)})",
                _share(u.right, u.photos),
            )
            for u in facts.unlike
        ),
    )
    yield from _tried(facts)


def _tried(facts: TravelFacts) -> Iterator[Table]:
    names = tuple(s.name for s in facts.sources)
    for title, text, cells in (
        ("Heads", "Balanced accuracy, each source left out.", facts.heads),
        (
            "Everything that was tried",
            "Balanced accuracy, each source left out; no model is made by these.",
            facts.tried,
        ),
    ):
        subjects = dict.fromkeys(c.subject for c in cells)
        yield Table(
            title,
            text,
            ("Method", *names, "Mean"),
            tuple(_method_row(subject, [c for c in cells if c.subject == subject]) for subject in subjects),
        )
    yield Table(
        "Chosen by the others",
        "Which head the other sources alone choose, so that the choice is honest too.",
        ("Left out", "The others choose", "n", "Balanced accuracy there"),
        tuple((c.judged_on, SUBJECTS[c.chosen], count(c.n), plain(c.balanced, c.balanced_ci)) for c in facts.chosen),
    )


def _method_row(subject: str, cells: Sequence[TravelCell]) -> tuple[str, ...]:
    mean = sum(c.balanced for c in cells) / len(cells)
    return (SUBJECTS.get(subject, subject), *(plain(c.balanced, c.balanced_ci) for c in cells), f"{mean:.3f}")


def _control_row(facts: TravelFacts, cell: TravelCell) -> tuple[str, ...]:
    found = {(c.subject, c.kind): c for c in facts.controls if c.judged_on == cell.judged_on}
    beaten = [c.balanced_ci[1] < cell.balanced_ci[0] for c in found.values()]
    shown = [
        plain(found[key].balanced, found[key].balanced_ci) if key in found else "none"
        for key in (("species", "left out"), ("species", "in source"), ("angry-cats", "left out"))
    ]
    word = "all" if all(beaten) else "none" if not any(beaten) else f"{sum(beaten)} of {len(beaten)}"
    return (cell.judged_on, plain(cell.balanced, cell.balanced_ci), *shown, word)


def _certainty_row(c: TravelCertainty) -> tuple[str, ...]:
    sizes = " and ".join(f"{s:.2f}" for s in c.size.values())
    sure = f"{count(c.right)} of {count(c.sure)} right" if c.sure else "never said"
    held = (_share(k, c.n) for k in c.held.values())
    return (" + ".join(c.trained_on), c.judged_on, HOW[c.how], *held, sizes, sure)


def _share(hits: int, n: int) -> str:
    return f"{plain(hits / n, wilson_interval(hits, n))[:-1]}, {count(hits)} of {count(n)})" if n else "none"


def lines(facts: TravelFacts) -> Iterator[str]:
    """The section as plain text whose tables are Markdown, for a terminal and for documents."""
    yield one_line(lead(facts))
    for table in tables(facts):
        yield f"\n## {table.title}\n"
        yield f"{one_line(table.text)}\n"
        yield "| " + " | ".join(table.head) + " |"
        yield "|" + "---|" * len(table.head)
        for row in table.rows:
            yield "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in row) + " |"
