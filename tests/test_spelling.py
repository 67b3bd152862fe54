"""Plain English: words that a newcomer would stumble over are in no message, docstring, page or document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import petmood

PLAIN = {
    r"\b[Mm]end(s|ed|ing)?\b": "fix",
    r"\b(thread|batch) a core\b": "one thread per core",
    r"(?<![Tt]here )\bis no (valid|bundle|picture|ONNX|JSON)\b": "is not a valid bundle",
    r"\blabels dealt\b|\bdealt labels\b": "permuted labels",
    r"\btoo shy\b": "underconfident",
    r"\bper cent\b": "percent",
    r"(?<=[a-z,;:(] )K-[Mm]eans\b": "k-means, but at the beginning of a sentence",
}


def written(repository: Path) -> dict[str, str]:
    """Sources and documents that people read, by path."""
    sources = Path(petmood.__file__).parent
    found = [p for p in sources.rglob("*") if p.suffix in (".py", ".j2", ".js") and "runtime" not in p.parts]
    found += [*(repository / "docs").rglob("*.md"), repository / "README.md", repository / "CONTRIBUTING.md"]
    return {str(path): path.read_text(encoding="utf-8") for path in found}


@pytest.mark.parametrize(("pattern", "instead"), PLAIN.items())
def test_plain_words_are_used_everywhere(repository: Path, pattern: str, instead: str) -> None:
    texts = written(repository)
    assert len(texts) > 400
    where = {path: found.group() for path, text in texts.items() if (found := re.search(pattern, text))}
    assert where == {}, f"write: {instead}"
