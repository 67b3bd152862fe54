"""Sentences, a class each or more -> probabilities of classes for features of CLIP or SigLIP: nothing is trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ConfigError, ModelError
from petmood.features.hub import find, load_model
from petmood.records import FloatArray

_WORDS: Final = ("tokenizer.json", "vocab*", "*.model")
_TOKENIZER: Final = (*_WORDS, "tokenizer_config.json", "merges.txt", "special_tokens_map.json")


@dataclass(frozen=True, slots=True)
class ClassTexts:
    """What classes are called, in the space that images and texts share.

    Attributes:
        vectors: (n_classes, dim) float32, each of length 1.
        scale: what the model multiplies cosines with before its softmax.
    """

    vectors: FloatArray
    scale: float

    def probabilities(self, features: FloatArray) -> NDArray[np.float64]:
        """(n, dim) features of the same model's images -> (n, n_classes) float64 probabilities.

        Raises:
            ModelError: the features are not of that model.
        """
        if features.shape[1] != self.vectors.shape[1]:
            raise ModelError(
                f"the images have {features.shape[1]} features, the sentences {self.vectors.shape[1]}. Give the whole "
                "model, images and texts, as the backbone."
            )
        length = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
        scores = self.scale * (features / np.maximum(length, 1e-12)) @ self.vectors.T.astype(np.float64)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def match_sentences(text: str, classes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The sentences of each class, from "a happy pet,a sad pet,...".

    A sentence belongs to the one class whose name it has as a word. Where none has any, there must be as many as
    classes, in their order.

    Args:
        text: sentences with commas between them.
        classes: names, in order.

    Raises:
        ConfigError: a sentence names no class or several, or a class has no sentence.
    """
    sentences = [part.strip() for part in text.split(",") if part.strip()]
    named = [[i for i, name in enumerate(classes) if _has_word(sentence, name)] for sentence in sentences]
    if not any(named) and len(sentences) == len(classes):
        return tuple((sentence,) for sentence in sentences)
    for sentence, found in zip(sentences, named, strict=True):
        if len(found) != 1:
            what = "names several classes" if found else "names no class"
            raise ConfigError(
                f"the sentence '{sentence}' {what}; the classes are {', '.join(classes)}. Write a sentence for each."
            )
    told = tuple(tuple(s for s, (i,) in zip(sentences, named, strict=True) if i == k) for k in range(len(classes)))
    if silent := [name for name, own in zip(classes, told, strict=True) if not own]:
        raise ConfigError(f"no sentence names {' or '.join(silent)}. Write one for each class, commas between them.")
    return told


def _has_word(sentence: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", sentence.casefold()) is not None


def embed_classes(source: str, sentences: Sequence[Sequence[str]], *, download: bool = True) -> ClassTexts:
    """The texts of classes through a model's text tower; of several sentences of a class, the mean.

    Args:
        source: the backbone's folder or name, without "hub:".
        sentences: of each class, one or more.
        download: whether a name may be fetched from the hub.

    Raises:
        MissingExtraError: the extra `hub` is not installed.
        ModelError: the model has no text tower or no tokenizer.
    """
    home = find(source, download=download, more=_TOKENIZER)
    model = load_model(home, "--zero-shot")
    if not hasattr(model, "get_text_features"):
        raise ModelError(f"{home.name} knows images alone, no texts. Use --zero-shot with CLIP or SigLIP.")
    import torch
    from transformers import AutoTokenizer

    no_words = f"{home} has no tokenizer that transformers can load. Save it beside the model with save_pretrained."
    if not any(True for pattern in _WORDS for _ in home.glob(pattern)):
        raise ModelError(no_words)  # transformers would make one up that knows no word
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(home, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(no_words) from error
    flat = [sentence for own in sentences for sentence in own]
    tokens = tokenizer(
        flat,
        padding="max_length",
        truncation=True,
        max_length=model.config.text_config.max_position_embeddings,
        return_tensors="pt",
    )
    with torch.inference_mode():
        found = model.get_text_features(
            **{name: value for name, value in tokens.items() if name in ("input_ids", "attention_mask")}
        )
        scale = float(model.logit_scale.exp())
    each = getattr(found, "pooler_output", found).numpy().astype(np.float64)
    each /= np.linalg.norm(each, axis=1, keepdims=True)
    rows = np.split(each, np.cumsum([len(own) for own in sentences])[:-1])
    means = np.stack([row.mean(axis=0) for row in rows])
    return ClassTexts((means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32), scale)
