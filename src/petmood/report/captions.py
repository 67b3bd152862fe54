"""Results in, figure captions and text equivalents out: each caption states what its figure shows."""

from __future__ import annotations

from collections.abc import Sequence

from petmood.report import facts, sentences, wording
from petmood.report.facts import ProtocolView
from petmood.report.wording import count, interval, listing, number, percent, plural, quoted
from petmood.results import ClusterFacts, ClusterSplit, DatasetFacts, Epochs, ModelFacts, SizeCount, SplitFacts


def origin(data: DatasetFacts) -> str:
    """Where splits and families come from, and the largest family."""
    splits = "The splits came with the data" if data.official_splits else "petmood made the splits"
    text = f"{splits}; copies were traced to their photos by {data.family_source}."
    if data.largest_family > 1:
        text += f" The largest family has {count(data.largest_family)} files of one photo."
    return text


def samples(shown: int, data: DatasetFacts) -> str:
    """How many pictures the grid shows, of how many, and of which classes."""
    names = dict.fromkeys(s.class_name for s in data.samples)
    return f"{shown} of {plural(data.images, 'image')}, labelled {listing(list(names))}."


def left_out(data: DatasetFacts) -> str:
    """Accepted + rejected + ignored = found."""
    if not data.rejected and not data.ignored:
        return f"No file was left out: all {plural(data.found, 'file')} found were accepted."
    return (
        f"{plural(data.found, 'file')} found: {count(data.images)} accepted, {count(len(data.rejected))} rejected "
        f"because they cannot be used, {count(len(data.ignored))} ignored because they are not images of the data set."
    )


def clusters(found: ClusterFacts, data: DatasetFacts) -> str:
    """What one clustering says about the classes on its main split, and its purest cluster."""
    split = facts.main_split(found)
    return " ".join(
        text for text in (sentences.nmi_sentence(found, split, data), sentences.purest_sentence(found, split)) if text
    )


def interval_example(model: ModelFacts) -> str:
    """What an interval means, told with one of the page's own."""
    return (
        f"{model.title} was right for {count(model.correct)} of {plural(model.n, 'photo')}, "
        f"{percent(model.accuracy)}. Other photos of the same kind would have given another figure: accuracies of "
        f"{interval(model.accuracy_ci)} are compatible with what was seen. Intervals made this way "
        f"({wording.ci_method(model.ci_method)}) hold the true accuracy in about 95 of 100 such studies; they narrow "
        "as photos are added."
    )


def counts(data: DatasetFacts) -> str:
    """How many files and photos there are, and which class rests on fewest photos."""
    totals = {name: sum(_photos(split, name) for split in data.splits.values()) for name in data.classes}
    head = f"{plural(data.images, 'file')} (pale) and the {plural(data.photos, 'photo')} (solid) they come from"
    if len(totals) < 2:
        return f"{head}."
    low, high = min(totals, key=lambda c: totals[c]), max(totals, key=lambda c: totals[c])
    if totals[low] == totals[high]:
        return f"{head}. Every class has {plural(totals[low], 'photo')}."
    return (
        f"{head}. {quoted(high)} has most, {plural(totals[high], 'photo')}; "
        f"{quoted(low)} fewest, {plural(totals[low], 'photo')}."
    )


def _photos(split: SplitFacts, name: str) -> int:
    return split.by_class[name].photos if name in split.by_class else 0


def counts_label(name: str, split: SplitFacts) -> str:
    """The bars of one split as text."""
    parts = [f"{c} {count(n.images)} files, {count(n.photos)} photos" for c, n in split.by_class.items()]
    return f"Files and photos by class in {name}: {'; '.join(parts)}."


def sizes(data: DatasetFacts) -> str:
    """Which sizes images have, split by split."""
    every = _by_size(data.sizes)
    if len(every) == 1:
        (width, height), n = next(iter(every.items()))
        return f"{'All ' if n > 1 else ''}{plural(n, 'image')} {_have(n)} one size: {width}×{height} pixels."
    parts = []
    for split in data.splits:
        found = _by_size([s for s in data.sizes if s.split == split])
        parts += [f"{split}: {_size_list(found)}"] if found else []
    return f"{len(every)} different sizes in pixels. {'; '.join(parts)}."


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


def _by_size(sizes: Sequence[SizeCount]) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for size in sizes:
        found[size.width, size.height] = found.get((size.width, size.height), 0) + size.count
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _size_list(found: dict[tuple[int, int], int]) -> str:
    if len(found) > 3:
        widths, heights = [w for w, _ in found], [h for _, h in found]
        return f"{len(found)} sizes from {min(widths)}×{min(heights)} to {max(widths)}×{max(heights)}"
    if len(found) == 1:
        return "all {}×{}".format(*next(iter(found)))
    return listing([f"{count(n)} at {w}×{h}" for (w, h), n in found.items()])


def sizes_label(title: str, found: Sequence[SizeCount]) -> str:
    """One panel of the size scatter as text."""
    return f"Width against height, {title}: {_size_list(_by_size(found)) if found else 'no images'}."


def prepare(data: DatasetFacts) -> str:
    """What preparation does to images and to how many it had to be done."""
    made = data.prepare
    low, high = made.value_range
    return (
        f"Every image is brought to {made.size}×{made.size} pixels ({made.resample.capitalize()} resampling), "
        f"{made.colour}, values from {low:g} to {high:g}. Of {plural(data.images, 'image')}, {count(made.resized)} "
        f"had to be resized, {count(made.converted_to_rgb)} converted to {made.colour} and "
        f"{count(made.reoriented)} turned upright."
    )


def cluster_sizes(name: str, split: ClusterSplit) -> str:
    """How even the clusters of one split are."""
    filled = [size for size in split.sizes if size]
    if not filled:
        return f"{name}: no images."
    low, high = min(split.sizes), max(split.sizes)
    return (
        f"{name}: {plural(split.n, 'image')} in {plural(len(filled), 'cluster')}, "
        f"from {count(low)} to {count(high)}; purity {number(split.purity)}, NMI {number(split.nmi)}."
    )


def pie(composition: dict[str, int], size: int) -> str:
    """The commonest class of one cluster and its share."""
    if not size or not any(composition.values()):
        return "empty"
    name = max(composition, key=lambda c: composition[c])
    return f"{plural(size, 'image')}, {percent(composition[name] / size, 0)} {name}"


def pie_label(index: int, composition: dict[str, int]) -> str:
    """One pie as text."""
    total = sum(composition.values()) or 1
    parts = [f"{name} {percent(n / total, 0)} ({count(n)})" for name, n in composition.items()]
    return f"Cluster {index + 1} by class: {', '.join(parts)}."


def forest(protocol: ProtocolView) -> str:
    """How many models beat the majority class under one protocol."""
    above = [m for m in protocol.models if protocol.verdict(m) == "above"]
    total, name = len(protocol.models), protocol.majority.class_name
    constant = f"always answering {quoted(name)}, " if name else ""
    reference = f"the majority class ({constant}{percent(protocol.majority.accuracy)})"
    if total == 1:
        subject = f"The one model is {'' if above else 'not '}shown to beat {reference}"
    elif len(above) == total:
        subject = f"All {total} models are shown to beat {reference}"
    elif not above:
        subject = f"None of the {total} models is shown to beat {reference}"
    else:
        verb = "is" if len(above) == 1 else "are"
        subject = f"{len(above)} of {total} models {verb} shown to beat {reference}"
    return (
        f"{subject}. Dots are accuracies on {plural(protocol.n, 'photo')}, lines their 95{wording.THIN}% intervals; "
        "hollow dots are baselines."
    )


def forest_label(protocol: ProtocolView) -> str:
    """The forest plot as text."""
    rows = [f"{m.title} {percent(m.accuracy)}, interval {interval(m.accuracy_ci)}" for m in protocol.rows]
    return (
        f"Accuracy under {sentences.protocol_label(protocol.name)}: {'; '.join(rows)}. "
        f"Majority class {percent(protocol.majority.accuracy)}."
    )


def confusion(model: ModelFacts) -> str:
    """Where the mistakes of one model lie."""
    pair = facts.most_confused(model)
    head = f"{count(model.correct)} of {plural(model.n, 'photo')} lie on the diagonal"
    if pair is None:
        return f"{head}: no mistake."
    return (
        f"{head}; most mistakes lie between {quoted(pair.a)} and {quoted(pair.b)} "
        f"({count(pair.there)} and {count(pair.back)}). Shades and percentages are shares of each row."
    )


def confusion_label(model: ModelFacts) -> str:
    """A confusion matrix as text."""
    rows = [
        f"actual {name}: " + ", ".join(f"{count(n)} {other}" for other, n in zip(model.classes, row, strict=True))
        for name, row in zip(model.classes, model.confusion, strict=True)
    ]
    return f"Confusion matrix of {model.title}, predictions by actual class. {'; '.join(rows)}."


def curves(epochs: Epochs) -> str:
    """What the learning curves show, as one caption."""
    return " ".join(text[0].upper() + text[1:] for text in sentences.curve_sentences(epochs))


def curves_label(quantity: str, epochs: Epochs) -> str:
    """The ends of one pair of curves as text."""
    pairs = {"loss": (epochs.loss, epochs.val_loss), "accuracy": (epochs.accuracy, epochs.val_accuracy)}
    train, valid = pairs[quantity]
    ends = [
        f"{name} from {number(v[0])} to {number(v[-1])}" for name, v in (("train", train), ("validation", valid)) if v
    ]
    return f"{quantity.capitalize()} over {plural(len(train), 'epoch')}: {', '.join(ends)}."
