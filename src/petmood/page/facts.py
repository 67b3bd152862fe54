"""A bundle's description -> what the page knows of its model, the same on every host."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np
from PIL import Image

from petmood.bundle import ModelDescription
from petmood.bundle.headline import WORDS, headline, headline_sentence
from petmood.features.species import SPECIES, grouping
from petmood.images import CANONICAL, LARGE
from petmood.results.models import protocol_text as sentence
from petmood.version import __version__


def page_facts(description: ModelDescription, name: str, host: dict[str, Any]) -> dict[str, Any]:
    """What the page's script reads, as JSON can hold it.

    Args:
        description: of the model.
        name: of the bundle.
        host: where pictures are read: `kind` is "server" or "browser", and what that host needs to know.
    """
    whole = description.model_dump(
        mode="json", include={"classes", "input", "features", "conformal", "quality", "imagenet", "unlike"}
    )
    if description.sources is not None:
        whole["sources"] = {"why_not_sure": description.sources.why_not_sure}
    whole["input"] |= {"tall_first": tall_first(), "large": LARGE, "kept": 2 * max(description.input.size, CANONICAL)}
    rule = description.pet
    prior, members = grouping()
    return {
        "version": __version__,
        "name": name,
        "digest": description.graph_sha256[:16],
        "accuracy": headline_sentence(description),
        "protocol": protocol_text(description),
        "model": whole
        | {"pet": None if rule is None else rule.model_dump(include={"min_mass", "max_distance", "nearest"})},
        "species": {"names": SPECIES, "prior": prior.tolist(), "columns": members.argmax(axis=1).tolist()},
        "words": dict(WORDS),
        "heat": json.loads(files("petmood.explain").joinpath("heat.json").read_text(encoding="utf-8")),
        "host": host,
    }


def protocol_text(description: ModelDescription) -> str:
    """How the headline figure was made; "" where there is none."""
    found = headline(description)
    return "" if found is None else sentence(found)


def tall_first() -> bool:
    """Whether the Pillow at hand resizes tall pictures down first and across then, which rounds otherwise."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 6, 3), dtype=np.uint8)
    picture, side, lanczos = Image.fromarray(noise), 8, Image.Resampling.LANCZOS
    at_once, in_turn = picture.resize((side, side), lanczos), picture.resize((6, side), lanczos)
    return np.array_equal(np.asarray(at_once), np.asarray(in_turn.resize((side, side), lanczos)))
