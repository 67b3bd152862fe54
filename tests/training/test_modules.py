from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from petmood.training.modules import ChannelsLastFlatten, DenseBatchNorm, ElementwisePReLU, build  # noqa: E402
from petmood.training.networks import count_parameters, describe, make_network, study_cnn, study_cnn2  # noqa: E402


@pytest.mark.parametrize("name", ["cnn1", "cnn2"])
@pytest.mark.parametrize(("classes", "size"), [(4, 40), (3, 57)])
def test_every_module_has_the_shape_and_parameters_of_its_row(name, classes, size):
    network = make_network(name, classes, size)
    module = build(network, seed=0).eval()
    shapes = {}
    for part_name, part in module.named_children():
        part.register_forward_hook(lambda _m, _i, output, key=part_name: shapes.__setitem__(key, output.shape[1:]))
    module(torch.rand(2, 3, size, size))
    for row in describe(network):
        part = module.get_submodule(row.name)
        *space, channels = row.output_shape
        assert tuple(shapes[row.name]) == (channels, *space)
        trainable = sum(p.numel() for p in part.parameters())
        moving = sum(b.numel() for key, b in part.named_buffers() if key != "num_batches_tracked")
        assert (trainable + moving, trainable) == (row.params, row.trainable_params)
    assert sum(p.numel() for p in module.parameters()) == count_parameters(network)[1]


def test_full_size_modules_hold_the_studys_parameters():
    assert sum(p.numel() for p in build(study_cnn(), 0).parameters()) == 11_169_476
    assert sum(p.numel() for p in build(study_cnn2(), 0).parameters()) == 29_457_636


@pytest.mark.parametrize("name", ["cnn1", "cnn2"])
def test_kernels_are_glorot_uniform_and_biases_zero(name):
    module = build(make_network(name, 4, 48), seed=1)
    kernels = 0
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            field = part.kernel_size[0] * part.kernel_size[1]
            fan_in, fan_out = field * part.in_channels, field * part.out_channels
        elif isinstance(part, nn.Linear):
            fan_in, fan_out = part.in_features, part.out_features
        else:
            continue
        kernels += 1
        values = part.weight.detach().numpy().ravel()
        limit = np.sqrt(6 / (fan_in + fan_out))
        # The largest of n uniform values falls short of the limit by about limit / n.
        assert limit * (1 - 12 / len(values)) < np.abs(values).max() <= limit
        # Standard errors of the mean and the variance of n uniform values, five of them.
        assert abs(values.mean()) < 5 * limit / np.sqrt(3 * len(values))
        assert abs(values.var() / (limit**2 / 3) - 1) < 5 * np.sqrt(0.8 / len(values))
        assert not part.bias.detach().numpy().any()
    assert kernels == {"cnn1": 5, "cnn2": 7}[name]


def test_slopes_and_normalisation_start_as_in_keras():
    module = build(study_cnn2(size=40), seed=0)
    slopes = [part for part in module.modules() if isinstance(part, ElementwisePReLU)]
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert (len(slopes), len(norms)) == (6, 6)
    assert all(not part.alpha.any() for part in slopes)
    for part in norms:
        assert torch.all(part.weight == 1)
        assert torch.all(part.bias == 0)
        assert torch.all(part.running_mean == 0)
        assert torch.all(part.running_var == 1)
        assert part.eps == 1e-3
        assert part.momentum == pytest.approx(0.01)


def test_a_seed_draws_the_same_values_and_leaves_the_global_state():
    before = torch.get_rng_state()
    first, again, other = (build(study_cnn(size=32), seed) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    for name, values in first.state_dict().items():
        assert torch.equal(values, again.state_dict()[name])
        if name.endswith("weight"):
            assert not torch.equal(values, other.state_dict()[name])


@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)])
def test_elementwise_prelu_is_keras_formula_with_its_gradients(shape):
    generator = torch.Generator().manual_seed(0)
    layer = ElementwisePReLU(shape)
    layer.alpha.data = torch.randn(shape, generator=generator)
    x = torch.randn((6, *shape), generator=generator)
    g = torch.randn((6, *shape), generator=generator)

    reference_x, alpha = x.clone().requires_grad_(), layer.alpha.detach().clone().requires_grad_()
    expected = torch.relu(reference_x) - alpha * torch.relu(-reference_x)
    expected.backward(g)

    to_torch = (0, 1) if len(shape) == 1 else (0, 3, 1, 2)  # channels last -> channels first, a view
    given = x.clone().requires_grad_()
    got = layer(given.permute(to_torch))
    got.backward(g.permute(to_torch))
    assert torch.equal(got.detach(), expected.detach().permute(to_torch))
    torch.testing.assert_close(given.grad, reference_x.grad)
    torch.testing.assert_close(layer.alpha.grad, alpha.grad)


def test_elementwise_prelu_reads_either_memory_format():
    layer = ElementwisePReLU((4, 4, 3))
    layer.alpha.data = torch.arange(48.0).reshape(4, 4, 3)
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(layer(x), layer(x.to(memory_format=torch.channels_last)))


def test_flatten_keeps_keras_order():
    x = torch.arange(24.0).reshape(1, 2, 3, 4)
    assert torch.equal(ChannelsLastFlatten()(x)[0], torch.from_numpy(x[0].numpy().transpose(1, 2, 0).ravel()))


def test_pooling_before_rectifying_changes_neither_outputs_nor_gradients():
    module = build(study_cnn(size=32), seed=0).eval()
    order = [name for name, _ in module.named_children()]
    assert order[:3] == ["conv2d_1", "max_pooling2d_1", "conv2d_1_relu"]
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))

    def run(names):
        module.zero_grad()
        out = x
        for name in names:
            out = module.get_submodule(name)(out)
        out.square().sum().backward()
        return out.detach().clone(), [p.grad.clone() for p in module.parameters()]

    as_described = list(order)
    for i in range(0, 9, 3):
        as_described[i + 1], as_described[i + 2] = order[i + 2], order[i + 1]
    outputs, gradients = run(order)
    expected_outputs, expected_gradients = run(as_described)
    assert torch.equal(outputs, expected_outputs)
    for got, expected in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_moving_statistics_of_feature_maps_follow_keras_fused_rule():
    norm = build(study_cnn2(size=32), seed=0).train().get_submodule("batch_normalization_1")
    x = torch.randn(3, 32, 5, 5, generator=torch.Generator().manual_seed(3)) * 2 + 1
    y = norm(x)
    values = x.numpy().transpose(1, 0, 2, 3).reshape(32, -1).astype(np.float64)
    # Keras' fused kernel moves towards the variance with Bessel's correction, and normalises without it.
    np.testing.assert_allclose(norm.running_mean, 0.01 * values.mean(axis=1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.running_var, 0.99 + 0.01 * values.var(axis=1, ddof=1), rtol=1e-5)
    expected = (values - values.mean(axis=1, keepdims=True)) / np.sqrt(values.var(axis=1, keepdims=True) + 1e-3)
    got = y.detach().numpy().transpose(1, 0, 2, 3).reshape(32, -1)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_moving_statistics_of_dense_layers_follow_keras_plain_rule():
    norm = DenseBatchNorm(6, eps=1e-3, momentum=0.01)
    norm.weight.data = torch.linspace(0.5, 2, 6)
    norm.bias.data = torch.linspace(-1, 1, 6)
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(4)) * 3 - 1
    y = norm(x).detach().numpy()
    values = x.numpy().astype(np.float64)
    np.testing.assert_allclose(norm.running_mean, 0.01 * values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var, 0.99 + 0.01 * values.var(axis=0), rtol=1e-5)
    normal = (values - values.mean(axis=0)) / np.sqrt(values.var(axis=0) + 1e-3)
    np.testing.assert_allclose(y, normal * np.linspace(0.5, 2, 6) + np.linspace(-1, 1, 6), rtol=1e-4, atol=1e-5)


def test_dense_normalisation_takes_a_batch_of_one_and_uses_moving_statistics_when_evaluated():
    norm = DenseBatchNorm(3, eps=1e-3, momentum=0.01)
    assert torch.equal(norm(torch.tensor([[1.0, -2.0, 3.0]])), torch.zeros(1, 3))
    norm.eval()
    norm.running_mean.fill_(2.0)
    norm.running_var.fill_(4.0)
    before = norm.running_mean.clone()
    expected = torch.full((1, 3), (6.0 - 2.0) / (4.0 + 1e-3) ** 0.5)
    torch.testing.assert_close(norm(torch.full((1, 3), 6.0)).detach(), expected)
    assert torch.equal(norm.running_mean, before)
