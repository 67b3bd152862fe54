"""Hub backbones, on small randomly initialised models saved locally: the code that loads them is the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub_stand_in import hub
from needs import needs
from petmood.errors import ConfigError, ModelError
from petmood.features import load_backbone
from petmood.features.extract import open_session
from petmood.features.hub import ALIASES

torch = pytest.importorskip("torch")
transformers = needs("transformers")

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
    # random weights make values of a hundred, and a small one is a difference of such: torch itself is off by a
    # millionth of the largest, which differs with its kernels and threads
    for made, true in ((local, expected.last_hidden_state), (features, expected.pooler_output.flatten(1))):
        np.testing.assert_allclose(made, true.numpy(), rtol=0, atol=1e-5 * float(true.max()))
    monkeypatch.setattr("petmood.features.hub.export_onnx", lambda *a: pytest.fail("exported again"))
    assert load_backbone(f"hub:{folder}", tmp_path) == backbone


@pytest.mark.slow
def test_resnet50_comes_from_a_hub_by_its_name_and_is_read_without_one_later(
    resnet: tuple[Path, Any], tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from petmood.features import load_backbone\n"
        "made = load_backbone(sys.argv[1], Path(sys.argv[2])); print(made.name, made.key)"
    )

    def load(endpoint: str, cache: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, "resnet50", str(tmp_path / cache)],
            env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf")},
            capture_output=True,
            text=True,
            check=False,
        )

    folder, _ = resnet
    with hub() as there:
        there.repositories["microsoft/resnet-50"] = {p.name: p.read_bytes() for p in folder.iterdir()}
        fetched = load(there.address, "one")
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.split()[0] == "resnet50"
    # the hub is gone: what it gave is there, also for a cache that never saw it
    assert load(there.address, "two").stdout == fetched.stdout


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


TINY: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "image_size": 32,
    "patch_size": 8,
}
TEXT: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 40,
    "max_position_embeddings": 12,
}
PROCESSOR = {"size": {"height": 32, "width": 32}}


def clip() -> Any:
    text = {**TEXT, "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0}
    return transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=TINY, projection_dim=12))


def siglip() -> Any:
    return transformers.SiglipModel(transformers.SiglipConfig(text_config=TEXT, vision_config=TINY))


def class_token(model: Any, pixels: Any) -> Any:
    return model(pixel_values=pixels).last_hidden_state[:, 0]


def pooled(model: Any, pixels: Any) -> Any:
    return model(pixel_values=pixels).pooler_output


def shared(model: Any, pixels: Any) -> Any:
    found = model.get_image_features(pixel_values=pixels)
    return getattr(found, "pooler_output", found)


TRANSFORMERS: dict[str, tuple[Any, Any, int]] = {
    "vit": (lambda: transformers.ViTModel(transformers.ViTConfig(**TINY)), class_token, 1),
    "dinov2": (lambda: transformers.Dinov2Model(transformers.Dinov2Config(**TINY)), class_token, 1),
    "dinov2-registers": (
        lambda: transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(**TINY)),
        class_token,
        5,
    ),
    "dinov3": (
        lambda: transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**TINY, num_register_tokens=3)),
        class_token,
        4,
    ),
    "clip-vision": (lambda: transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**TINY)), pooled, 1),
    "clip": (clip, shared, 1),
    "siglip-vision": (lambda: transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**TINY)), pooled, 0),
    "siglip": (siglip, shared, 0),
}


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_a_vision_transformer_gives_pooled_features_and_a_map_of_its_tokens(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    make, expected_pooled, before = TRANSFORMERS[kind]
    model = make()
    backbone = load_backbone(f"hub:{save(model, tmp_path / kind, PROCESSOR)}", tmp_path / "cache")
    pixels = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    local, features = open_session(backbone).run(["map", "features"], {"pixels": pixels})
    with torch.no_grad():
        seen = torch.from_numpy(pixels)
        tower = getattr(model, "vision_model", model) if hasattr(model, "get_image_features") else model
        tokens = tower(pixel_values=seen).last_hidden_state.numpy()
        wanted = expected_pooled(model, seen).numpy()
    assert tokens.shape[1] == before + 16
    np.testing.assert_allclose(local, tokens[:, before:].transpose(0, 2, 1).reshape(3, 16, 4, 4), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features, wanted, rtol=1e-4, atol=1e-4)


def test_a_pooler_that_was_not_saved_is_not_made_up(tmp_path: Path) -> None:
    model = transformers.ViTForImageClassification(transformers.ViTConfig(**TINY))
    source = f"hub:{save(model, tmp_path / 'vit', PROCESSOR)}"
    digests = {load_backbone(source, tmp_path / f"cache{i}").digest for i in range(2)}
    assert len(digests) == 1


def test_weights_that_are_not_in_the_file_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save(transformers.ViTModel(transformers.ViTConfig(**TINY)), tmp_path / "vit", PROCESSOR)
    weights = load_file(folder / "model.safetensors")
    weights.pop("layernorm.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks weights of its model, such as layernorm\.weight"):
        load_backbone(f"hub:{folder}", tmp_path / "cache")


@pytest.mark.parametrize("size", [16, 48])
def test_a_size_that_the_model_cannot_read_is_said(tmp_path: Path, size: int) -> None:
    model = transformers.ViTModel(transformers.ViTConfig(**TINY))
    folder = save(model, tmp_path / "vit", {"size": {"height": size, "width": size}})
    with pytest.raises(ModelError, match=f"does not turn pictures of {size} pixels into features"):
        load_backbone(f"hub:{folder}", tmp_path / "cache")


def test_a_model_of_texts_is_refused(tmp_path: Path) -> None:
    config = transformers.BertConfig(**TEXT)
    folder = save(transformers.BertModel(config), tmp_path / "bert", PROCESSOR)
    with pytest.raises(ModelError, match="does not turn pictures"):
        load_backbone(f"hub:{folder}", tmp_path / "cache")
