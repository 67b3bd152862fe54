from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from petmood.errors import ConfigError, DataError, MissingExtraError, ModelError
from petmood.training.cnn import CnnClassifier
from petmood.training.settings import TrainSettings

SIZE = 24
SETTINGS = TrainSettings(epochs=2, batch_size=8, device="cpu", size=SIZE, seed=1)


@pytest.fixture(scope="module")
def drawn(faces):
    return faces(16, SIZE, 0)


@pytest.fixture(scope="module")
def fitted(faces, drawn):
    settings = replace(SETTINGS, patience=2)
    return CnnClassifier("cnn2", settings).fit(*drawn, validation=faces(6, SIZE, 1))


def test_probabilities_follow_the_classes(faces):
    X, y = faces(40, SIZE, 0)
    settings = TrainSettings(epochs=20, batch_size=8, device="cpu", size=SIZE, learning_rate=2e-3)
    model = CnnClassifier("cnn1", settings).fit(X, y, groups=np.arange(40))
    assert model.classes_.tolist() == ["Sad", "happy"]
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (40, 2)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert (model.classes_[probabilities.argmax(axis=1)] == y).mean() >= 0.95
    assert model.predict_proba(X[:0]).shape == (0, 2)


def test_fit_again_starts_afresh(drawn):
    model = CnnClassifier("cnn1", SETTINGS)
    first = model.fit(*drawn).predict_proba(drawn[0])
    np.testing.assert_array_equal(model.fit(*drawn).predict_proba(drawn[0]), first)


def test_history_and_result(fitted):
    assert len(fitted.history_.loss) == len(fitted.history_.val_accuracy) == fitted.result_.epochs_run == 2
    assert fitted.network_.name == "cnn2"
    assert fitted.result_.kept_epoch == fitted.result_.best_epoch


def test_empty_validation_watches_nothing(drawn):
    model = CnnClassifier("cnn1", replace(SETTINGS, epochs=1)).fit(*drawn, validation=(drawn[0][:0], drawn[1][:0]))
    assert model.history_.val_loss == ()
    with pytest.raises(ConfigError, match="there are none"):
        CnnClassifier("cnn1", replace(SETTINGS, patience=1)).fit(*drawn, validation=(drawn[0][:0], drawn[1][:0]))


def test_weights_are_scaled_to_a_mean_of_one(drawn):
    once = CnnClassifier("cnn1", SETTINGS).fit(*drawn, sample_weight=np.ones(16))
    thousandfold = CnnClassifier("cnn1", SETTINGS).fit(*drawn, sample_weight=np.full(16, 1024.0))
    assert once.history_ == thousandfold.history_
    plain = CnnClassifier("cnn1", SETTINGS).fit(*drawn)
    np.testing.assert_allclose(once.history_.loss, plain.history_.loss, rtol=1e-4)


def test_resumes_from_its_folder(tmp_path, drawn):
    class Stop(KeyboardInterrupt):
        pass

    def stop(done, total):
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        CnnClassifier("cnn1", SETTINGS, checkpoint_dir=tmp_path, on_step=stop).fit(*drawn)
    logs = []
    resumed = CnnClassifier("cnn1", SETTINGS, checkpoint_dir=tmp_path, on_epoch=logs.append).fit(*drawn)
    assert resumed.result_.resumed_from == 1
    assert [log.epoch for log in logs] == [2]
    whole = CnnClassifier("cnn1", SETTINGS).fit(*drawn)
    np.testing.assert_array_equal(resumed.predict_proba(drawn[0]), whole.predict_proba(drawn[0]))


def test_untrained_network_is_named(drawn):
    model = CnnClassifier("cnn1", SETTINGS)
    for use in (lambda: model.predict_proba(drawn[0]), lambda: model.history_):
        with pytest.raises(ModelError, match="not trained yet"):
            use()


def test_bad_choices_are_named_before_any_work():
    with pytest.raises(ConfigError, match="unknown network 'resnet'"):
        CnnClassifier("resnet")
    with pytest.raises(ConfigError, match="too small for CNN 2"):
        CnnClassifier("cnn2", replace(SETTINGS, size=12))


IMAGES, MOODS = np.zeros((4, SIZE, SIZE, 3), np.uint8), np.array(["a", "b", "a", "b"])


@pytest.mark.parametrize(
    ("X", "y", "options", "words"),
    [
        (IMAGES.astype(np.float32), MOODS, {}, "must be uint8 in 0..255, got float32"),
        (IMAGES[..., 0], MOODS, {}, r"\(n, height, width, 3\) RGB, got shape \(4, 24, 24\)"),
        (IMAGES[:, :16], MOODS, {}, "reads images of 24x24 pixels, got 24x16. Prepare them at size 24"),
        (IMAGES, MOODS[:3], {}, r"4 rows need 4 labels, got shape \(3,\)"),
        (IMAGES, np.arange(4), {}, "class names"),
        (IMAGES, np.full(4, "a"), {}, "at least 2 classes, got only 'a'"),
        (IMAGES[:0], MOODS[:0], {}, "at least 2 classes, got no images"),
        (IMAGES, MOODS, {"sample_weight": np.array([1, 1, np.nan, 1])}, "sample weights must be finite"),
        (IMAGES, MOODS, {"sample_weight": np.ones(5)}, "4 rows need 4 sample weights"),
        (IMAGES, MOODS, {"validation": (IMAGES, np.array(list("abca")))}, "validation images have the class 'c'"),
        (IMAGES, MOODS, {"validation": (IMAGES[:, :8, :8], MOODS)}, "got 8x8"),
    ],
)
def test_unusable_data_is_named(X, y, options, words):
    with pytest.raises(DataError, match=words):
        CnnClassifier("cnn1", SETTINGS).fit(X, y, **options)


def test_unusable_images_are_named_when_predicting(fitted):
    with pytest.raises(DataError, match="got 16x16"):
        fitted.predict_proba(np.zeros((1, 16, 16, 3), np.uint8))


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"'torch', which is not installed.*pip install torch==.*\[train\]"):
        CnnClassifier()
