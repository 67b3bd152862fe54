"""Results in, one sentence a finding out: every word follows from the numbers, and every figure carries its n."""

from __future__ import annotations

import re
from collections.abc import Iterator

from petmood.report import facts
from petmood.report.facts import ProtocolView
from petmood.report.wording import (
    count,
    count_range,
    interval,
    listing,
    measured,
    number,
    percent,
    plural,
    points,
    quoted,
)
from petmood.results import ClusterFacts, DatasetFacts, Epochs, ModelFacts, SetFacts

NMI_WORDS = ((0.1, "almost nothing"), (0.3, "little"), (0.6, "something"), (1.01, "a great deal"))
"""What clusters are said to say about the classes, for normalised mutual information below each bound."""


def data_sentence(data: DatasetFacts, *, leaks: bool = False) -> str:
    """How files relate to photos, and to splits that may leak."""
    files = plural(data.images, "file")
    if not data.derived and data.images == data.photos:
        return f"{files}, each a photo of its own: no edited copy and no duplicate was found."
    if data.derived == data.images - data.photos:
        verb = are(data.images)
        relation = f"{files} {verb} {plural(data.photos, 'photo')}: {_copies(data.derived)}."
    else:
        relation = f"{files} come from {plural(data.photos, 'photo')}; {_copies(data.derived)}."
    if leaks:
        return f"{relation} Accuracies here count photos, each once, but some stand on both sides of the data's splits."
    return (
        f"{relation} Accuracies here count photos, each once, and a photo and its copies are never on both sides "
        "of a split."
    )


def are(n: int) -> str:
    """Is or are."""
    return "is" if n == 1 else "are"


def _copies(n: int) -> str:
    return f"{count(n)} is an edited copy" if n == 1 else f"{count(n)} are edited copies"


def balance_sentence(data: DatasetFacts) -> str | None:
    """Says so where classes are equal in files but not in photos; None elsewhere."""
    split = data.splits.get("train")
    if split is None or len(split.by_class) < 2:
        return None
    files = {name: c.images for name, c in split.by_class.items()}
    photos = {name: c.photos for name, c in split.by_class.items()}
    low, high = min(photos, key=lambda c: photos[c]), max(photos, key=lambda c: photos[c])
    if max(files.values()) > 1.1 * min(files.values()) or photos[high] < 1.25 * photos[low]:
        return None
    return (
        f"The training classes look balanced in files ({count_range(list(files.values()))} each) but not in photos: "
        f"from {count(photos[low])} for {quoted(low)} to {count(photos[high])} for {quoted(high)}."
    )


def protocol_label(name: str) -> str:
    """The name of a protocol for people: "grouped 5-fold" for "grouped-5-fold"."""
    return re.sub(r"[-_]+(?!fold)", " ", name)


def _heading(protocol: ProtocolView) -> str:
    label = protocol_label(protocol.name)
    return label[:1].upper() + label[1:]


def accuracy_sentence(protocol: ProtocolView) -> str:
    """The best model under one protocol, and whether it is better than the majority class."""
    best, majority = protocol.best, protocol.majority.accuracy
    figure = f"{percent(best.accuracy)} of {plural(best.n, 'photo')} ({interval(best.accuracy_ci)})"
    head = f"{_heading(protocol)}: {best.title} is right for {figure}"
    match protocol.verdict(best):
        case "above":
            return f"{head}. It is better than the majority class, {percent(majority)}{_margin(protocol)}."
        case "below":
            return f"{head}. It is worse than the majority class, {percent(majority)}{_margin(protocol)}."
        case _:
            return (
                f"{head}. At this sample size it cannot be told apart from the majority class, "
                f"{percent(majority)}{_margin(protocol)}: it is not shown to do better than one constant answer."
            )


def _margin(protocol: ProtocolView) -> str:
    constant = protocol.constant
    pair = protocol.pair(protocol.best, constant) if constant is not None else None
    if pair is None:
        return ""
    value, low, high = (points(share) for share in (pair.difference, *pair.difference_ci))
    corrected = f", corrected for {len(protocol.pairs)} comparisons" if len(protocol.pairs) > 1 else ""
    return f" ({value} points, 95 % interval {low} to {high}{corrected})"


def comparison_sentences(protocol: ProtocolView) -> Iterator[str]:
    """Whether the best model can be told apart from the other models, and from the strongest baseline."""
    best, n = protocol.best, f"(n = {count(protocol.best.n)})"
    head = f"{_heading(protocol)}: {best.title} ({_figure(best)})"
    tied = [m for m in protocol.models[1:] if protocol.against(best, m) != "above"]
    clear = [m for m in protocol.models[1:] if m not in tied]
    if tied:
        yield f"{head} and {_listed(tied)} cannot be told apart at this sample size {n}."
    if clear:
        yield f"{head} is ahead of {_listed(clear)} {n}."
    rival = next((m for m in protocol.baselines if not facts.is_majority(m)), None)
    if rival is None:
        return
    verdict = protocol.against(best, rival)
    if verdict == "unclear":
        yield f"{head} and the strongest baseline, {_listed([rival])}, cannot be told apart at this sample size {n}."
    else:
        relation = "is ahead of" if verdict == "above" else "is behind"
        yield f"{head} {relation} the strongest baseline, {_listed([rival])} {n}."


def _listed(models: list[ModelFacts]) -> str:
    return listing([f"{m.title} ({_figure(m)})" for m in models])


def _figure(model: ModelFacts) -> str:
    return f"{percent(model.accuracy)}, {interval(model.accuracy_ci)}"


def class_sentences(model: ModelFacts) -> Iterator[str]:
    """Which class is recognised best and worst, and which two are confused most."""
    ends = facts.extremes(model)
    if ends is not None and ends.best_score.recall > ends.worst_score.recall:
        yield (
            f"{model.title} recognises {quoted(ends.best)} best, {_recall(model, ends.best)}, "
            f"and {quoted(ends.worst)} worst, {_recall(model, ends.worst)}."
        )
    pair = facts.most_confused(model)
    if pair is not None:
        both, mistakes = pair.there + pair.back, model.n - model.correct
        share = f"{count(both)} of its {count(mistakes)} mistakes {'is' if both == 1 else 'are'}"
        told = share if mistakes > 1 else "its one mistake is"
        yield (
            f"It confuses {quoted(pair.a)} and {quoted(pair.b)} most: {told} "
            "between these two "
            f"({count(pair.there)} {quoted(pair.a)} read as {quoted(pair.b)}, {count(pair.back)} the other way)."
        )


def _recall(model: ModelFacts, name: str) -> str:
    score, i = model.per_class[name], model.classes.index(name)
    bounds = f" ({interval(score.recall_ci)})" if score.recall_ci else ""
    return f"{count(model.confusion[i][i])} of {plural(score.support, 'photo')}, {percent(score.recall)}{bounds}"


def nmi_words(nmi: float) -> str:
    """How much clusters say about the classes, in words."""
    return next(words for bound, words in NMI_WORDS if nmi < bound)


def nmi_sentence(clusters: ClusterFacts, split: str, data: DatasetFacts) -> str:
    """What one clustering says about the classes."""
    found = clusters.splits[split]
    photos = data.splits[split].photos if split in data.splits else found.n
    if found.unit == "photos":
        files = sum(found.beside)
        sample = plural(found.n, "photo") + (f" ({plural(files, 'file')})" if files != found.n else "")
    else:
        sample = plural(found.n, "file") + (f" of {plural(photos, 'photo')}" if photos != found.n else "")
    return (
        f"The {clusters.k} clusters of {clusters.name} say {nmi_words(found.nmi)} about mood: "
        f"NMI {number(found.nmi)}, ARI {number(found.ari)} over the {sample} of {split}."
    )


def purest_sentence(clusters: ClusterFacts, split: str) -> str | None:
    """The purest cluster of a split, how large it is, and what share its class has everywhere; None without images."""
    found = facts.purest(clusters.splits[split])
    if found is None:
        return None
    noun = clusters.splits[split].unit[:-1]
    return (
        f"The purest cluster in {split}, number {found.index + 1}, is {percent(found.hits / found.size, 0)} "
        f"{quoted(found.class_name)} and holds {count(found.size)} of {plural(found.n, noun)} "
        f"({percent(found.size / found.n, 0)}); among all {noun}s of {split} this class makes up "
        f"{percent(found.class_total / found.n, 0)}."
    )


def curve_sentences(epochs: Epochs | None) -> Iterator[str]:
    """What learning curves show: memorising or not, and where validation was best."""
    found = facts.overfit(epochs) if epochs is not None else None
    if epochs is None or found is None:
        return
    ends = (
        f"after {plural(found.epochs, 'epoch')} it gets {percent(found.accuracy)} of its training images right "
        f"and {percent(found.val_accuracy)} of the validation images"
    )
    if found.val_ci is not None:
        ends += f" ({interval(found.val_ci)}, n = {count(epochs.n_val or 0)})"
    if found.gap_ci is None:
        yield f"{ends}."
    else:
        gap = f"a gap of {points(found.gap)} points ({points(found.gap_ci[0])} to {points(found.gap_ci[1])})"
        if found.memorises:
            yield f"{ends}, {gap}: it memorises pictures rather than learning moods."
        else:
            yield f"{ends}, {gap}: memorising is not shown."
    since = found.epochs - found.best_epoch
    if since >= facts.SETTLED:
        yield (
            f"its validation loss is lowest at epoch {found.best_epoch} of {found.epochs} and did not fall in the "
            f"{since} epochs after it."
        )
    elif since:
        yield (
            f"its validation loss is lowest at epoch {found.best_epoch} of {found.epochs}; {plural(since, 'epoch')} "
            "after it cannot tell whether it would fall further."
        )


def sets_sentence(sets: SetFacts) -> str:
    """What prediction sets of one aim held, how large they are, and the classes that they cannot leave out."""
    text = (
        f"Sets that aim to hold the true mood in {percent(sets.target, 0)} of photos held it in "
        f"{measured(sets.coverage, sets.coverage_ci, sets.n)} and have {number(sets.mean_size)} of "
        f"{len(sets.size_counts)} moods on average."
    )
    if sets.uncoverable:
        text += (
            f" {', '.join(sets.uncoverable)} cannot be covered: with fewer than {plural(sets.photos_needed, 'photo')} "
            f"no threshold can promise {percent(sets.target, 0)}, so it stands in every set."
        )
    return text
