"""Results in, headline facts and findings in plain sentences out; every word follows from the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from petmood.report import facts, sentences
from petmood.report.credibility import above_sentence, headline_above_species, marks, take_home
from petmood.report.facts import ProtocolView
from petmood.report.sentences import are, nmi_words
from petmood.report.wording import THIN, count, interval, number, percent, plural, points, quoted
from petmood.results import ClusterFacts, ModelFacts, Results


@dataclass(frozen=True, slots=True)
class Headline:
    """One of the few figures at the top of the page."""

    value: str
    label: str
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A topic in a word or two, and the sentences that say what was found about it."""

    topic: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gauge:
    """The best model's accuracy and interval beside the majority class, all in [0, 1]."""

    accuracy: float
    lower: float
    upper: float
    majority: float
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """All that stands above the fold."""

    title: str
    lead: str
    gauge: Gauge | None
    headlines: tuple[Headline, ...]
    findings: tuple[Finding, ...]


def summarize(results: Results) -> Summary:
    """What a reader should know after one minute."""
    protocols = facts.protocols(results)
    return Summary(
        title=title(protocols),
        lead=lead(protocols),
        gauge=_gauge(protocols),
        headlines=tuple(headlines(results, protocols)),
        findings=tuple(_findings(results, protocols)),
    )


def _findings(results: Results, protocols: tuple[ProtocolView, ...]) -> Iterator[Finding]:
    topics: dict[str, list[str | None]] = {
        "The data": [
            sentences.data_sentence(results.dataset, leaks=bool(marks(results))),
            sentences.balance_sentence(results.dataset),
        ],
        "Accuracy": [sentences.accuracy_sentence(protocol) for protocol in protocols],
        "Comparison": [text for protocol in protocols for text in _comparisons(results, protocol)],
        "Moods": [text for protocol in protocols[:1] for text in sentences.class_sentences(protocol.best)],
        "Clusters": [text for clusters in results.clusters[:1] for text in _cluster_texts(clusters, results)],
        "Training": [
            f"{m.title}: {text}" for m in _with_curves(results) for text in sentences.curve_sentences(m.epochs)
        ],
    }
    for topic, texts in topics.items():
        said = tuple(text for text in texts if text)
        if said:
            yield Finding(topic, said)


def _comparisons(results: Results, protocol: ProtocolView) -> Iterator[str]:
    """Paired tests where there are some, else what intervals alone can say."""
    boards = results.comparison.leaderboards if results.comparison else ()
    board = next((b for b in boards if b.protocol == protocol.name), None)
    if board is None:
        yield from sentences.comparison_sentences(protocol)
        return
    label = sentences.protocol_label(board.protocol)
    yield f"{label[:1].upper()}{label[1:]}: {take_home(board)}"
    above = headline_above_species(results)
    if above is not None and above.protocol == protocol.name:
        yield f"{above.title}: {above_sentence(above)}"


def _cluster_texts(clusters: ClusterFacts, results: Results) -> list[str | None]:
    split = facts.main_split(clusters)
    return [sentences.nmi_sentence(clusters, split, results.dataset), sentences.purest_sentence(clusters, split)]


def title(protocols: tuple[ProtocolView, ...]) -> str:
    """The answer in one line: whether the best model beats one constant answer, and where its interval lies."""
    if not protocols:
        return "The data, before any model"
    protocol = protocols[0]
    lower, upper = protocol.best.accuracy_ci
    match protocol.verdict(protocol.best):
        case "below":
            return "Worse than always giving the same answer"
        case "unclear":
            return "Not shown to beat always giving the same answer"
        case "above" if lower >= 0.9:
            return "Right almost every time"
        case "above" if lower >= 0.7:
            return "Right most of the time"
        case "above" if lower > 0.5:
            return "Right more often than wrong"
        case "above" if upper >= 0.5:
            return "Better than guessing, and wrong about as often as right"
        case _:
            return "Better than guessing, but wrong more often than right"


def lead(protocols: tuple[ProtocolView, ...]) -> str:
    """Two sentences under the title: the best figure with its interval, and what it must beat."""
    if not protocols:
        return "No model was evaluated, so this page describes the data only, not how well moods can be read from it."
    protocol = protocols[0]
    best, among = protocol.best, len(protocol.models)
    who = f"the best of {among} models, {best.title}," if among > 1 else best.title
    return (
        f"Shown {plural(best.n, 'photo')} that it had not learned from, {who} named the right mood "
        f"in {percent(best.accuracy)} (95{THIN}% interval {interval(best.accuracy_ci)}). "
        f"{_constant_answer(protocol)} is right in {percent(protocol.majority.accuracy)}."
    )


def _constant_answer(protocol: ProtocolView) -> str:
    name = protocol.majority.class_name
    return f"Always answering {quoted(name)}" if name else "Always answering the commonest mood of the training photos"


def _gauge(protocols: tuple[ProtocolView, ...]) -> Gauge | None:
    if not protocols:
        return None
    best, majority = protocols[0].best, protocols[0].majority.accuracy
    lower, upper = best.accuracy_ci
    text = (
        f"Accuracy {percent(best.accuracy)}, 95{THIN}% interval {interval(best.accuracy_ci)}, "
        f"n = {count(best.n)}; majority class {percent(majority)}."
    )
    return Gauge(best.accuracy, lower, upper, majority, text)


def headlines(results: Results, protocols: tuple[ProtocolView, ...]) -> Iterator[Headline]:
    """The three or four figures of the page's head."""
    data = results.dataset
    copies = f"{plural(data.derived, 'file')} {are(data.derived)} edited copies" if data.derived else "no copies found"
    yield Headline(count(data.photos), "distinct photos", f"in {plural(data.images, 'file')}; {copies}")
    if protocols:
        protocol = protocols[0]
        best, majority = protocol.best, protocol.majority
        yield Headline(
            percent(best.accuracy),
            "best accuracy",
            f"{interval(best.accuracy_ci)}, n = {count(best.n)}; {best.title}",
        )
        answer = f"always answering {quoted(majority.class_name)}" if majority.class_name else "one constant answer"
        yield Headline(percent(majority.accuracy), "majority class", f"{answer}, n = {count(majority.n)}")
    above = headline_above_species(results)
    if above is not None:
        low, high = map(points, above.difference_ci)
        yield Headline(
            points(above.difference),
            "points above species",
            f"{low} to {high}, n = {count(above.n)}; knowing the animal alone: {percent(above.species_accuracy)}",
        )
    for clusters in results.clusters[:1]:
        split = facts.main_split(clusters)
        found = clusters.splits[split]
        yield Headline(
            number(found.nmi),
            "cluster NMI",
            f"from 0 to 1: clusters say {nmi_words(found.nmi)} about mood, n = {count(found.n)}",
        )


def _with_curves(results: Results) -> Iterator[ModelFacts]:
    """Models that have learning curves, one entry for each name, since curves do not depend on the protocol's test."""
    seen: set[str] = set()
    for model in results.models:
        if model.epochs is not None and model.name not in seen:
            seen.add(model.name)
            yield model
