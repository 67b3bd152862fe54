"""Names in an archive that does not say their encoding -> the likeliest text, and a word of warning.

A name of a few letters fits several encodings; which is meant can be weighed, by how usual the letters would be, but
not known. So whoever reads the names is told, unless they are valid UTF-8, which hardly comes about by chance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from petmood.errors import DataError

_WORD: Final = re.compile(r"[^\W\d_]+")


def _pairs(text: str, encoding: str) -> list[bytes]:
    return [char.encode(encoding) for char in text if ord(char) > 127]


def _by_lead(encoding: str, common: range, rare: range) -> Callable[[str], float]:
    """Scores text of a double-byte encoding whose usual characters begin with the bytes of `common`."""

    def score(text: str) -> float:
        values = [
            1.0 if code[0] in common and len(code) == 2 else 0.5 if code[0] in rare and len(code) == 2 else 0.1
            for code in _pairs(text, encoding)
        ]
        return sum(values) / max(len(values), 1)

    return score


def _japanese(text: str) -> float:
    kana = re.compile(r"[\u3041-\u30ff]")
    values = [
        1.0 if kana.match(char) else 0.95 if 0x88 <= char.encode("cp932")[0] <= 0x97 else 0.3
        for char in text
        if ord(char) > 127
    ]
    return sum(values) / max(len(values), 1)


def _letters(script: str) -> Callable[[str], float]:
    """Scores text of a single-byte encoding by words that look whole: letters of one script, capitals in front."""
    strange = re.compile(rf"[^\x00-\x7f{script}]")

    def score(text: str) -> float:
        foreign = sum(ord(char) > 127 for char in text)
        bad = len(strange.findall(text))
        good = 0.0
        for word in _WORD.findall(text):
            n = sum(ord(char) > 127 for char in word)
            usual = word[1:] == word[1:].lower() or word == word.upper()
            one = not (n and re.search("[a-z]", word, re.IGNORECASE)) or "\u00c0" in script
            good += n * (1.0 if usual and one else 0.2)
        return max(good - bad, 0.0) / max(foreign, 1)

    return score


_LATIN: Final = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f"
_CYRILLIC: Final = "\u0401\u0404\u0406\u0407\u0410-\u044f\u0451\u0454\u0456\u0457"

_CANDIDATES: Final[tuple[tuple[str, str, Callable[[str], float]], ...]] = (
    ("euc_kr", "cp949", _by_lead("cp949", range(0xB0, 0xC9), range(0))),
    ("gbk", "gbk", _by_lead("gbk", range(0xB0, 0xD8), range(0xD8, 0xF8))),
    ("big5", "big5", _by_lead("big5", range(0xA4, 0xC7), range(0xC9, 0xFA))),
    ("shift_jis", "cp932", _japanese),
    ("cp1251", "cp1251", _letters(_CYRILLIC)),
    ("cp866", "cp866", _letters(_CYRILLIC)),
    ("cp1252", "cp1252", _letters(_LATIN)),
    ("cp437", "cp437", _letters(_LATIN)),
    ("cp850", "cp850", _letters(_LATIN)),
)


_SIGNS: Final = frozenset(
    char
    for char in bytes(range(0x80, 0x100)).decode("cp437")
    if not (char.isalpha() and unicodedata.name(char).startswith("LATIN"))
)
"""Frames, Greek letters and signs of the first PC's character set: hardly in any name, often in one misread as that."""


def look_misread(names: Iterable[str]) -> bool:
    """Whether names, though marked as UTF-8, are those of another encoding, misread when the archive was written."""
    for name in names:
        foreign = [char for char in name if ord(char) > 127]
        signs = sum(char in _SIGNS for char in foreign)
        if signs > 1 and 4 * signs >= len(foreign):
            try:
                name.encode("cp437")
            except UnicodeEncodeError:
                continue
            return True
    return False


def decode_names(raw: Sequence[bytes], encoding: str | None, where: str) -> tuple[list[str], str]:
    """Text of names of which nothing but their bytes is known.

    Args:
        raw: the names; plain ASCII among them is of no matter.
        encoding: as the user says it, or None.
        where: the archive, for messages.

    Returns:
        The names, and a sentence that warns of what was guessed ("" if nothing was).

    Raises:
        DataError: they are not in the encoding that the user says.
    """
    if encoding is not None:
        try:
            return [name.decode(encoding) for name in raw], ""
        except UnicodeDecodeError as error:
            raise DataError(
                f"names in {where} are not in the encoding '{encoding}' ({error.reason}). Give another --zip-encoding."
            ) from error
    best: tuple[float, str, list[str]] = (-1.0, "cp437", [name.decode("cp437") for name in raw])
    try:
        return [name.decode("utf-8") for name in raw], ""
    except UnicodeDecodeError:
        pass
    parts = sorted({part for name in raw for part in re.split(rb"[/\\]", name) if not part.isascii()})
    for shown, codec, score in _CANDIDATES:
        try:
            text = " ".join(part.decode(codec) for part in parts)
            names = [name.decode(codec) for name in raw]
            value = score(text)
        except UnicodeError:
            continue
        if value > best[0] + 1e-9:
            best = (value, shown, names)
    _, shown, names = best
    example = next(name for name in names if not name.isascii())
    return names, (
        f"{where} does not say how its names are encoded; they were read as {shown} and may be misread: '{example}'. "
        "If that is not a name, say the encoding with --zip-encoding, for example gbk, shift_jis, cp1251 or cp437."
    )
