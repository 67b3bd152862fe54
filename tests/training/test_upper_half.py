"""The upper half learns, repeats itself, starts where it is told to, and says in ONNX what it says in torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite_pytorch")

import torch

from petmood.errors import ConfigError, DataError, ModelError
from petmood.features.trunk import SHAPE, SIZE
from petmood.training.finetune import FineTunedHead
from petmood.training.settings import FineTuneSettings
from petmood.training.upper_half import UpperHalf, mixed

QUICK = FineTuneSettings(epochs=6, batch_size=4, rate=3e-3, mixup=0.0, dropout=0.0)


def activations(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that differ in a quarter of the channels."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    X = rng.standard_normal((n, 2, *SHAPE)).astype(np.float32) * 0.3
    X[labels == 1, :, :20] += 1.0
    return X.astype(np.float16), np.array(["a", "b"])[labels]


@pytest.fixture(scope="module")
def head() -> FineTunedHead:
    X, y = activations()
    return FineTunedHead(QUICK).fit(X, y)


def test_it_learns_what_can_be_learnt(head: FineTunedHead) -> None:
    X, y = activations()
    probabilities = head.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (head.classes_[probabilities.argmax(axis=1)] == y).mean() > 0.9
    assert head.transform(X).shape == (12, 1280)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network_and_flat_rows_are_views(head: FineTunedHead) -> None:
    X, y = activations()
    again = FineTunedHead(QUICK).fit(X.reshape(len(X), -1), y)
    np.testing.assert_allclose(again.predict_proba(X), head.predict_proba(X), atol=1e-4)


def test_norms_keep_their_statistics_and_a_start_is_used(head: FineTunedHead) -> None:
    X, y = activations()
    state = {key: value.clone() for key, value in head.crown_.state_dict().items()}
    still = FineTunedHead(FineTuneSettings(epochs=1, rate=1e-12, mixup=0.0), start=state).fit(X, y)
    np.testing.assert_allclose(still.predict_proba(X), head.predict_proba(X), atol=1e-3)
    from petmood.features.efficientnet_lite import VARIANTS

    original = VARIANTS[0].network().inner._bn1.running_mean  # type: ignore[union-attr]
    np.testing.assert_array_equal(head.crown_.norm.running_mean.numpy(), original.numpy())


def test_the_exported_backbone_agrees(head: FineTunedHead, tmp_path: Path) -> None:
    from petmood.features import load_backbone
    from petmood.features.extract import open_session
    from petmood.features.graphs import open_graph
    from petmood.features.trunk import trunk_graph
    from petmood.training.export import export

    backbone = load_backbone(f"onnx:{export(head, tmp_path / 'b', 'outside')}")
    assert backbone.name == "outside"
    pixels = np.random.default_rng(0).integers(0, 255, (2, SIZE, SIZE, 3), dtype=np.uint8)
    session = open_session(backbone)
    features = session.run([backbone.features], {"pixels": backbone.preprocess.apply(pixels)})[0]
    normal = np.ascontiguousarray(((pixels.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2))
    halfway = open_graph(trunk_graph(), "the trunk", "Make it anew.", 1).run(None, {"pixels": normal})[0]
    twice = np.repeat(halfway.astype(np.float16)[:, np.newaxis], 2, axis=1)
    np.testing.assert_allclose(features, head.transform(twice), atol=0.03)


def test_what_cannot_be_trained_says_so() -> None:
    with pytest.raises(ModelError, match="not trained"):
        FineTunedHead().predict_proba(np.zeros((1, 2, *SHAPE), dtype=np.float16))
    with pytest.raises(DataError, match="views"):
        FineTunedHead().fit(np.zeros((4, 10)), np.array(["a", "b", "a", "b"]))
    with pytest.raises(ConfigError, match="epochs"):
        FineTuneSettings(epochs=0)


def test_the_network_is_thawed_from_the_top() -> None:
    crown = UpperHalf(2, 0.0)
    crown.thaw(0.0)
    assert [name for name, p in crown.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]
    crown.thaw(0.5)
    trained = {name.split(".")[1] for name, p in crown.named_parameters() if p.requires_grad and "blocks" in name}
    assert trained == {str(i) for i in range(8 - len(trained), 8)}
    assert 0 < len(trained) < 8
    crown.thaw(1.0)
    assert all(p.requires_grad for p in crown.parameters())


def test_images_are_mixed_in_the_shares_that_are_told() -> None:
    x = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 2, 8, 8).clone()
    for cutmix in (0.0, 1.0):
        settings = FineTuneSettings(mixup=1.0, cutmix=cutmix)
        for seed in range(5):
            made, share, other = mixed(x, settings, np.random.default_rng(seed))
            mean = made.mean(dim=(1, 2, 3))
            torch.testing.assert_close(mean, share * torch.arange(4.0) + (1 - share) * other.float())
            values = {round(v, 4) for v in made[0].unique().tolist()}
            # a pasted rectangle keeps the values of both images; mixing makes new ones
            assert values <= {0.0, float(other[0])} if cutmix else len(values) == 1


def test_early_stopping_looks_at_families_held_out_and_keeps_the_best_epoch() -> None:
    X, y = activations(20)
    families = np.arange(20) // 2 * 2 + np.arange(20) % 2  # each its own
    settings = FineTuneSettings(epochs=3, batch_size=4, rate=10.0, mixup=0.0, patience=1, thaw=0.9)
    losses: list[int] = []
    head = FineTunedHead(settings, on_epoch=lambda epoch, epochs, loss, seconds: losses.append(epoch))
    head.fit(X, y, groups=families)
    assert 1 <= head.epoch_ <= len(losses) <= 3
    assert np.isfinite(head.predict_proba(X)).all()
