from __future__ import annotations

import resource
import sys
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from petmood.errors import ConfigError, ModelError  # noqa: E402
from petmood.training import checkpoint  # noqa: E402
from petmood.training import training_loop as loop  # noqa: E402
from petmood.training.devices import kept_pages  # noqa: E402
from petmood.training.modules import build  # noqa: E402
from petmood.training.networks import make_network, study_cnn  # noqa: E402
from petmood.training.settings import TrainSettings  # noqa: E402
from petmood.training.training_loop import (  # noqa: E402
    LabelledImages,
    TrainingState,
    evaluate,
    predict_logits,
    train,
)

SIZE = 24
SETTINGS = TrainSettings(epochs=4, batch_size=8, seed=3, device="cpu", size=SIZE)


@pytest.fixture(scope="module")
def data(faces):
    return labelled(*faces(20, SIZE, 0))


@pytest.fixture(scope="module")
def watched(faces):
    return labelled(*faces(8, SIZE, 1))


def labelled(images, moods, weights=None):
    return LabelledImages(images, (moods == "happy").astype(np.int64), weights)


def network(name="cnn1", seed=3):
    return build(make_network(name, 2, SIZE), seed)


def linear():
    """A module whose loss a test can compute by hand: it keeps no state and draws nothing."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    nn.init.zeros_(module[1].bias)
    with torch.no_grad():
        module[1].weight.copy_(torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]]))
    return module


def pixels(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 1, 1, 3), dtype=np.uint8)


def cross_entropies(images, targets):
    logits = images.reshape(-1, 3) / 255 @ np.array([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]]).T
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(targets)), targets]


def same_weights(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


# What an epoch computes


def test_losses_and_accuracies_are_means_over_images_scaled_to_one(data):
    images, targets = pixels(11), np.arange(11) % 2
    still = replace(SETTINGS, epochs=1, batch_size=4, learning_rate=1e-12)
    subject = LabelledImages(images, targets)
    result = train(linear(), subject, still, validation=subject)
    expected = cross_entropies(images, targets).mean()
    assert result.history.loss[0] == pytest.approx(expected, rel=1e-5)
    assert result.history.val_loss[0] == pytest.approx(expected, rel=1e-5)
    scores = images.reshape(-1, 3) @ np.array([[1.0, 0.5], [0.0, 2.0], [-1.0, 0.0]])
    accuracy = (scores.argmax(axis=1) == targets).mean()
    assert 0 < accuracy < 1
    assert result.history.accuracy[0] == pytest.approx(accuracy)
    assert result.history.val_accuracy[0] == pytest.approx(accuracy)


def test_weights_count_in_the_loss():
    images, targets = pixels(6), np.array([0, 1, 0, 1, 1, 0])
    weights = np.array([0, 2, 1, 1, 2, 0], dtype=np.float32)
    still = replace(SETTINGS, epochs=1, batch_size=6, learning_rate=1e-12)
    result = train(linear(), LabelledImages(images, targets, weights), still)
    assert result.history.loss[0] == pytest.approx((cross_entropies(images, targets) * weights).mean(), rel=1e-5)


def test_images_of_weight_zero_teach_nothing():
    images, targets = pixels(4), np.array([0, 1, 1, 0])
    one_step = replace(SETTINGS, epochs=1, batch_size=4)
    silent = np.array([1, 1, 0, 0], dtype=np.float32)
    first, second = linear(), linear()
    train(first, LabelledImages(images, targets, silent), one_step)
    train(second, LabelledImages(images, np.array([0, 1, 0, 1]), silent), one_step)
    assert same_weights(first, second)
    assert not same_weights(first, linear())


def test_first_step_is_adams():
    images, targets = pixels(4), np.array([0, 1, 1, 0])
    module = linear()
    train(module, LabelledImages(images, targets), replace(SETTINGS, epochs=1, batch_size=4, learning_rate=0.01))
    # Adam's first step moves every weight by the learning rate against the sign of its gradient.
    moved = (module[1].weight - linear()[1].weight).detach().numpy()
    np.testing.assert_allclose(np.abs(moved), 0.01, rtol=1e-3)


def test_each_epoch_sees_every_image_once_in_a_new_order(monkeypatch, data):
    seen = []
    original = loop._to_input
    monkeypatch.setattr(
        loop, "_to_input", lambda images, device: (seen.append(images.copy()), original(images, device))[1]
    )
    images = np.arange(21, dtype=np.uint8).repeat(3).reshape(21, 1, 1, 3)
    train(linear(), LabelledImages(images, np.arange(21) % 2), replace(SETTINGS, epochs=2))
    assert [len(batch) for batch in seen] == [8, 8, 5, 8, 8, 5]
    first, second = (np.concatenate(seen[i : i + 3])[:, 0, 0, 0].tolist() for i in (0, 3))
    assert sorted(first) == sorted(second) == list(range(21))
    assert first != second != list(range(21))


def test_dropout_is_on_in_every_epochs_steps_and_off_in_validation(data, watched):
    module, modes = network(), []
    module.register_forward_hook(lambda part, inputs, output: modes.append(part.training))
    train(module, data, replace(SETTINGS, epochs=2), validation=watched)
    assert modes == [True, True, True, False] * 2
    assert not module.training


def test_learns_faces(faces):
    settings = TrainSettings(epochs=20, batch_size=8, device="cpu", size=SIZE, learning_rate=2e-3)
    module = network()
    result = train(module, labelled(*faces(40, SIZE, 0)), settings, validation=labelled(*faces(20, SIZE, 9)))
    assert result.history.loss[0] > 0.6
    assert result.history.loss[-1] < 0.2
    assert evaluate(module, labelled(*faces(40, SIZE, 0)))[1] >= 0.95
    assert result.history.val_accuracy[-1] >= 0.8


def test_prediction_does_not_depend_on_the_batch_or_the_arrays_layout(data):
    module = network()
    images = np.concatenate([data.images] * 4)
    images.setflags(write=False)
    logits = predict_logits(module, images)
    assert logits.shape == (80, 2)
    np.testing.assert_allclose(logits[:20], predict_logits(module, data.images), atol=1e-5)
    mirrored = images[:, :, ::-1]
    np.testing.assert_array_equal(predict_logits(module, mirrored), predict_logits(module, mirrored.copy()))
    assert predict_logits(module, images[:0]).shape == (0, 2)


# Reproducible, and resumable


def test_same_seed_same_training_and_the_global_state_stays(data, watched):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first, second, other = network(), network(), network()
    results = [train(module, data, SETTINGS, validation=watched) for module in (first, second)]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert results[0] == results[1]
    assert same_weights(first, second)
    train(other, data, replace(SETTINGS, seed=4), validation=watched)
    assert not same_weights(first, other)


class Stop(KeyboardInterrupt):
    """Ctrl-C in the middle of an epoch."""


def stop_at(step):
    def on_step(done, total):
        if done == step:
            raise Stop

    return on_step


@pytest.mark.parametrize(
    ("name", "patience"),
    [
        ("cnn1", 3),
        ("cnn2", None),
        *(pytest.param(*slow, marks=pytest.mark.slow) for slow in (("cnn1", None), ("cnn2", 3))),
    ],
)
def test_interrupted_and_resumed_is_as_uninterrupted(tmp_path, data, watched, name, patience):
    settings = replace(SETTINGS, patience=patience)
    whole = network(name)
    expected = train(whole, data, settings, validation=watched)

    for step in (8, 10):  # 3 steps an epoch: in the third epoch, then in the fourth
        with pytest.raises(Stop):
            train(network(name), data, settings, validation=watched, checkpoint_dir=tmp_path, on_step=stop_at(step))
    resumed, epochs, steps = network(name), [], []
    result = train(
        resumed,
        data,
        settings,
        validation=watched,
        checkpoint_dir=tmp_path,
        on_epoch=epochs.append,
        on_step=lambda done, total: steps.append((done, total)),
    )
    assert same_weights(resumed, whole)
    assert result == replace(expected, resumed_from=3)
    assert [log.epoch for log in epochs] == [4]
    assert steps == [(10, 12), (11, 12), (12, 12)]


def test_finished_training_is_not_repeated_but_can_be_prolonged(tmp_path, data):
    train(network(), data, replace(SETTINGS, epochs=2), checkpoint_dir=tmp_path)
    again, epochs = network(), []
    result = train(again, data, replace(SETTINGS, epochs=2), checkpoint_dir=tmp_path, on_epoch=epochs.append)
    assert (result.resumed_from, epochs) == (2, [])
    longer, whole = network(), network()
    train(longer, data, SETTINGS, checkpoint_dir=tmp_path, on_epoch=epochs.append)
    train(whole, data, SETTINGS)
    assert [log.epoch for log in epochs] == [3, 4]
    assert same_weights(longer, whole)


@pytest.mark.parametrize("change", ["seed", "batch_size", "pixels", "labels", "watched", "initial weights", "network"])
def test_checkpoint_of_another_training_is_not_resumed(tmp_path, caplog, data, watched, change):
    settings = replace(SETTINGS, epochs=1)
    train(network(), data, settings, validation=watched, checkpoint_dir=tmp_path)
    module, other_data, other_watched = network(), data, watched
    if change in ("seed", "batch_size"):
        settings = replace(settings, **{change: 5})
    elif change == "pixels":
        images = data.images.copy()
        images[0, 0, 0, 0] ^= 1
        other_data = replace(data, images=images)
    elif change == "labels":
        other_data = replace(data, targets=1 - data.targets)
    elif change == "watched":
        other_watched = replace(watched, images=watched.images[::-1].copy())
    elif change == "initial weights":
        module = network(seed=4)
    else:
        module = network("cnn2")
    epochs = []
    result = train(
        module, other_data, settings, validation=other_watched, checkpoint_dir=tmp_path, on_epoch=epochs.append
    )
    assert (result.resumed_from, len(epochs)) == (0, 1)
    assert "belongs to other data, settings or network" in caplog.text


def test_checkpoint_past_the_wanted_epochs_is_not_used(tmp_path, caplog, data):
    train(network(), data, replace(SETTINGS, epochs=2), checkpoint_dir=tmp_path)
    result = train(network(), data, replace(SETTINGS, epochs=1), checkpoint_dir=tmp_path)
    assert (result.resumed_from, result.epochs_run) == (0, 1)
    assert "at epoch 2, past the 1 asked for" in caplog.text


@pytest.mark.parametrize("damage", ["tensors cut", "tensors gone", "json cut", "json emptied"])
def test_damaged_checkpoint_is_not_used(tmp_path, caplog, data, damage):
    settings = replace(SETTINGS, epochs=1)
    train(network(), data, settings, checkpoint_dir=tmp_path)
    (tensors,) = tmp_path.glob("*.safetensors")
    index = tmp_path / "checkpoint.json"
    if damage == "tensors gone":
        tensors.unlink()
    elif damage == "json emptied":
        index.write_text("{}")
    else:
        target = tensors if damage == "tensors cut" else index
        target.write_bytes(target.read_bytes()[: target.stat().st_size // 2])
    assert train(network(), data, settings, checkpoint_dir=tmp_path).resumed_from == 0
    assert "it is damaged" in caplog.text


def test_killed_while_writing_leaves_the_previous_checkpoint(tmp_path, monkeypatch, data):
    folder = tmp_path / "Кот и пёс"
    train(network(), data, replace(SETTINGS, epochs=1), checkpoint_dir=folder)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_json", stop_at_json)
        with pytest.raises(Stop):
            train(network(), data, SETTINGS, checkpoint_dir=folder)
    assert len(list(folder.glob("*.safetensors"))) == 2
    (folder / ".epoch-0003-x.safetensors.abc.part").write_bytes(b"left by a kill")
    resumed, whole = network(), network()
    assert train(resumed, data, SETTINGS, checkpoint_dir=folder).resumed_from == 1
    train(whole, data, SETTINGS)
    assert same_weights(resumed, whole)
    names = sorted(path.name.partition("-")[0] for path in folder.iterdir())
    assert names == ["checkpoint.json", "epoch"]


def stop_at_json(path, value):
    raise Stop


def test_failing_callback_leaves_the_epochs_checkpoint(tmp_path, data):
    def fail(log):
        raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError):
        train(network(), data, SETTINGS, checkpoint_dir=tmp_path, on_epoch=fail)
    assert train(network(), data, SETTINGS, checkpoint_dir=tmp_path).resumed_from == 1


# Early stopping and the learning rate


def follow(val_losses, settings):
    """A state after epochs with these validation losses, and the learning rate of each epoch."""
    state, rates = TrainingState(linear(), settings), []
    for value in val_losses:
        assert not state.out_of_patience()
        rates.append(state.learning_rate)
        with torch.no_grad():
            state.module[1].bias.fill_(value)
        state.finish_epoch((1.0, 0.5), (value, 0.5))
    return state, rates


def test_stops_where_the_study_stopped():
    losses = [1.5052, 1.9635, 2.3365, 1.9852]  # the validation losses that the study printed for CNN 2
    state, _ = follow(losses, replace(SETTINGS, epochs=10, patience=3))
    assert state.out_of_patience()
    assert state.keep_best() == 1
    assert torch.all(state.module[1].bias == torch.tensor(1.5052))


def test_a_lower_loss_renews_patience_and_an_equal_one_does_not():
    state, _ = follow([3.0, 3.0, 2.0, 2.5, 2.0], replace(SETTINGS, patience=3))
    assert (state.best_epoch, state.out_of_patience()) == (3, False)
    state.finish_epoch((1.0, 0.5), (2.0, 0.5))
    assert state.out_of_patience()


def test_without_patience_the_last_weights_are_kept():
    state, _ = follow([1.0, 2.0, 3.0, 4.0, 5.0], SETTINGS)
    assert not state.out_of_patience()
    assert (state.best_epoch, state.keep_best()) == (1, 5)
    assert torch.all(state.module[1].bias == 5.0)


def test_best_weights_are_restored_in_a_real_training(faces, tmp_path):
    images, _ = faces(16, SIZE, 0)
    noise = LabelledImages(images, np.random.default_rng(0).integers(0, 2, 16))
    other = LabelledImages(faces(16, SIZE, 1)[0], np.random.default_rng(1).integers(0, 2, 16))
    settings = replace(SETTINGS, epochs=30, patience=2, learning_rate=3e-3)
    module = network()
    result = train(module, noise, settings, validation=other, checkpoint_dir=tmp_path)
    assert result.stopped_early
    assert result.epochs_run == result.best_epoch + 2
    assert result.kept_epoch == result.best_epoch
    assert evaluate(module, other) == (min(result.history.val_loss), result.history.val_accuracy[result.best_epoch - 1])
    assert not module.training
    again = network()
    assert train(again, noise, settings, validation=other, checkpoint_dir=tmp_path).resumed_from == result.epochs_run
    assert same_weights(again, module)


# What cannot be done


def test_patience_needs_validation(data):
    with pytest.raises(ConfigError, match=r"patience 2.*there are none. Give validation images"):
        train(network(), data, replace(SETTINGS, patience=2))


def test_divergence_is_named(data):
    with pytest.raises(ModelError, match=r"diverged: in epoch \d.*smaller learning rate \(it was 1e\+30\)"):
        train(network(), data, replace(SETTINGS, learning_rate=1e30))


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is there")
def test_absent_device_is_named(data):
    with pytest.raises(ConfigError, match="device 'cuda' is not there"):
        train(network(), data, replace(SETTINGS, device="cuda"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"epochs": 0}, "'epochs' must be at least 1, got 0"),
        ({"batch_size": 0}, "'batch_size' must be at least 1"),
        ({"learning_rate": float("nan")}, "'learning_rate' must be above 0 and finite, got nan"),
        ({"patience": 0}, "'patience' must be at least 1, or none"),
        ({"seed": -1}, "'seed' must be from 0"),
        ({"device": "tpu"}, "'device' must be one of auto, cpu, cuda, mps, xla, got 'tpu'"),
    ],
)
def test_settings_out_of_range_are_named(wrong, words):
    with pytest.raises(ConfigError, match=words):
        TrainSettings(**wrong)


def test_epoch_log_tells_what_the_history_keeps(data, watched):
    logs, steps = [], []
    settings = replace(SETTINGS, epochs=2)
    result = train(
        network(), data, settings, validation=watched, on_epoch=logs.append, on_step=lambda *s: steps.append(s)
    )
    assert [log.epoch for log in logs] == [1, 2]
    assert tuple(log.val_loss for log in logs) == result.history.val_loss
    assert tuple(log.accuracy for log in logs) == result.history.accuracy
    assert all(log.seconds > 0 and log.learning_rate == 1e-3 and log.epochs == 2 for log in logs)
    assert steps == [(i, 6) for i in range(1, 7)]
    assert result.device == "cpu"


def test_size_of_the_first_dense_layer_follows_the_input():
    assert build(study_cnn(size=64), 0).get_submodule("dense_1").in_features == 128 * 6 * 6


@pytest.mark.parametrize("name", ["cnn1", pytest.param("cnn2", marks=pytest.mark.slow)])
def test_bfloat16_learns_the_curve_of_float32(faces, name):
    data = labelled(*faces(48, 40, 5))
    results = {
        precision: train(
            build(make_network(name, 2, 40), 1),
            data,
            TrainSettings(epochs=4, size=40, batch_size=16, precision=precision),
        )
        for precision in ("float32", "bfloat16")
    }
    assert [results[p].precision for p in results] == ["float32", "bfloat16"]
    plain, low = (np.array(result.history.loss) for result in results.values())
    assert not np.array_equal(plain, low)
    assert plain[-1] < plain[0] - 0.1  # it learns
    np.testing.assert_allclose(low, plain, atol=0.06)


def test_precision_is_a_cause_and_where_it_trains_is_none():
    settings = TrainSettings()
    assert replace(settings, device="cpu").causes == settings.causes
    assert replace(settings, precision="bfloat16").causes != settings.causes
    assert "precision" not in settings.causes  # trainings kept from before there was a choice stay known


def test_freed_pages_are_used_again_while_training():
    if sys.platform != "linux":
        pytest.skip("only glibc can be told")

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(8):
            torch.ones(16 * 2**20, dtype=torch.uint8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with kept_pages():
        faults()
        assert faults() < 4096  # one buffer has 4,096 pages, eight have eight times as many
