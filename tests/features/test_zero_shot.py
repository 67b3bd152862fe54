"""Zero-shot classes, on small random CLIP and SigLIP models saved locally with a tokenizer of a few words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petmood.errors import ConfigError, ModelError
from petmood.features import load_backbone
from petmood.features.extract import open_session
from petmood.features.zero_shot import ClassTexts, embed_classes, match_sentences

CLASSES = ("Angry", "happy", "other")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("an angry pet, a HAPPY pet,any other pet", (("an angry pet",), ("a HAPPY pet",), ("any other pet",))),
        ("a happy cat,angry,a happy dog,other,", (("angry",), ("a happy cat", "a happy dog"), ("other",))),
        ("teeth, a wagging tail, neither", (("teeth",), ("a wagging tail",), ("neither",))),
    ],
)
def test_sentences_find_their_classes(text: str, expected: tuple[tuple[str, ...], ...]) -> None:
    assert match_sentences(text, CLASSES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("an angry pet,a happy pet", "no sentence names other"),
        ("an angry pet,a happy pet,another one", "'another one' names no class"),
        ("angry or happy,other", "'angry or happy' names several classes"),
        ("teeth,tail", "'teeth' names no class"),
        ("", "no sentence names Angry or happy or other"),
    ],
)
def test_sentences_that_tell_no_class_are_refused(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        match_sentences(text, CLASSES)


def test_probabilities_follow_the_cosine_alone() -> None:
    texts = ClassTexts(np.eye(3, 5, dtype=np.float32), scale=10.0)
    features = np.array([[3, 0, 0, 0, 4], [0, 1e-3, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=np.float32)
    found = texts.probabilities(features)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found[0, 0] / found[0, 1], np.exp(10 * 0.6))
    np.testing.assert_allclose(found[1, 1] / found[1, 0], np.exp(10.0))
    np.testing.assert_allclose(found[2], 1 / 3)
    np.testing.assert_allclose(found, texts.probabilities(features * 7))
    with pytest.raises(ModelError, match="the images have 4 features, the sentences 5"):
        texts.probabilities(features[:, :4])


@pytest.fixture(params=["clip", "siglip"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Any]:
    """A model of images and texts, and the folder that it is saved in."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    torch.manual_seed(0)
    vision = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    words = ["<pad>", "<s>", "</s>", "<unk>", "a", "an", "pet", "angry", "happy", "other", "dog", "cat"]
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    text |= {
        "vocab_size": len(words),
        "max_position_embeddings": 8,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    parts = {"text_config": text, "vision_config": {**vision, "intermediate_size": 16}}
    made = (
        transformers.CLIPModel(transformers.CLIPConfig(**parts, projection_dim=12))
        if request.param == "clip"
        else transformers.SiglipModel(transformers.SiglipConfig(**parts))
    ).eval()
    folder = tmp_path / request.param
    made.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 32, "width": 32}}))
    core = tokenizers.Tokenizer(tokenizers.models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    core.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return folder, made


def test_the_model_and_petmood_agree_on_the_classes(model: tuple[Path, Any], tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    folder, made = model
    sentences = [("an angry pet",), ("a happy pet",), ("a cat",)]
    backbone = load_backbone(f"hub:{folder}", tmp_path / "cache")
    pixels = np.random.default_rng(1).normal(size=(4, 3, 32, 32)).astype(np.float32)
    (features,) = open_session(backbone).run(["features"], {"pixels": pixels})
    found = embed_classes(str(folder), sentences).probabilities(features)
    tokens = AutoTokenizer.from_pretrained(folder)(
        [own[0] for own in sentences], padding="max_length", max_length=8, return_tensors="pt"
    )
    with torch.no_grad():
        answer = made(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            pixel_values=torch.from_numpy(pixels),
        )
    # SigLIP adds one number to every score, which a softmax does not see
    np.testing.assert_allclose(found, answer.logits_per_image.softmax(dim=1).numpy(), atol=1e-4)
    assert found.std() > 0


def test_several_sentences_of_a_class_count_as_one(model: tuple[Path, Any]) -> None:
    folder, _ = model
    texts = embed_classes(str(folder), [("a happy dog", "a happy cat", "a happy dog"), ("angry",)])
    assert texts.vectors.shape[0] == 2
    np.testing.assert_allclose(np.linalg.norm(texts.vectors, axis=1), 1, rtol=1e-6)


def test_models_without_texts_are_refused(model: tuple[Path, Any], tmp_path: Path) -> None:
    import transformers

    folder, _ = model
    tower = transformers.ViTModel(
        transformers.ViTConfig(
            image_size=32,
            patch_size=8,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
    )
    tower.save_pretrained(tmp_path / "vit")
    with pytest.raises(ModelError, match="vit knows images alone"):
        embed_classes(str(tmp_path / "vit"), [("a",)])
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="no tokenizer"):
        embed_classes(str(folder), [("a",)])
