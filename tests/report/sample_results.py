"""Realistic results for the report's tests: counts of the pets data set, and whatever a test wants changed."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from petmood.evaluation.statistics import wilson_interval
from petmood.results import (
    ClassCount,
    ClassScore,
    ClusterFacts,
    ClusterSplit,
    DatasetFacts,
    Environment,
    Epochs,
    ModelFacts,
    PrepareFacts,
    Results,
    Sample,
    SizeCount,
    Skipped,
    SplitFacts,
    Warn,
)

MOODS = ("happy", "Sad", "Angry", "Other")
IMAGES = {"train": (250, 250, 250, 250), "valid": (11, 10, 9, 6), "test": (11, 11, 10, 6)}
PHOTOS = {"train": (90, 84, 75, 47), "valid": (11, 10, 9, 6), "test": (11, 11, 10, 6)}
GROUPED, OFFICIAL = "grouped-5-fold", "official-test"
LOGISTIC = ((70, 21, 13, 8), (27, 49, 17, 12), (17, 18, 43, 16), (15, 18, 17, 9))
SPECIES = ((78, 14, 14, 6), (38, 34, 22, 11), (19, 17, 41, 17), (20, 15, 17, 7))
THUMBNAILS = ((35, 31, 26, 20), (30, 28, 27, 20), (27, 26, 22, 19), (16, 17, 15, 11))
MAJORITY = ((112, 0, 0, 0), (105, 0, 0, 0), (94, 0, 0, 0), (59, 0, 0, 0))
LOGISTIC_TEST = ((8, 2, 1, 0), (3, 5, 2, 1), (1, 2, 5, 2), (1, 2, 1, 2))
CNN_TEST = ((5, 3, 2, 1), (3, 4, 3, 1), (2, 3, 4, 1), (1, 2, 2, 1))
MAJORITY_TEST = ((11, 0, 0, 0), (11, 0, 0, 0), (10, 0, 0, 0), (6, 0, 0, 0))


def model(
    name: str,
    title: str,
    confusion: Sequence[Sequence[int]],
    *,
    protocol: str = GROUPED,
    classes: Sequence[str] = MOODS,
    epochs: Epochs | None = None,
    n_train: int = 296,
) -> ModelFacts:
    """A model whose every figure follows from its confusion matrix."""
    k, n = len(classes), sum(map(sum, confusion))
    correct = sum(confusion[i][i] for i in range(k))
    scores = {}
    for i, class_name in enumerate(classes):
        support, answers, hits = sum(confusion[i]), sum(row[i] for row in confusion), confusion[i][i]
        recall, precision = hits / max(support, 1), hits / max(answers, 1)
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        interval = wilson_interval(hits, support) if support else None
        scores[class_name] = ClassScore(precision=precision, recall=recall, f1=f1, support=support, recall_ci=interval)
    return ModelFacts(
        name=name,
        title=title,
        protocol=protocol,
        n=n,
        n_train=n_train,
        correct=correct,
        accuracy=correct / n,
        accuracy_ci=wilson_interval(correct, n),
        ci_method="Wilson score",
        macro_f1=sum(s.f1 for s in scores.values()) / k,
        balanced_accuracy=sum(s.recall for s in scores.values()) / k,
        classes=tuple(classes),
        confusion=tuple(tuple(row) for row in confusion),
        per_class=scores,
        settings={"C": 0.1, "balanced": True} if epochs is None else {"epochs": len(epochs.loss), "size": 64},
        epochs=epochs,
    )


def cluster_split(
    composition: Sequence[Sequence[int]], classes: Sequence[str] = MOODS, nmi: float = 0.09
) -> ClusterSplit:
    sizes = tuple(map(sum, composition))
    n = sum(sizes)
    return ClusterSplit(
        n=n,
        sizes=sizes,
        composition=tuple(dict(zip(classes, row, strict=True)) for row in composition),
        purity=sum(map(max, composition)) / n,
        nmi=nmi,
        ari=nmi * 0.8,
        silhouette=0.07 if sum(size > 0 for size in sizes) > 1 else None,
    )


def dataset(classes: Sequence[str] = MOODS) -> DatasetFacts:
    """1,074 files that are 370 photos; the numbers repeat where there are more than four classes."""
    k = len(classes)
    splits, sizes = {}, []
    for split, counts in IMAGES.items():
        images = [counts[i % 4] for i in range(k)]
        photos = [PHOTOS[split][i % 4] for i in range(k)]
        by_class = {name: ClassCount(images=a, photos=b) for name, a, b in zip(classes, images, photos, strict=True)}
        splits[split] = SplitFacts(images=sum(images), photos=sum(photos), by_class=by_class)
        for name, n in zip(classes, images, strict=True):
            small = n * 367 // 1000 if split == "train" else 0
            sizes.append(SizeCount(split=split, class_name=name, width=224, height=224, count=n - small))
            if small:
                sizes.append(SizeCount(split=split, class_name=name, width=179, height=179, count=small))
    images = sum(s.images for s in splits.values())
    photos = sum(s.photos for s in splits.values())
    rejected = (
        Skipped(path="train/Sad/broken.jpg", reason="cannot be decoded: the file ends too early"),
        Skipped(path="train/happy/empty.jpg", reason="the file is empty"),
    )
    ignored = (Skipped(path="train/.DS_Store", reason="hidden file"), Skipped(path="notes.txt", reason="not an image"))
    samples = tuple(
        Sample(path=f"train/{classes[i % k]}/aug-{i}-{100 + i}.jpg", class_name=classes[i % k], split="train")
        for i in range(15)
    )
    return DatasetFacts(
        name="pets-facial-expression",
        layout="split/class",
        found=images + len(rejected) + len(ignored),
        images=images,
        photos=photos,
        derived=images - photos,
        classes=tuple(classes),
        splits=splits,
        official_splits=True,
        family_source="names",
        largest_family=5,
        rejected=rejected,
        ignored=ignored,
        sizes=tuple(sizes),
        samples=samples,
        prepare=PrepareFacts(
            size=224,
            resample="lanczos",
            colour="RGB",
            value_range=(0.0, 1.0),
            resized=367,
            converted_to_rgb=3,
            reoriented=0,
        ),
        warnings=(Warn(code="small-test", values={"least": 30, "photos": {"Sad": 9}}),),
    )


def clusters() -> ClusterFacts:
    return ClusterFacts(
        name="k-means",
        backbone="efficientnet-lite0",
        method="k-means",
        k=4,
        n_init=10,
        seed=0,
        fitted_on="train",
        splits={
            "train": cluster_split(((151, 60, 22, 48), (28, 66, 112, 74), (52, 88, 51, 60), (19, 36, 65, 68))),
            "valid": cluster_split(((6, 2, 1, 1), (2, 3, 4, 2), (2, 4, 2, 1), (1, 1, 2, 2)), nmi=0.12),
            "test": cluster_split(((7, 2, 1, 1), (1, 4, 5, 2), (2, 4, 2, 2), (1, 1, 2, 1)), nmi=0.14),
        },
    )


CURVES = Epochs(
    loss=(1.42, 1.36, 1.28, 1.12, 0.93, 0.70, 0.49, 0.31, 0.18, 0.11),
    accuracy=(0.27, 0.34, 0.41, 0.52, 0.63, 0.74, 0.83, 0.91, 0.96, 0.98),
    val_loss=(1.38, 1.37, 1.35, 1.36, 1.44, 1.58, 1.81, 2.05, 2.36, 2.61),
    val_accuracy=(0.31, 0.28, 0.33, 0.36, 0.33, 0.36, 0.31, 0.33, 0.36, 0.36),
    n_val=36,
    n_train=296,
)


def environment() -> Environment:
    return Environment(
        petmood="0.1.0",
        python="3.11.7",
        platform="Linux-6.1-x86_64",
        packages={"numpy": "2.4.0", "onnxruntime": "1.24.1", "pillow": "12.1.0", "scikit-learn": "1.8.0"},
        cores=2,
        seed=0,
        preset="quick",
        seconds={"ingest": 1.9, "features": 14.2, "clusters": 1.4, "models": 71.8, "evaluate": 3.3},
        cache={"hits": 0, "misses": 1074},
    )


def results() -> Results:
    """The whole object, as a run on the pets data set would make it."""
    logistic = "Logistic regression on EfficientNet-Lite0"
    return Results(
        dataset=dataset(),
        clusters=(clusters(),),
        models=(
            model("logistic", logistic, LOGISTIC),
            model("logistic", logistic, LOGISTIC_TEST, protocol=OFFICIAL),
            model("cnn", "Baseline CNN of the study", CNN_TEST, protocol=OFFICIAL, epochs=CURVES),
        ),
        baselines=(
            model("majority", "Majority class", MAJORITY),
            model("species", "Species only", SPECIES),
            model("thumbnail-1nn", "Nearest neighbour on 16×16 thumbnails", THUMBNAILS),
            model("majority", "Majority class", MAJORITY_TEST, protocol=OFFICIAL),
        ),
        environment=environment(),
    )


def with_classes(classes: Sequence[str]) -> Results:
    """Results for other class names, as many as are given."""
    k = len(classes)
    confusion = [[12 if i == j else (i + j) % 4 for j in range(k)] for i in range(k)]
    answers = [[sum(row)] + [0] * (k - 1) for row in confusion]
    composition = [[3 + (i * j) % 5 for j in range(k)] for i in range(k)]
    split = cluster_split(composition, classes)
    return results().model_copy(
        update={
            "dataset": dataset(classes),
            "clusters": (clusters().model_copy(update={"k": k, "splits": {"train": split}}),),
            "models": (model("logistic", "Logistic regression", confusion, classes=classes),),
            "baselines": (model("majority", "Majority class", answers, classes=classes),),
        }
    )


def thumbnail(path: str) -> bytes:
    """A small plain JPEG whose colour depends on the path."""
    seed = sum(path.encode())
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (seed * 37 % 256, seed * 59 % 256, seed * 83 % 256)).save(buffer, "JPEG")
    return buffer.getvalue()
