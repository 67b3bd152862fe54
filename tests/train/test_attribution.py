"""Attributions of the study's networks: they sum to what they explain."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("captum")

from petmood.errors import ModelError
from petmood.train.attribution import grad_cam, integrated_gradients
from petmood.train.cnn import CnnClassifier
from petmood.train.loop import predict_logits
from petmood.train.settings import TrainSettings


@pytest.fixture(scope="module")
def network() -> tuple[CnnClassifier, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    labels = np.array(["a", "b"] * 4)
    return CnnClassifier("cnn1", TrainSettings(epochs=2, size=32)).fit(images, labels), images[:2]


def test_integrated_gradients_sum_to_the_difference_from_black(network: tuple[CnnClassifier, np.ndarray]) -> None:
    model, images = network
    maps = integrated_gradients(model, images, np.array(["a", "b"]), steps=200)
    assert maps.shape == (2, 32, 32)
    black = predict_logits(model.module_, np.zeros((1, 32, 32, 3), np.uint8))[0]
    wanted = predict_logits(model.module_, images)[[0, 1], [0, 1]] - black
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), wanted, atol=0.02)


def test_grad_cam_gives_a_map_of_the_last_convolution(network: tuple[CnnClassifier, np.ndarray]) -> None:
    model, images = network
    maps = grad_cam(model, images, np.array(["a", "b"]))
    assert maps.shape == (2, 4, 4)
    assert maps.min() >= 0
    with pytest.raises(ModelError, match="no class 'z'"):
        grad_cam(model, images, np.array(["a", "z"]))
