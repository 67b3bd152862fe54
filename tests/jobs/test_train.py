"""Training into bundles: what is saved answers as the training code does, and says how far to trust it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from bundle_fixtures import Trained
from drawing import jpeg
from petmood.build.description import COVERAGES, trust
from petmood.build.heads import fit_head, fitted_photos, save_head_bundle
from petmood.build.study_networks import fit_cnn, save_cnn_bundle, train_cnn
from petmood.bundle import load
from petmood.bundle.folder import read
from petmood.config import RunSettings
from petmood.dataset import open_dataset
from petmood.dataset.dataset import backbone_named
from petmood.errors import LeakageError
from petmood.evaluation.calibrate import apply_temperature
from petmood.evaluation.protocols import in_class_order
from petmood.jobs.train import train
from petmood.labels import read_soft_labels
from petmood.progress import Silent
from petmood.training.settings import TrainSettings

SETTINGS = RunSettings(cnn_size=32, cnn_epochs=1, folds=3)


@pytest.mark.parametrize("network", ["cnn1", "cnn2"])
def test_a_network_answers_as_in_training(trained: Trained, tmp_path: Path, network: str) -> None:
    training = TrainSettings(epochs=SETTINGS.cnn_epochs, size=SETTINGS.cnn_size, seed=SETTINGS.seed)
    data = trained.opened
    saved = save_cnn_bundle(tmp_path / "model", data, network, SETTINGS, lambda done, total: None)
    assert saved is not None
    model = fit_cnn(data, network, training, lambda done, total: None)
    rows = trained.manifest.in_split("test")
    pixels = data.pixels(training.size, rows)
    plain = in_class_order(model, model.predict_proba(pixels), trained.manifest.classes)
    expected = apply_temperature(plain, saved.calibration.temperature)
    bundle = load(tmp_path / "model")
    answers = bundle.predict([trained.data / trained.manifest.records[i].path for i in rows])
    found = np.array([[a.probabilities[name] for name in trained.manifest.classes] for a in answers])
    assert np.abs(found - expected).max() < 1e-4
    assert all(a.species is None and a.pet is None and a.prediction_set for a in answers)
    outputs = bundle.infer(pixels)
    assert outputs.features.shape == (len(rows), saved.features)
    assert outputs.cam is None
    assert bundle.training_photos is not None


def test_sets_of_a_wider_coverage_hold_those_of_a_narrower_one() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    scores = rng.normal(size=(300, 3)) + 1.5 * np.eye(3)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    calibration, conformal = trust(probabilities, truth, ("a", "b", "c"), "drawn")
    assert calibration.n == 300
    assert [level.coverage for level in conformal.levels] == list(COVERAGES)
    sizes = [level.mean_size for level in conformal.levels]
    assert sizes == sorted(sizes)
    for narrow, wide in zip(conformal.levels, conformal.levels[1:], strict=False):
        for name in ("a", "b", "c"):
            assert narrow.thresholds[name] is not None
            assert wide.thresholds[name] is None or narrow.thresholds[name] <= wide.thresholds[name]


def with_another_test(trained: Trained, folder: Path) -> Path:
    """A data set with other pictures in test, all else as it was."""
    for number, file in enumerate(sorted(trained.data.rglob("*.jpg"))):
        target = folder / file.relative_to(trained.data)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(jpeg(7000 + number) if file.parts[-3] == "test" else file.read_bytes())
    return folder


def test_a_network_is_not_trained_again_for_other_photos_of_test(trained: Trained, tmp_path: Path) -> None:
    training = TrainSettings(epochs=1, size=32, seed=11)
    once = train_cnn(trained.opened, "cnn1", training, lambda done, total: None)
    with open_dataset(with_another_test(trained, tmp_path / "other"), families="names", seed=SETTINGS.seed) as data:
        again = train_cnn(data, "cnn1", training, lambda done, total: pytest.fail("trained again"))
    assert np.array_equal(once.valid, again.valid)
    assert once.epochs == again.epochs
    assert not np.array_equal(once.test, again.test)


def test_photos_of_test_touch_neither_weights_nor_calibration(trained: Trained, tmp_path: Path) -> None:
    """The same graph, calibration, prediction sets and pet rule."""
    with open_dataset(with_another_test(trained, tmp_path / "other"), families="names", seed=SETTINGS.seed) as data:
        made = save_head_bundle(tmp_path / "model", data, trained.backbone, SETTINGS)
    before = trained.bundle.description
    assert made.data.sha256 != before.data.sha256
    assert read(tmp_path / "model").graph == read(trained.path).graph
    assert (made.calibration, made.conformal, made.quality) == (before.calibration, before.conformal, before.quality)
    assert made.pet
    assert before.pet
    # a picture that another process infers at the same time, among others, has other last digits
    limits = {"min_mass": pytest.approx(before.pet.min_mass), "max_distance": pytest.approx(before.pet.max_distance)}
    assert (made.pet.min_mass, made.pet.max_distance) == tuple(limits.values())
    assert made.pet.model_dump(exclude=set(limits)) == before.pet.model_dump(exclude=set(limits))


@pytest.mark.parametrize("allowed", [False, True])
def test_a_photo_of_test_among_the_fitted_ones_is_refused(trained: Trained, tmp_path: Path, allowed: bool) -> None:
    manifest = trained.manifest
    test, valid = manifest.in_split("test")[0], manifest.in_split("valid")[0]
    records = list(manifest.records)
    records[valid] = replace(records[valid], family=records[test].family)
    leaking = replace(manifest, records=tuple(records), allow_leakage=allowed)
    with pytest.raises(LeakageError, match=r"1 of [0-9]+ .*photos stands in train too"):
        save_head_bundle(tmp_path / "m", trained.opened.with_manifest(leaking), trained.backbone, SETTINGS)
    assert not (tmp_path / "m").exists()


def test_a_head_learns_from_the_soft_labels_of_a_consensus(trained: Trained, tmp_path: Path) -> None:
    notes: list[str] = []

    class Noting(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    manifest = trained.manifest
    photos = [manifest.records[i] for i in manifest.photo_index]
    classes = manifest.classes
    head = ",".join(["path", "label", *(f"p: {name}" for name in classes)])
    lines = [
        ",".join(
            [
                r.path,
                r.class_name,
                *(f"{0.4 if name == r.class_name else 0.6 / (len(classes) - 1):.6f}" for name in classes),
            ]
        )
        for r in photos
    ]
    hard, soft = tmp_path / "hard.csv", tmp_path / "soft.csv"
    hard.write_text("\n".join(["path,label", *(f"{r.path},{r.class_name}" for r in photos)]))
    soft.write_text("\n".join([head, *lines]))
    sure = {}
    for labels in (hard, soft):
        made = train(trained.data, tmp_path / labels.stem, "head", SETTINGS, Noting(), labels=labels)
        assert made is not None
        assert ("soft labels" in made.title) == (labels == soft)
        with open_dataset(trained.data, families="names", labels=labels) as data:
            backbone = backbone_named(SETTINGS.backbone)
            read_soft = read_soft_labels(labels, data.manifest)
            fitted = fit_head(data.subset(fitted_photos(data.manifest)), backbone, read_soft)
            logits = data.features(backbone).vectors @ fitted.weights + fitted.bias
            sure[labels] = softmax(logits, axis=1).max(axis=1).mean()
    # readers who are torn teach a head that is less sure
    assert sure[soft] < sure[hard] - 0.1
    assert not [note for note in notes if "soft labels" in note]
    train(trained.data, tmp_path / "network", "cnn1", SETTINGS, Noting(), labels=soft)
    assert [note for note in notes if "--model cnn1 learns from its labels" in note]
