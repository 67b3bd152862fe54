"""Detectors that transformers saved, small and random: exported once, and as torch has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from needs import needs
from petmood.detection import open_detector
from petmood.detection.detector import fitted, run
from petmood.errors import ModelError

torch = pytest.importorskip("torch")
transformers = needs("transformers")

SIDE = 64
NAMES = {0: "person", 1: "cat", 2: "dog"}
TOWER: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "num_detection_tokens": 12,
    "patch_size": 16,
}
SMALL: dict[str, Any] = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "num_queries": 12,
}


def yolos() -> Any:
    config = transformers.YolosConfig(**TOWER, image_size=[SIDE, SIDE], id2label=NAMES)
    return transformers.YolosForObjectDetection(config)


def yolos_of_another_size() -> Any:
    config = transformers.YolosConfig(**TOWER, image_size=[48, 96], id2label=NAMES)
    return transformers.YolosForObjectDetection(config)


def resnet() -> Any:
    return transformers.ResNetConfig(
        depths=[1, 1], hidden_sizes=[8, 16], embedding_size=8, out_features=["stage2"], layer_type="basic"
    )


def detr() -> Any:
    config = transformers.DetrConfig(**SMALL, backbone_config=resnet(), id2label=NAMES, use_timm_backbone=False)
    return transformers.DetrForObjectDetection(config)


def conditional() -> Any:
    config = transformers.ConditionalDetrConfig(
        **SMALL, backbone_config=resnet(), id2label=NAMES, use_timm_backbone=False
    )
    return transformers.ConditionalDetrForObjectDetection(config)


def real_time() -> Any:
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[16, 16, 16],
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=12,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=2,
        decoder_attention_heads=2,
        id2label=NAMES,
        eval_size=None,
    )
    model = transformers.RTDetrForObjectDetection(config)
    for parameter in model.parameters():
        # its own initialisation scores all places alike, and it begins with those of the highest scores
        torch.nn.init.normal_(parameter, std=0.3)
    return model


RARER = [pytest.param(make, marks=pytest.mark.slow) for make in (yolos_of_another_size, conditional, real_time)]


@pytest.mark.parametrize("make", [yolos, detr, *RARER], ids=lambda f: f.__name__)
def test_a_saved_detector_is_exported_once_and_gives_what_torch_gives(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(1)
    model = make().eval()
    home = tmp_path / "pet-finder"
    model.save_pretrained(home)
    (home / "preprocessor_config.json").write_text(
        json.dumps(
            {"size": {"shortest_edge": SIDE, "longest_edge": 2 * SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
        )
    )
    detector = open_detector(f"hub:{home}")
    assert detector.size == SIDE
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8))
    square, _, _ = fitted(picture, SIDE, detector.reading.fit)
    given = run(detector._session, detector.reading.preprocess, square, "it")
    with torch.no_grad():
        seen = model(pixel_values=torch.from_numpy((square.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32)))
    np.testing.assert_allclose(given["logits"], seen.logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(given["pred_boxes"], seen.pred_boxes.numpy(), atol=1e-4)
    assert {box.label for box in detector.find(picture)} <= {"cat", "dog"}
    monkeypatch.setattr("petmood.features.hub.export_detector", lambda *a: pytest.fail("exported again"))
    assert open_detector(f"hub:{home}").reading == detector.reading


def test_what_is_no_detector_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="lacks config"):
        open_detector(f"hub:{tmp_path}")
    with pytest.raises(ModelError, match=r"is not on this machine"):
        open_detector("hub:someone/finder", download=False)
    tower = {key: value for key, value in TOWER.items() if key != "num_detection_tokens"}
    transformers.ViTModel(transformers.ViTConfig(**tower, image_size=SIDE)).save_pretrained(tmp_path / "vit")
    (tmp_path / "vit" / "preprocessor_config.json").write_text(json.dumps({"size": {"height": SIDE, "width": SIDE}}))
    with pytest.raises(ModelError, match="not a model that transformers can load") as caught:
        open_detector(f"hub:{tmp_path / 'vit'}")
    assert "\n" not in str(caught.value)
