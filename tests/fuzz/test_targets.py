"""The kept corpus of fuzzing, finds among it, and bytes of it that are changed: read, or refused on purpose."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    draw = random.Random(name)
    kept = sorted((CORPUS / name).iterdir())
    assert kept
    for path in kept:
        data = bytearray(path.read_bytes())
        TARGETS[name](bytes(data))
        for _ in range(min(len(data), 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        TARGETS[name](bytes(data))
