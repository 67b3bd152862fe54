"""Writes `study-replicated.md` beside it from the results of one or two runs of `petmood study`.

    python docs/study-replicated.py RUN [SMALLER] --backbone onnx:mobilenet.json

RUN trained at the study's size and is judged; SMALLER, at another size, is shown beside it. Searches of `petmood tune`
are added with `--tune RUN`. The options `--backbone` are those that the runs were given: results.json keeps names of
backbones, not where their files were.
"""

from __future__ import annotations

import argparse
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from petmood.evaluation.statistics.intervals import mean_interval
from petmood.report import study_text
from petmood.report.wording import interval, listing, number, percent, plural
from petmood.results import ModelFacts, Results, StudyFacts, StudyRow, TrainingFacts
from petmood.results.tune import TuneFacts

PAGE = Path(__file__).resolve().with_suffix(".md")
NETWORKS = {"cnn1": "CNN 1", "cnn2": "CNN 2"}
FED = {"study": "in [0, 1], the study's way", "correct": "as the weights were trained"}


def load(run: Path) -> Results:
    """The results of a run folder."""
    return Results.model_validate_json((run / "results.json").read_text(encoding="utf-8"))


def study_of(results: Results) -> StudyFacts:
    """What a run found about the study."""
    if results.study is None:
        raise SystemExit("these are not the results of petmood study")
    return results.study


def page(runs: Sequence[Results], backbones: Sequence[str], searches: Sequence[TuneFacts] = ()) -> str:
    """The page as Markdown."""
    parts = [
        *_head(runs, backbones, searches),
        "## What came out\n",
        *_bullets(_conclusions(runs)),
        *_data(runs[0]),
        *_clusters(runs[0]),
        *_tuning(runs[0]),
        *_networks(runs),
        *_searches(searches),
        *_side_by_side(runs),
    ]
    text = "\n".join(parts).rstrip() + "\n"
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "")


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False) + "\n"


def _bullets(sentences: Iterable[str]) -> Iterator[str]:
    for text in sentences:
        yield textwrap.fill(f"- {text}", 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    yield ""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(str(cell) for cell in row)} |"
    yield ""


def _rounded(value: float | None, digits: int) -> str:
    return "none" if value is None else f"{value:.{digits}f}"


def _seeds(study: StudyFacts) -> str:
    counts = Counter(t.network for t in study.trainings)
    return listing([f"{plural(counts[name], 'seed')} of {title}" for name, title in NETWORKS.items()])


def _command(results: Results, backbones: Sequence[str]) -> str:
    study = study_of(results)
    counts = Counter(t.network for t in study.trainings)
    options = [f"--size {study.size}", f"--epochs {study.epochs}", f"--seeds {counts['cnn1']}"]
    options += [f"--seeds-cnn2 {counts['cnn2']}", *(f"--backbone {name}" for name in backbones)]
    return f"$ petmood study {results.dataset.name} --out run-{study.size} {' '.join(options)}"


def _head(runs: Sequence[Results], backbones: Sequence[str], searches: Sequence[TuneFacts]) -> Iterator[str]:
    yield "# The study, replicated\n"
    yield _paragraph(
        "The reference study clustered features of two pretrained networks and trained two of its own on pictures of "
        "pets' faces. This page repeats it with petmood on the same data, and sets each figure that it printed beside "
        "ours. The [tutorial notebook](tutorials/study.md) tells the same story on drawn faces."
    )
    yield "```console"
    yield from (_command(results, backbones) for results in runs)
    for facts in searches:
        size = f" --size {facts.size} --epochs {facts.epochs}" if facts.size else ""
        yield (
            f"$ petmood tune {runs[0].dataset.name} --out tune-{facts.model} --model {facts.model} "
            f"--objective {facts.objective}{size} --trials {len(facts.trials)}"
        )
    folders = [f"run-{study_of(results).size}" for results in runs]
    given = [f"--backbone {name}" for name in backbones] + [f"--tune tune-{facts.model}" for facts in searches]
    yield f"$ python docs/study-replicated.py {' '.join([*folders, *given])}"
    yield "```\n"
    yield _paragraph(
        "The last command wrote this page: every figure and every sentence below follows from the JSON files of "
        "those runs, and nothing was typed in but the study's own values. How a backbone is named: "
        "[backbones](reference/cli.md#backbones)."
    )
    yield "## What to know before reading\n"
    yield from _bullets(_caveats(runs))


def _caveats(runs: Sequence[Results]) -> Iterator[str]:
    main = study_of(runs[0])
    text = f"At {main.size} pixels, {_seeds(main)} were trained"
    if len(runs) > 1:
        text += f"; at {study_of(runs[1]).size} pixels, {_seeds(study_of(runs[1]))}"
    yield f"{text}. More seeds go on from what the cache holds."
    if any(row.why == "not run here" and "ResNet50" in row.section for row in main.comparison):
        yield (
            "ResNet50 was not run: its ImageNet weights were not at hand. With a network, `--backbone mobilenet "
            "--backbone resnet50` fetches them. Its code is tested on the same layers with random weights."
        )
    yield (
        "The study's weights of MobileNet are Keras', ours those of the network's authors; the architecture and the "
        "training data are the same."
    )
    test = runs[0].dataset.splits["test"]
    sizes = [c.photos for c in test.by_class.values()]
    yield (
        f"Test has {plural(test.photos, 'photo')}. Whatever is said of a class there rests on {min(sizes)} to "
        f"{max(sizes)} of them."
    )


def _conclusions(runs: Sequence[Results]) -> Iterator[str]:
    main = study_of(runs[0])
    sizes = [r for r in main.comparison if "cluster " in r.figure and "images of" in r.figure and r.mean is not None]
    if sizes:
        inside = [r for r in sizes if r.verdict == "compatible"]
        text = (
            f"**Clusters.** Of {len(sizes)} sizes of clusters that the study printed for networks run here, "
            f"{len(inside)} lie inside our range over seeds of k-means, fed as the study fed it"
        )
        missed = [f"{study_text.theirs(r)} ({r.figure}) against {_range(r)}" for r in sizes if r not in inside]
        yield f"{text}; outside: {listing(missed)}." if missed else f"{text}."
    for text in study_text.slip_sentences(runs[0]):
        yield f"**The slip in preprocessing.** {text}"
    picks = set(main.tuning.best_k.values())
    if picks and len(runs[0].dataset.classes) not in picks:
        yield (
            f"**Tuning without labels.** No criterion finds the {len(runs[0].dataset.classes)} moods: the best k is "
            f"{listing([str(k) for k in sorted(picks)])}."
        )
    for results in runs:
        for name, title in NETWORKS.items():
            yield from _network_conclusion(results, name, title)


def _range(row: StudyRow) -> str:
    low, high = row.low or 0.0, row.high or 0.0
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def _network_conclusion(results: Results, name: str, title: str) -> Iterator[str]:
    study = study_of(results)
    runs = [t for t in study.trainings if t.network == name]
    if not runs:
        return
    models = [m for m in results.models if m.name == name]
    constant = results.baselines[0].accuracy
    # unseen means that the interval of a seed's accuracy holds what one constant answer reaches
    unseen = sum(m.accuracy_ci[0] <= constant <= m.accuracy_ci[1] for m in models)
    rows = [r for r in study.comparison if r.section.endswith(title) and r.mean is not None]
    judged = Counter(r.verdict for r in rows if r.unit != "value" or "parameters" not in r.figure)
    shares = [t.test_correct / t.n_test for t in runs]
    train = [t.train_accuracy for t in runs]
    kept = sorted({t.kept_epoch for t in runs})
    yield (
        f"**{title} at {study.size} pixels**, {plural(len(runs), 'seed')}: {_between(train)} of the training images "
        f"right at the end and {_between(shares)} of {plural(runs[0].n_test, 'photo')} of test; the weights kept are "
        f"those of epoch {listing([str(k) for k in kept])}. In {unseen} of {len(models)} the interval on test holds "
        f"the {percent(constant)} of one constant answer. Against the study: {judged['equal']} figures equal, "
        f"{judged['compatible']} compatible, {judged['different']} different, {judged['not compared']} not compared."
    )


def _between(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return percent(low) if low == high else f"{percent(low)} to {percent(high)}"


def _data(results: Results) -> Iterator[str]:
    yield "## The data\n"
    yield from _bullets(study_text.eda_conclusions(results, study_of(results)))


def _clusters(results: Results) -> Iterator[str]:
    titles = listing(list(dict.fromkeys(b.title for b in study_of(results).backbones)))
    yield f"## K-means on {titles}\n"
    yield from _table(
        ("backbone", "pixels fed", "split", "n", "sizes", "purity", "NMI with mood", "ARI", "silhouette"),
        (
            (
                c.backbone,
                FED[c.preprocess],
                split,
                f.n,
                ", ".join(map(str, f.sizes)),
                *(_rounded(value, 3) for value in (f.purity, f.nmi, f.ari, f.silhouette)),
            )
            for c in results.clusters
            for split, f in c.splits.items()
        ),
    )
    for clusters in results.clusters:
        said = " ".join(study_text.cluster_sentences(clusters, "test"))
        yield _paragraph(f"{clusters.name[0].upper()}{clusters.name[1:]}, on test: {said}")


def _tuning(results: Results) -> Iterator[str]:
    study = study_of(results)
    yield "## Tuning without labels\n"
    for text in study_text.tuning_sentences(study):
        yield _paragraph(text)
    yield from _table(
        ("k", "silhouette", "Calinski-Harabasz", "stability (ARI)", "NMI with mood", "NMI with species"),
        (
            (
                row.k,
                _rounded(row.silhouette, 3),
                _rounded(row.calinski_harabasz, 1),
                *(_rounded(value, 2) for value in (row.stability, row.nmi, row.species_nmi)),
            )
            for row in study.tuning.rows
            if row.method == "k-means" and row.reduction == "none"
        ),
    )


def _networks(runs: Sequence[Results]) -> Iterator[str]:
    yield "## Networks\n"
    yield from _table(
        ("network", "pixels", "seed", "epochs", "kept", "training accuracy, last", "valid", "test (95 % interval)"),
        (_training(t, m) for results in runs for t, m in _trained(results)),
    )
    for results in runs:
        first = [m for t, m in _trained(results) if t.seed == results.environment.seed]
        if first:
            yield f"At {study_of(results).size} pixels, from the numbers:\n"
            yield from _bullets(text for model in first for text in study_text.model_sentences(model))
    yield "## As classifiers, on test\n"
    yield from _table(
        ("model", "right", "accuracy (95 % interval)", "macro-F1"),
        (
            (m.title, f"{m.correct} of {m.n}", f"{percent(m.accuracy)} ({interval(m.accuracy_ci)})", number(m.macro_f1))
            for m in (*runs[0].models, *runs[0].baselines)
        ),
    )


def _trained(results: Results) -> Iterator[tuple[TrainingFacts, ModelFacts]]:
    for training in study_of(results).trainings:
        for model in results.models:
            if model.name == training.network and model.settings.get("seed") == training.seed:
                yield training, model


def _training(t: TrainingFacts, model: ModelFacts) -> tuple[object, ...]:
    return (
        NETWORKS[t.network],
        t.size,
        t.seed,
        f"{t.epochs_run} (stopped)" if t.stopped_early else t.epochs_run,
        t.kept_epoch,
        percent(t.train_accuracy),
        f"{t.valid_correct} of {t.n_valid}",
        f"{t.test_correct} of {t.n_test} ({interval(model.accuracy_ci)})",
    )


def _held_out(facts: TuneFacts) -> str:
    right = round((facts.trials[facts.best].accuracy or 0.0) * facts.n_held_out)
    return f"{right} of {facts.n_held_out} ({interval(mean_interval(np.arange(facts.n_held_out) < right))})"


def _searches(searches: Sequence[TuneFacts]) -> Iterator[str]:
    if not searches:
        return
    yield "## Hyperparameters\n"
    yield _paragraph(
        "The study chose its settings by hand. Here Optuna searches over the same choices, judged by log loss on "
        "held-out photos of train and valid; the best is refitted and judged once on test."
    )
    yield from _table(
        (
            "model",
            "judged by",
            "trials",
            "ended early",
            "loss, best",
            "accuracy, best (95 % interval)",
            "on test (95 % interval)",
        ),
        (
            (
                facts.model,
                f"{facts.objective}, {plural(facts.n_held_out, 'photo')}",
                len(facts.trials),
                sum(trial.loss is None for trial in facts.trials),
                _rounded(facts.trials[facts.best].loss, 3),
                _held_out(facts),
                f"{facts.winner.correct} of {facts.winner.n} ({interval(facts.winner.accuracy_ci)})",
            )
            for facts in searches
        ),
    )
    for facts in searches:
        choices = [f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in facts.winner.settings.items()]
        weights = [f"{name} {share:.2f}" for name, share in list(facts.importance.items())[:3]]
        yield _paragraph(f"Best {facts.model}: {listing(choices)}. What mattered most (fANOVA): {listing(weights)}.")


def _side_by_side(runs: Sequence[Results]) -> Iterator[str]:
    main = study_of(runs[0])
    yield "## Side by side\n"
    yield _paragraph(study_text.verdicts(main))
    yield from _table(
        ("section", "figure", "study", "ours: mean (range over seeds); 95 % interval of shares", "verdict"),
        (
            (
                r.section,
                r.figure,
                study_text.theirs(r),
                study_text.ours(r),
                r.verdict + (f" ({r.why})" if r.why else ""),
            )
            for r in main.comparison
        ),
    )
    for results in runs[1:]:
        other = study_of(results)
        yield _paragraph(
            f"The figures that depend on training, at {other.size} pixels with {_seeds(other)}; the study trained at "
            f"{main.size}, so that these are shown beside it and not judged:"
        )
        yield from _table(
            ("section", "figure", "study", "ours"),
            (
                (r.section, r.figure, study_text.theirs(r), study_text.ours(r))
                for r in other.comparison
                if "CNN" in r.section and r.verdict == "not compared" and r.mean is not None
            ),
        )


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folders of petmood study")
    parser.add_argument("--backbone", action="append", default=[], help="as the runs were given")
    parser.add_argument("--out", type=Path, default=PAGE, help="where the page goes")
    parser.add_argument("--tune", type=Path, action="append", default=[], help="run folder of petmood tune")
    options = parser.parse_args()
    searches = [TuneFacts.model_validate_json((run / "tune.json").read_text(encoding="utf-8")) for run in options.tune]
    options.out.write_text(page([load(run) for run in options.runs], options.backbone, searches), encoding="utf-8")


if __name__ == "__main__":
    main()
