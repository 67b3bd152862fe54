"""Writes `travel.md` beside it: what a model trained on some sources of labelled pictures is worth on another.

    python docs/travel.py PETS DOGS THREE --map relaxed=Other --map hungry=Other --methods

Each source is a folder of class folders; the first names the classes. Files that show one photo are found in their
pixels across all sources and never stand on both sides. Every figure is of photos of a source that training did not
see, unless its row says otherwise. `--methods` adds the table of everything that was tried (slow).
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood.config import ReadOptions
from petmood.dataset.across import Across, join_datasets
from petmood.dataset.opening import open_dataset
from petmood.dataset.outside import parse_map
from petmood.evaluation import certainty_elsewhere as transfer
from petmood.evaluation import sources, unlikeness
from petmood.evaluation.calibrate import fit_conformal
from petmood.evaluation.statistics import wilson_interval
from petmood.features import load_backbone
from petmood.features.species import species_probabilities
from petmood.records import IntArray
from petmood.training.heads import LogisticHead
from petmood.training.source_head import SourceHead, SourceMixture

PAGE = Path(__file__).resolve().with_suffix(".md")
SEED = 0
CHOSEN = "a head a species, told priors"


def material(paths: Sequence[Path], mapping: dict[str, str], backbone: str) -> Across:
    """Open all sources, one row a photo of each, and find what they share."""
    opened = [open_dataset(path, families="names", splits=False, options=ReadOptions()) for path in paths]
    return join_datasets(opened, mapping, load_backbone(backbone))


# -- who is judged --------------------------------------------------------------------------------------------------


def readers(of: Across) -> dict[str, sources.Reader]:
    """Heads on the frozen features, and controls that see no face."""
    union = of.union
    names = np.array(union.classes)

    def ordered(said: NDArray[np.float64], known: Iterable[str]) -> NDArray[np.float64]:
        found = np.zeros((len(said), len(names)))
        found[:, [union.classes.index(str(name)) for name in known]] = said
        return found

    both = np.concatenate([of.scores, of.vectors], axis=1)
    columns = np.arange(both.shape[1])
    logits, features = columns[: of.scores.shape[1]], columns[of.scores.shape[1] :]

    def told(balance: str) -> sources.Reader:
        def reader(train: IntArray, evaluate: IntArray) -> NDArray[np.float64]:
            head = SourceHead(balance=balance).fit(
                of.vectors[train], names[union.labels[train]], sources=union.source[train], species=union.species[train]
            )
            return ordered(head.predict_proba(of.vectors[evaluate]), head.classes_)

        return reader

    def mixture(balance: str) -> sources.Reader:
        def reader(train: IntArray, evaluate: IntArray) -> NDArray[np.float64]:
            head = SourceMixture(logits, features, balance=balance).fit(
                both[train], names[union.labels[train]], sources=union.source[train]
            )
            return ordered(head.predict_proba(both[evaluate]), head.classes_)

        return reader

    def untold(rows: NDArray[np.floating], balanced: bool) -> sources.Reader:  # type: ignore[type-arg]
        def reader(train: IntArray, evaluate: IntArray) -> NDArray[np.float64]:
            weights = transfer.even_weights(union.labels[train], union.source[train]) if balanced else None
            head = LogisticHead().fit(rows[train], names[union.labels[train]], sample_weight=weights)
            return ordered(head.predict_proba(rows[evaluate]), head.classes_)

        return reader

    def angry_cats(train: IntArray, evaluate: IntArray) -> NDArray[np.float64]:
        """Cats are angry, dogs happy, others both sad and other: what the pets set teaches of species."""
        by_name = {name.casefold(): i for i, name in enumerate(union.classes)}
        rule = np.full((3, len(names)), 0.05)
        rule[0, by_name["happy"]] = rule[1, by_name["angry"]] = rule[2, by_name["sad"]] = 1.0
        rule[1, by_name["other"]] = 0.5  # where no picture may be angry
        said = union.species[evaluate] @ rule
        return said / said.sum(axis=1, keepdims=True)

    found = {
        "logistic regression": untold(of.vectors, False),
        "logistic regression, source x class even": untold(of.vectors, True),
        "told priors": told("source x species"),
        CHOSEN: mixture("source x species"),
        "a head a species, told priors, sources even": mixture("source"),
        "control: species alone": untold(species_probabilities(of.scores), True),
        "control: angry = cat, happy = dog": angry_cats,
    }
    return {name: remembered(reader) for name, reader in found.items()}


def remembered(reader: sources.Reader) -> sources.Reader:
    """The same reader, which trains once on the same rows."""
    known: dict[tuple[bytes, bytes], NDArray[np.float64]] = {}

    def read(train: IntArray, evaluate: IntArray) -> NDArray[np.float64]:
        key = train.tobytes(), evaluate.tobytes()
        if key not in known:
            known[key] = reader(train, evaluate)
        return known[key]

    return read


# -- what is found --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certainty:
    """How far certainty, calibrated without a source, held on it."""

    how: str
    judged: str
    n: int
    held: tuple[int, ...]
    size: tuple[float, ...]
    sure: int
    right: int


def certainty(of: Across, reader: sources.Reader) -> Iterator[Certainty]:
    """For each source left out: calibrated over the others, each left out in turn; and as is usual, by their folds."""
    union = of.union
    for outer in sources.left_out_folds(union):
        inner = [sources.read(union, folds, reader) for folds in sources.inner_folds(union, outer)]
        judged = sources.read(union, [outer], reader)
        yield _certain(union, "over sources left out", inner, judged)
        own = [_own(of, reader, s, outer) for s in outer.trained]
        yield _usual(union, own, judged)


def certainty_of_one(of: Across, reader: sources.Reader) -> Iterator[tuple[str, Certainty, Certainty]]:
    """For each pair of sources: calibrated on the one, widened and as is usual, judged on the other."""
    union = of.union
    for outer in sources.one_to_one_folds(union):
        own = [_own(of, reader, outer.trained[0], outer)]
        judged = sources.read(union, [outer], reader)
        name = union.sources[outer.trained[0]]
        yield name, _certain(union, "one source, widened", own, judged), _usual(union, own, judged)


def _own(of: Across, reader: sources.Reader, source: int, outer: sources.SourceFold) -> sources.Reading:
    one = sources.SourceFold("one to one", (source,), outer.judged, outer.train, outer.evaluate, outer.removed)
    ((*folds,),) = sources.inner_folds(of.union, one, seed=SEED)
    return sources.read(of.union, folds, reader)


def _certain(union: sources.Union, how: str, inner: Sequence[sources.Reading], judged: sources.Reading) -> Certainty:
    rows = np.concatenate([part.rows for part in inner])
    fitted = transfer.fit_transfer(
        np.concatenate([part.probabilities for part in inner]),
        union.labels[rows],
        union.source[rows],
        known=np.concatenate([np.isin(union.labels[part.rows], part.learnt) for part in inner]),
        unlearnt=np.setdiff1d(np.arange(len(union.classes)), judged.learnt).tolist(),
    )
    scaled = fitted.scaled(judged.probabilities)
    truth = union.labels[judged.rows]
    at = np.arange(len(truth))
    sets = [level.sets(scaled) for level in fitted.levels]
    sure = fitted.is_sure(scaled)
    return Certainty(
        how,
        union.sources[judged.judged],
        len(truth),
        tuple(int(s[at, truth].sum()) for s in sets),
        tuple(float(s.sum(axis=1).mean()) for s in sets),
        int(sure.sum()),
        int((scaled.argmax(axis=1) == truth)[sure].sum()),
    )


def _usual(union: sources.Union, own: Sequence[sources.Reading], judged: sources.Reading) -> Certainty:
    rows = np.concatenate([part.rows for part in own])
    said = np.concatenate([part.probabilities for part in own])
    truth = union.labels[judged.rows]
    at = np.arange(len(truth))
    sets = [fit_conformal(said, union.labels[rows], 1 - c).sets(judged.probabilities) for c in transfer.COVERAGES]
    sure = sets[0].sum(axis=1) == 1
    return Certainty(
        "as is usual, by grouped folds",
        union.sources[judged.judged],
        len(truth),
        tuple(int(s[at, truth].sum()) for s in sets),
        tuple(float(s.sum(axis=1).mean()) for s in sets),
        int(sure.sum()),
        int((judged.probabilities.argmax(axis=1) == truth)[sure].sum()),
    )


def unlike(of: Across, reader: sources.Reader) -> Iterator[tuple[str, str, int, int, int]]:
    """For each source left out and level of unlikeness: its name, the level, photos, all photos, and right answers."""
    union = of.union
    for outer in sources.left_out_folds(union):
        train = union.photos(outer.train)
        families = union.families[train]
        own = unlikeness.distances(of.vectors[train], of.vectors[train], families=families, training_families=families)
        inner = [folds[0] for folds in sources.inner_folds(union, outer) if folds[0].kind == "left out"]
        left = [unlikeness.distances(of.vectors[fold.evaluate], of.vectors[fold.train]) for fold in inner]
        where = [union.source[fold.evaluate] for fold in inner]
        limits = (
            unlikeness.fit_unlikeness(own, np.concatenate(left), np.concatenate(where))
            if inner
            else unlikeness.fit_unlikeness(own)
        )
        judged = sources.read(union, [outer], reader)
        found = np.array(limits.level(unlikeness.distances(of.vectors[judged.rows], of.vectors[train])))
        truth = union.labels[judged.rows]
        right = sources.answers(judged.probabilities, np.unique(truth)) == truth
        for level in unlikeness.LEVELS:
            chosen = found == level
            yield union.sources[outer.judged], level, int(chosen.sum()), len(truth), int(right[chosen].sum())


# -- the page -------------------------------------------------------------------------------------------------------


def share(hits: int, n: int) -> str:
    """`0.318 (0.304 to 0.333, 1272 of 4000)`."""
    if not n:
        return "none"
    low, high = wilson_interval(hits, n)
    return f"{hits / n:.3f} ({low:.3f} to {high:.3f}, {hits} of {n})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def prose(text: str) -> str:
    """A paragraph."""
    return textwrap.fill(" ".join(text.split()), 120) + "\n"


def page(of: Across, chosen: str, methods: bool) -> Iterator[str]:
    """Lines of the page."""
    union, every = of.union, readers(of)
    yield "# Does it travel?\n"
    yield prose(
        f"""Grouped folds on one data set say whether a model reads other photos of that collection. Here each source in
        turn is one that training never saw. Written by `python docs/travel.py` with seed {SEED} on frozen features of
        {of.backbone.name}; a photo counts once, intervals are 95 % over photos, and balanced accuracy is the mean over
        the moods that a source holds (only these are possible answers there)."""
    )
    yield from ADVICE
    yield "## Sources\n"
    rows = []
    for i, name in enumerate(union.sources):
        photos = union.photos(union.rows(i))
        counts = np.bincount(union.labels[photos], minlength=len(union.classes))
        told = ", ".join(f"{c} {n}" for c, n in zip(union.classes, counts, strict=True) if n)
        rows.append([f"`{name}`", f"{len(photos):,}", told])
    yield from table(["source", "photos", "moods"], rows)
    copies = union.copies()
    listed = "; ".join(" = ".join(of.paths[i] for i in rows_) for rows_ in copies[:5])
    yield prose(
        f"""Photos that stand in more than one source: {len(copies)}{f" ({listed})" if copies else ""}. Where one is
        judged, its copies are taken out of training."""
    )
    yield "## Trained on -> judged on\n"
    cells = sources.matrix(union, every[chosen], seed=SEED)
    yield prose(f"""The head *{chosen}* (`petmood.training.source_head`).""")
    yield from table(
        ["trained on", "judged on", "protocol", "n", "balanced accuracy", "guessing", "accuracy"],
        (
            [
                ", ".join(c.trained_on),
                c.judged_on,
                c.kind,
                f"{c.n:,}",
                f"{c.balanced:.3f} ({c.balanced_ci[0]:.3f} to {c.balanced_ci[1]:.3f})",
                f"{c.guessing:.2f}",
                f"{c.accuracy:.3f} ({c.accuracy_ci[0]:.3f} to {c.accuracy_ci[1]:.3f})",
            ]
            for c in cells
        ),
    )
    yield "## Heads and controls, each source left out\n"
    outer = sources.left_out_folds(union)
    scored = {
        name: [sources.cell(union, sources.read(union, [fold], reader), seed=SEED) for fold in outer]
        for name, reader in every.items()
    }
    yield from table(
        ["model", *(f"on {name}" for name in union.sources), "mean"],
        (
            [
                name,
                *(f"{c.balanced:.3f} ({c.balanced_ci[0]:.3f} to {c.balanced_ci[1]:.3f})" for c in each),
                f"{np.mean([c.balanced for c in each]):.3f}",
            ]
            for name, each in scored.items()
        ),
    )
    heads = {name: reader for name, reader in every.items() if not name.startswith("control")}
    rows = []
    for choice in sources.choose_nested(union, heads, seed=SEED):
        c = sources.cell(union, choice.reading, seed=SEED)
        rows.append(
            [c.judged_on, choice.chosen, f"{c.balanced:.3f} ({c.balanced_ci[0]:.3f} to {c.balanced_ci[1]:.3f})"]
        )
    yield prose("Chosen among the heads by the other sources alone, so that the choice is honest too:")
    yield from table(["left out", "the others choose", "balanced accuracy there"], rows)
    yield "## Certainty\n"
    yield prose(
        """How often sets hold the right mood on a source that took part neither in training nor in calibration, and how
        often "sure" answers were right."""
    )
    head = [
        "judged on",
        "calibrated",
        *(f"sets stating {c:.0%} hold" for c in transfer.COVERAGES),
        "moods a set",
        "sure",
    ]
    yield from table(head, (_certainty_row(c) for c in certainty(of, every[chosen])))
    yield prose(
        f"""With one source only nothing is known of elsewhere. Sets are widened (log odds of coverage +
        {transfer.ONE_SOURCE}) and no answer is called sure:"""
    )
    pairs = list(certainty_of_one(of, every[chosen]))
    yield from table(
        ["trained on", *head], ([name, *_certainty_row(c)] for name, wide, usual in pairs for c in (wide, usual))
    )
    yield "## Unlike the photos it learned from\n"
    yield from table(
        ["left out", "level", "share of its photos", "right among them"],
        (
            [n, level, f"{k / total:.3f} ({k} of {total})", share(r, k)]
            for n, level, k, total, r in unlike(of, every[chosen])
        ),
    )


def tried(of: Across) -> Iterator[str]:
    """The table of further methods: each source left out, and what the others would have chosen."""
    from travel_methods import further  # beside this file

    union = of.union
    every = {name: remembered(reader) for name, reader in further(union, of.vectors, of.scores).items()}
    yield "## Everything that was tried\n"
    rows = []
    for name, reader in every.items():
        cells = [sources.cell(union, sources.read(union, [fold], reader)) for fold in sources.left_out_folds(union)]
        rows.append([name, *(f"{c.balanced:.3f}" for c in cells), f"{np.mean([c.balanced for c in cells]):.3f}"])
    yield from table(["method", *(f"on {name}" for name in union.sources), "mean"], rows)


def _certainty_row(c: Certainty) -> list[str]:
    sizes = " and ".join(f"{s:.2f}" for s in c.size)
    sure = f"{c.right} of {c.sure} right" if c.sure else "never said"
    return [c.judged, c.how, *(share(k, c.n) for k in c.held), sizes, sure]


ADVICE = (
    "## What to do\n",
    prose(
        """**With one source** no figure says how a model does on pictures from elsewhere, and none can. Its sets are
        widened, it calls nothing sure, and its card says so. Of animals that the source has none of, even widened sets
        can hold less than they state: see the dogs below. Find a second source, even a small one: a few hundred photos
        of other animals by other people say more than another thousand of the same collection."""
    ),
    prose(
        """**With two**, train on each and judge on the other before you believe either. Search for copies across them
        first; map their moods to one list, and leave a mood that one source lacks out of its pictures' alternatives
        rather than calling it absent. Certainty calibrated over two sources is wide, as it must be."""
    ),
    prose(
        """**With three or more**, leave each out in turn, and make every choice on the others. What holds on all of
        them is what may be said of a picture from elsewhere. Add sources that differ in what yours have in common: if
        cats are angry in all of them, find cats that are not."""
    ),
)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--map", action="append", default=[], metavar="THEIRS=OURS")
    parser.add_argument("--backbone", default="efficientnet-lite0")
    parser.add_argument("--methods", action="store_true", help="also everything that was tried")
    parser.add_argument("--out", type=Path, default=PAGE)
    given = parser.parse_args()
    of = material(given.sources, parse_map(given.map), given.backbone)
    lines = []
    for line in page(of, CHOSEN, given.methods):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        lines.append(line)
    given.out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
