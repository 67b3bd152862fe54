"""Our results and the study's printed figures -> a row a figure: its value, ours over seeds, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Literal

from petmood.evaluation.statistics import wilson_interval
from petmood.records import Manifest
from petmood.results import KmeansSeeds, ModelFacts, NetworkFacts, StudyBackbone, StudyRow, TrainingFacts
from petmood.study import published
from petmood.study.networks import NAMES

Unit = Literal["count", "share", "value"]


def is_same_data(manifest: Manifest) -> bool:
    """True if every split has as many images of every class as the study's."""
    found = {
        split: {
            name: int((manifest.class_index[manifest.in_split(split)] == i).sum())
            for i, name in enumerate(manifest.classes)
        }
        for split in manifest.split_names()
    }
    return found == published.COUNTS


class StudyComparison:
    """Makes rows; knows whether the data is the study's own, without which no figure that depends on it compares."""

    def __init__(self, same_data: bool, faithful: bool) -> None:
        self.same_data = same_data
        self.faithful = faithful

    def row(
        self,
        section: str,
        figure: str,
        study: float,
        ours: Sequence[float],
        *,
        unit: Unit = "count",
        n: int | None = None,
        exact: bool = False,
        trained: bool = False,
    ) -> StudyRow:
        """One figure.

        Args:
            section: of the study.
            figure: what it is.
            study: its value.
            ours: our values, one a seed; none where we have none.
            unit: what kind of number it is.
            n: images that a share is of: it gets an interval.
            exact: no chance is involved: only the same value will do.
            trained: the figure depends on how long and at which size networks were trained.
        """
        mean = fmean(ours) if ours else None
        bounds = wilson_interval(round(mean * n), n) if mean is not None and n else None
        low, high = (min(ours), max(ours)) if ours else (None, None)
        verdict: Literal["equal", "compatible", "different", "not compared"] = "not compared"
        why = ""
        if mean is None or low is None or high is None:
            why = "not run here"
        elif not self.same_data and not exact:
            why = "other data"
        elif trained and not self.faithful:
            why = "other epochs or image size than the study's"
        elif exact:
            verdict = "equal" if set(ours) == {study} else "different"
        else:
            inside = bounds or (low, high)
            verdict = "compatible" if inside[0] - 5e-5 <= study <= inside[1] + 5e-5 else "different"
        return StudyRow(
            section=section,
            figure=figure,
            study=study,
            ours=tuple(ours),
            mean=mean,
            low=low,
            high=high,
            interval=bounds,
            n=n,
            unit=unit,
            verdict=verdict,
            why=why,
        )


def compare(
    manifest: Manifest,
    backbones: Sequence[StudyBackbone],
    kmeans: Sequence[KmeansSeeds],
    networks: Sequence[NetworkFacts],
    trainings: Sequence[TrainingFacts],
    models: Sequence[ModelFacts],
    comparison: StudyComparison,
) -> tuple[StudyRow, ...]:
    """Every figure that the study printed, in its order; `kmeans` are the runs fed as the study fed them."""
    rows = list(_data(manifest, comparison))
    for name in ("mobilenet", "resnet50"):
        rows += _clusters(name, backbones, kmeans, comparison)
    for network in networks:
        rows += _network(network, trainings, models, comparison)
    return tuple(rows)


def _data(manifest: Manifest, comparison: StudyComparison) -> Iterator[StudyRow]:
    for split, counts in published.COUNTS.items():
        rows = manifest.in_split(split)
        for name, count in counts.items():
            index = manifest.classes.index(name) if name in manifest.classes else -1
            ours = [float((manifest.class_index[rows] == index).sum())]
            yield comparison.row("1.3 Data", f"images of {name} in {split}", count, ours, exact=comparison.same_data)
    sizes = {(r.width, r.height) for r in manifest.records if r.split == "test"}
    ours = [float(w) for w, h in sorted(sizes) if w == h]
    yield comparison.row(
        "1.3 Data", "side of the images of test, pixels", published.TARGET_SIZE, ours, exact=comparison.same_data
    )


def _clusters(
    name: str, backbones: Sequence[StudyBackbone], kmeans: Sequence[KmeansSeeds], comparison: StudyComparison
) -> Iterator[StudyRow]:
    at = next((i for i, b in enumerate(backbones) if b.name.lower().replace("-", "").startswith(name)), None)
    found = kmeans[at] if at is not None and at < len(kmeans) else None
    title = {"mobilenet": "MobileNet", "resnet50": "ResNet50"}[name]
    section = f"1.5.1 K-means on {title}"
    features = []
    if at is not None:
        shape = backbones[at].shapes["train"][1:]
        product = 1
        for side in shape:
            product *= side
        features = [float(product)]
    yield comparison.row(section, "features of an image, flattened", published.FEATURES[name], features, exact=True)
    for split, sizes in published.CLUSTER_SIZES[name].items():
        for place, size in enumerate(sizes):
            ours = [float(seed[place]) for seed in found.sizes.get(split, ()) if place < len(seed)] if found else []
            yield comparison.row(section, f"images of {split} in cluster {place + 1} by size", size, ours)
    for split, share in published.TOP_SHARE[name].items():
        values = list(found.top_share.get(split, ())) if found else []
        yield comparison.row(
            section, f"commonest mood's share in the purest cluster, {split}", share, values, unit="share"
        )


def _network(
    network: NetworkFacts, trainings: Sequence[TrainingFacts], models: Sequence[ModelFacts], comparison: StudyComparison
) -> Iterator[StudyRow]:
    name, title = network.name, NAMES[network.name]
    section = f"1.5.2 {title}"
    total, trainable = published.PARAMETERS[name]
    yield comparison.row(section, "parameters", total, [network.params], exact=True)
    yield comparison.row(section, "trainable parameters", trainable, [network.trainable_params], exact=True)
    runs = [t for t in trainings if t.network == name]
    mine = [m for m in models if m.name == name]

    def trained(
        figure: str, study: float, ours: Sequence[float], unit: Unit = "value", n: int | None = None
    ) -> StudyRow:
        return comparison.row(section, figure, study, ours, unit=unit, n=n, trained=True)

    yield trained("epochs run", published.EPOCHS_RUN[name], [float(t.epochs_run) for t in runs], "count")
    yield trained(
        "epoch whose weights are kept", published.KEPT_EPOCH[name], [float(t.kept_epoch) for t in runs], "count"
    )
    accuracies = [t.train_accuracy for t in runs]
    yield trained("training accuracy, last epoch", published.LAST_TRAIN_ACCURACY[name], accuracies, "share")
    losses = [m.epochs.val_loss[-1] for m in mine if m.epochs and m.epochs.val_loss]
    yield trained("validation loss, last epoch", published.LAST_VALID_LOSS[name], losses)
    for split, n, correct in (("valid", 36, published.VALID_CORRECT[name]), ("test", 38, published.TEST_CORRECT[name])):
        right = [(t.valid_correct, t.n_valid) if split == "valid" else (t.test_correct, t.n_test) for t in runs]
        shares, size = [k / of for k, of in right if of], right[0][1] if right else 0
        yield trained(f"accuracy on {split}, kept weights", correct / n, shares, "share", size)
    if name == "cnn1":
        for i, label in enumerate(published.ORDER):
            row = published.CONFUSION_CNN1[i]
            scores = [m.per_class[label] for m in mine if label in m.per_class]
            size = scores[0].support if scores else 0
            yield trained(f"recall of {label} on test", row[i] / sum(row), [s.recall for s in scores], "share", size)
