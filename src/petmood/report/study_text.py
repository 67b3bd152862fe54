"""Results of the replicated study in, its conclusions and discussion out: no sentence whose claim is not computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from petmood.report import facts, sentences
from petmood.report.wording import count, count_range, interval, listing, number, percent, plural, quoted
from petmood.results import ClusterFacts, ModelFacts, Results, StudyFacts, StudyRow

NEAR = 1.05
"""Largest class over smallest up to which classes are called balanced."""


def eda_conclusions(results: Results, study: StudyFacts) -> Iterator[str]:
    """What the study concluded from its first look, checked against the data."""
    data, eda = results.dataset, study.eda
    train = data.splits["train"]
    files = [c.images for c in train.by_class.values()]
    photos = [c.photos for c in train.by_class.values()]
    balanced = "are" if max(files) <= NEAR * max(1, min(files)) else "are not"
    yield (
        f"The training classes {balanced} balanced in files: {count_range(files)} each. In distinct photos they range "
        f"from {count(min(photos))} to {count(max(photos))}: {plural(train.images, 'file')} come from "
        f"{plural(train.photos, 'photo')}."
    )
    resized = [f"{count(n)} of {count(data.splits[s].images)} in {s}" for s, n in eda.resized.items()]
    yield (
        f"Images that had to be resized to {eda.target_size[0]}×{eda.target_size[1]} pixels, the size of the first "
        f"image of test: {listing(resized)}."
    )
    yield f"After scaling, all pixels lie between {number(eda.lowest)} and {number(eda.highest)}."
    total = sum(eda.species.values())
    seen = [f"{name} {percent(n / total, 0)}" for name, n in eda.species.items()]
    common = max(eda.species, key=lambda name: eda.species[name])
    yield (
        f"Animals: of {plural(total, 'photo')}, by the most probable ImageNet class as {eda.species_backbone} reads "
        f"it, {listing(seen)}. The commonest, {common}, makes up {percent(eda.species[common] / total, 0)}."
    )
    red, green, blue = (
        f"{number(mean)} ± {number(sd)}" for mean, sd in zip(eda.colour_mean, eda.colour_sd, strict=True)
    )
    yield (
        f"Colours: the mean of a photo, on a scale from 0 to 1, is {red} for red, {green} for green and {blue} for "
        f"blue (mean and standard deviation over {plural(eda.photos, 'photo')})."
    )


def cluster_sentences(clusters: ClusterFacts, split: str) -> Iterator[str]:
    """What one clustering shows on one split, as the study discusses it: majorities, the purest cluster, ties."""
    found = clusters.splits[split]
    purest = sentences.purest_sentence(clusters, split)
    if purest:
        yield purest
    majorities = sum(
        max(composition.values()) > size / 2
        for size, composition in zip(found.sizes, found.composition, strict=True)
        if size
    )
    filled = sum(size > 0 for size in found.sizes)
    verb = "has" if majorities == 1 else "have"
    yield f"{count(majorities)} of {plural(filled, 'filled cluster')} {verb} one mood in the majority."
    for i, (size, composition) in enumerate(zip(found.sizes, found.composition, strict=True)):
        top = max(composition.values()) if composition else 0
        tied = [name for name, n in composition.items() if n == top and top]
        if size and len(tied) > 1:
            names = listing([quoted(name) for name in tied])
            yield f"In cluster {i + 1}, {names} are equally many ({count(top)} each)."


def slip_sentences(results: Results) -> Iterator[str]:
    """What feeding pixels in [0, 1] did to the clusters of each backbone; nothing where only one way was run."""
    for wrong in results.clusters:
        right = next((c for c in results.clusters if c.backbone == wrong.backbone and c.preprocess == "correct"), None)
        if wrong.preprocess != "study" or right is None:
            continue
        a, b = wrong.splits["train"], right.splits["train"]
        change = round(b.nmi, 3) - round(a.nmi, 3)
        verb = "raised" if change > 0 else "lowered" if change < 0 else "left"
        reach = f"at {number(a.nmi, 3)}" if verb == "left" else f"from {number(a.nmi, 3)} to {number(b.nmi, 3)}"
        yield (
            f"{right.name.removeprefix('k-means on ').split(',')[0]}: feeding pixels as the weights were trained "
            f"{verb} the NMI with mood on train {reach} and took purity from {number(a.purity, 3)} to "
            f"{number(b.purity, 3)}; the largest cluster went from {count(max(a.sizes))} to "
            f"{count(max(b.sizes))} and the smallest from {count(min(a.sizes))} to {count(min(b.sizes))} of "
            f"{plural(a.n, 'image')}."
        )


def model_sentences(model: ModelFacts) -> Iterator[str]:
    """Accuracy with its interval, the best and worst class, the most confused pair, classes never answered."""
    yield (
        f"{model.title} names {count(model.correct)} of {plural(model.n, 'photo')} rightly, "
        f"{percent(model.accuracy)} ({interval(model.accuracy_ci)})."
    )
    yield from sentences.class_sentences(model)
    answered = [sum(row[j] for row in model.confusion) for j in range(len(model.classes))]
    never = [quoted(name) for name, n in zip(model.classes, answered, strict=True) if n == 0]
    if never:
        yield f"It never answers {listing(never)}."
    yield from (f"{text[0].upper()}{text[1:]}" for text in sentences.curve_sentences(model.epochs))


def tuning_sentences(study: StudyFacts) -> Iterator[str]:
    """Which number of clusters each label-free criterion picks, and what tuning found about mood and species."""
    tuning = study.tuning
    if not tuning.best_k:
        return
    picks = [f"{name.replace('_', '-')} k = {k}" for name, k in tuning.best_k.items()]
    yield (
        f"K-means on {tuning.backbone}'s pooled features of {plural(tuning.n, 'image')} of train, tuned without "
        f"labels: {listing(picks)}."
    )
    best = max(tuning.rows, key=lambda row: row.nmi)
    nearer = sum(row.species_nmi > row.nmi for row in tuning.rows)
    yield (
        f"Of {count(len(tuning.rows))} clusterings tried, {count(nearer)} agree more with species than with mood "
        f"(NMI). The one closest to mood, {best.method} with {plural(best.clusters, 'cluster')} ({best.reduction}), "
        f"reaches NMI {number(best.nmi)} with mood and {number(best.species_nmi)} with species."
    )


def discussion(results: Results, study: StudyFacts) -> Iterator[str]:
    """The closing comparison: the four models on test, told apart or not, against a constant answer and the study."""
    protocol = facts.protocols(results)[0]
    yield sentences.accuracy_sentence(protocol)
    yield from sentences.comparison_sentences(protocol)
    for name, title in (("cnn1", "CNN 1"), ("cnn2", "CNN 2")):
        runs = [t for t in study.trainings if t.network == name]
        if len(runs) > 1:
            shares = [t.test_correct / t.n_test for t in runs]
            yield (
                f"Over {plural(len(runs), 'seed')} {title} gets from {percent(min(shares))} to {percent(max(shares))} "
                f"of the {plural(runs[0].n_test, 'photo')} of test: chance in training alone moves it that far."
            )
    yield verdicts(study)


def verdicts(study: StudyFacts) -> str:
    """How many of the study's figures ours agree with."""
    found = Counter(row.verdict for row in study.comparison)
    compared = len(study.comparison) - found["not compared"]
    if not compared:
        return f"None of the study's {count(len(study.comparison))} figures can be compared with these."
    return (
        f"Of {plural(compared, 'figure')} that can be compared, {count(found['equal'])} are equal to ours, "
        f"{count(found['compatible'])} compatible and {count(found['different'])} different; "
        f"{count(found['not compared'])} more could not be compared."
    )


def ours(row: StudyRow) -> str:
    """Our figure over seeds: its mean, its range, its interval."""
    if row.mean is None or row.low is None or row.high is None:
        return "none"
    text = _figure(row.mean, row)
    if row.low != row.high:
        text += f" ({_figure(row.low, row)} to {_figure(row.high, row)})"
    if row.interval:
        text += f"; 95 % interval {interval(row.interval)}"
    return text


def theirs(row: StudyRow) -> str:
    """The study's figure."""
    return _figure(row.study, row)


def _figure(value: float, row: StudyRow) -> str:
    if row.unit == "share":
        return percent(value)
    return f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"
