"""Nothing of an evaluated photo reaches training: not by copies, more images, doubts, calibration, students or search.

Each image's features hold the number of its family, and every fit notes the numbers that it sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawing import jpeg, split_files, write_tree
from networks import network
from petmood.build.heads import fitted_photos
from petmood.bundle.folder import read
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_dataset
from petmood.features import Backbone
from petmood.features.views import View
from petmood.jobs.train import train
from petmood.methods import selection as auto_module
from petmood.methods.reading import Means, MethodData
from petmood.methods.selection import candidate, contest
from petmood.methods.settings import AutoSettings
from petmood.records import FeatureTable, Manifest
from petmood.split import Fold, grouped_folds
from petmood.training.catalog import FROZEN, Method, candidates, choose, distilled
from petmood.training.classifier import FeatureClassifier

SETTINGS = AutoSettings(folds=2)
OUTSIDE = 10_000
"""Families of more images count from here."""

NAMES = (
    FROZEN,
    "species-conditional",
    "species-removed",
    "both-outside-0.1",
    "outside-svm+unlabelled",
    "lite0-lda",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("leak") / "data", split_files(8, ("Sad", "Angry", "happy")))


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {f"{('Sad', 'Angry', 'happy')[i % 3]}/{i}.jpg": jpeg(500 + i) for i in range(12)}
    return write_tree(tmp_path_factory.mktemp("more") / "more", files)


@pytest.fixture(scope="module")
def means(more: Path, tmp_path_factory: pytest.TempPathFactory) -> Means:
    made = network(tmp_path_factory.mktemp("network") / "n.onnx", 0, 17, imagenet=True, mean=120.0)
    names = ("efficientnet-lite0", "mobilenet", "outside")
    return Means(dict.fromkeys(names, f"onnx:{made.graph}"), extra=more, unlabelled=more)


def marked(data: Dataset, backbone: Backbone, view: View) -> FeatureTable:
    """Features of noise in which the first column is the family's number."""
    wide = 1000 if view.pooling == "logits" else 6
    first = OUTSIDE if data.origin.data.name == "more" else 0
    rows = np.random.default_rng(len(view.name)).standard_normal((len(data), wide)).astype(np.float32)
    rows[:, 0] = data.groups + first
    return FeatureTable(view.name, rows, None, f"marked/{view.name}/{first}")


@pytest.fixture
def bench(data: Path, means: Means, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MethodData]:
    monkeypatch.setattr(Dataset, "features", marked)
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))
    with open_dataset(data, families="names") as opened:
        yield MethodData(opened, means)


class Watcher:
    """Notes, while it is in place, the families of the rows that each fit sees; those of more images apart."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fits: list[set[int]] = []
        real = FeatureClassifier.fit

        def fit(model: FeatureClassifier, X: Any, y: Any, **given: Any) -> FeatureClassifier:
            # only whole rows have the mark in front: inner heads are handed columns, of the same rows
            if (np.asarray(X)[:, 0] % 1 == 0).all():
                self.fits.append({int(v) for v in np.asarray(X)[:, 0] if v < OUTSIDE})
            return real(model, X, y, **given)

        monkeypatch.setattr(FeatureClassifier, "fit", fit)


def method_named(name: str) -> Method:
    found = {m.name: m for m in candidates(0.1, 0.1)}
    return found[name] if name in found else choose([name])[0]


@pytest.mark.parametrize("name", NAMES)
def test_no_fit_of_a_fold_sees_a_family_of_it(name: str, bench: MethodData, monkeypatch: pytest.MonkeyPatch) -> None:
    method = method_named(name)
    assert bench.lacks(method) is None
    reading, manifest = bench.read(method), bench.data.manifest
    assert len(manifest) > manifest.n_photos, "there are copies, which must stay on the side of their photo"
    for fold in grouped_folds(manifest, folds=2, seed=0):
        watcher = Watcher(monkeypatch)
        reading.predict(manifest, np.arange(len(manifest)), [fold], 0)
        held = set(manifest.family_index[fold.evaluate].tolist())
        assert watcher.fits
        assert all(not seen & held for seen in watcher.fits)
        assert any(len(seen) > 2 for seen in watcher.fits)


def test_a_search_fits_nothing_of_test_and_chooses_inside_each_fold(
    bench: MethodData, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, test = fitted_photos(bench.data.manifest), bench.data.manifest.in_split("test")
    watcher = Watcher(monkeypatch)
    few = tuple(method_named(name) for name in (FROZEN, "outside-logistic", "outside-svm+unlabelled"))
    monkeypatch.setattr(auto_module, "candidates", lambda *weights: few)
    made = contest(bench, rows, SETTINGS, lambda standings, title: None)
    assert set(made.found) == {m.name for m in few}
    judging = set(bench.data.manifest.family_index[test].tolist())
    assert all(not seen & judging for seen in watcher.fits)


def test_labels_and_features_of_a_fold_change_nothing_in_its_choice(bench: MethodData) -> None:
    """The inner scores, by which a fold's candidate is chosen, and its predictions do not depend on its photos."""
    rows = fitted_photos(bench.data.manifest)
    method = method_named("outside-svm")
    assert bench.lacks(method) is None
    reading = bench.read(method)
    inside = bench.data.manifest.subset(rows)
    outer = list(grouped_folds(inside, folds=2, seed=0))
    spoilt = reading.vectors.copy()
    spoilt[rows[outer[0].evaluate], 1:] = 50.0

    def inner(vectors: np.ndarray, labels: Manifest) -> float:
        own = replace(reading, vectors=vectors)

        def predict(data: Manifest, picked: np.ndarray, folds: list[Fold]) -> Any:
            return own.predict(data, rows[picked], folds, 0)

        return auto_module.judge(predict, labels, outer[:1], folds=2, seed=0).inner[0]

    swapped = list(inside.records)
    for i in outer[0].evaluate:
        swapped[i] = replace(swapped[i], class_name="happy")
    before = inner(reading.vectors, inside)
    assert inner(spoilt, inside) == before
    assert inner(reading.vectors, replace(inside, records=tuple(swapped))) == before


def test_a_student_learns_of_each_photo_what_a_teacher_said_that_had_not_seen_it(
    bench: MethodData, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, test = fitted_photos(bench.data.manifest), bench.data.manifest.in_split("test")
    teacher = method_named("outside-svm")
    student = distilled(teacher, View("outside"))
    assert bench.lacks(student) is None
    watcher = Watcher(monkeypatch)
    inside = bench.data.manifest.subset(rows)
    outer = list(grouped_folds(inside, folds=2, seed=0))
    candidate(bench, student, inside, rows, outer, SETTINGS)
    judging = set(bench.data.manifest.family_index[test].tolist())
    assert watcher.fits
    assert all(not seen & judging for seen in watcher.fits)


def test_other_photos_of_test_give_the_same_model(
    data: Path, means: Means, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Search, standardisation, weights, calibration, prediction sets: test photos touch none of them."""
    other = tmp_path / "other"
    for number, file in enumerate(sorted(data.rglob("*.jpg"))):
        target = other / file.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(jpeg(7000 + number) if file.parts[-3] == "test" else file.read_bytes())
    few = tuple(method_named(name) for name in (FROZEN, "outside-logistic"))
    monkeypatch.setattr(auto_module, "candidates", lambda *weights: few)
    found = []
    for number, folder in enumerate((data, other)):
        monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / f"cache{number}"))
        out = tmp_path / f"m{number}"
        made = train(folder, out, "auto", RunSettings(folds=2), auto=AutoSettings(means=means))
        found.append((made, read(out).graph))
    (one, first), (two, second) = found
    assert one.evaluation[0].n == two.evaluation[0].n
    assert first == second
    assert (one.calibration, one.conformal) == (two.calibration, two.conformal)
    assert one.search is not None
    assert two.search is not None
    assert [(r.name, r.accuracy, r.chosen) for r in one.search.standings] == [
        (r.name, r.accuracy, r.chosen) for r in two.search.standings
    ]
    within = [
        [fact for fact in made.evaluation if "nested" in fact.protocol or fact.name == FROZEN] for made in (one, two)
    ]
    inside = [[fact for fact in facts if not fact.protocol.endswith("-test")] for facts in within]
    assert inside[0]
    assert inside[0] == inside[1]


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_more_images_that_show_an_evaluated_photo_stay_out(
    data: Path, means: Means, tmp_path: Path, split: str
) -> None:
    """Whether labelled or not: a copy, mirrored, smaller and in other bytes, of a photo of any split."""
    more = write_tree(
        tmp_path / "m", {f"{name}/{i}.png": jpeg(800 + i, fmt="PNG") for i, name in enumerate(("Sad", "Angry"))}
    )
    photo = next(p for p in sorted((data / split / "Sad").glob("*.jpg")) if not p.name.startswith("aug"))
    with Image.open(photo) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((40, 40)).save(more / "Sad" / "copy.png")
    given = replace(means, extra=more, unlabelled=more)
    with open_dataset(data, families="names") as opened:
        bench = MethodData(opened, given)
    for found in (bench.outside, bench.unlabelled):
        assert found is not None
        assert found.left_out == ("Sad/copy.png",)
        assert len(found.data) == 2
