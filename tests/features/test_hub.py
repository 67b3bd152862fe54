"""Hub backbones, on small randomly initialised models saved locally: the code that loads them is the real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petmood.errors import ConfigError, ModelError
from petmood.features import load_backbone
from petmood.features.extract import open_session
from petmood.features.hub import ALIASES

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZE = 64


def save(model: Any, folder: Path, processor: dict[str, Any]) -> Path:
    model.eval().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(
    scope="module", params=[pytest.param(False, id="thin"), pytest.param(True, id="full", marks=pytest.mark.slow)]
)
def resnet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """ResNet50's own layers (bottlenecks, 3-4-6-3, 2048 wide), or one of each kind of them, randomly initialised."""
    torch.manual_seed(0)
    thin = {"depths": [1, 1, 1, 1], "hidden_sizes": [32, 64, 128, 256], "embedding_size": 16}
    model = transformers.ResNetModel(transformers.ResNetConfig(**({} if request.param else thin)))
    processor = {
        "crop_pct": 0.875,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "size": {"shortest_edge": SIZE},
    }
    return save(model, tmp_path_factory.mktemp("hub") / "resnet-50", processor), model


def test_a_saved_resnet50_is_exported_once_and_agrees_with_torch(
    resnet: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, model = resnet
    backbone = load_backbone(f"hub:{folder}", tmp_path)
    assert backbone.name == "resnet-50"
    assert backbone.preprocess.mean == pytest.approx((123.675, 116.28, 103.53), abs=1e-4)
    assert backbone.preprocess.std == pytest.approx((58.395, 57.12, 57.375), abs=1e-4)
    pixels = np.random.default_rng(0).normal(size=(3, 3, SIZE, SIZE)).astype(np.float32)
    local, features = open_session(backbone).run(["map", "features"], {"pixels": pixels})
    with torch.no_grad():
        expected = model(torch.from_numpy(pixels))
    assert local.shape == (3, model.config.hidden_sizes[-1], SIZE // 32, SIZE // 32)
    # random weights make values of some tens, so the tolerance is relative
    np.testing.assert_allclose(local, expected.last_hidden_state.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features, expected.pooler_output.flatten(1).numpy(), rtol=1e-4, atol=1e-4)
    monkeypatch.setattr("petmood.features.hub._export", lambda *a: pytest.fail("exported again"))
    assert load_backbone(f"hub:{folder}", tmp_path) == backbone


def test_mobilenet_reads_its_input_as_the_study_s_network_does(tmp_path: Path) -> None:
    model = transformers.MobileNetV1Model(transformers.MobileNetV1Config(depth_multiplier=0.25))
    processor = {
        "crop_size": {"height": SIZE, "width": SIZE},
        "do_center_crop": True,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": 72},
    }
    backbone = load_backbone(f"hub:{save(model, tmp_path / 'small', processor)}", tmp_path / "cache")
    assert backbone.preprocess.size == SIZE
    assert backbone.preprocess.mean == backbone.preprocess.std == (127.5, 127.5, 127.5)
    pixels = np.ones((1, 3, SIZE, SIZE), dtype=np.float32)
    (local,) = open_session(backbone).run(["map"], {"pixels": pixels})
    with torch.no_grad():
        assert np.abs(local - model(torch.from_numpy(pixels)).last_hidden_state.numpy()).max() < 1e-4


def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"google/mobilenet_v1_1\.0_224 is not on this machine"):
        load_backbone("mobilenet", tmp_path, download=False)
    with pytest.raises(ModelError, match="neither a folder nor a name"):
        load_backbone("hub:a/b/c", tmp_path, download=False)
    with pytest.raises(ModelError, match=r"lacks config\.json"):
        load_backbone(f"hub:{tmp_path}", tmp_path)
    with pytest.raises(ConfigError, match="Did you mean 'resnet50'"):
        load_backbone("resnet5", tmp_path)
    assert set(ALIASES) == {"mobilenet", "resnet50"}


def test_a_model_of_tokens_is_refused(tmp_path: Path) -> None:
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=32, patch_size=16
    )
    folder = save(transformers.ViTModel(config), tmp_path / "vit", {"size": {"height": 32, "width": 32}})
    with pytest.raises(ModelError, match="gives tokens, not a feature map"):
        load_backbone(f"hub:{folder}", tmp_path / "cache")
