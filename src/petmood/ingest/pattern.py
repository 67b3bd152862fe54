"""A layout written as a pattern, `{split}/{class}/*` -> what the path of each image says of it.

A pattern has one part for each level of folders and a last one for the file. A part is text, `*` (any name), or holds
`{class}`, `{split}`, `{species}`, `{animal}` or `{fold}`, alone or beside text and each other: `{split}_{class}`. A
last part `*` takes all files below, however deep; `{class}_*` reads the class from file names. `**` stands for any
number of folders.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from petmood.errors import ConfigError, near_or
from petmood.ingest.words import SPLIT_WORD

FIELDS: Final = ("split", "class", "species", "animal", "fold")
"""What a pattern can read from a path, in the order in which it is told."""

_PIECE: Final = re.compile(r"\{([^{}]*)\}|(\*\*?)|([^{}*]+)|(.)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A layout: its text as shown, and the fields it reads.

    Attributes:
        text: as a user would write it.
        fields: those of `FIELDS` that it has.
        match_path: matches a whole path in composed Unicode (NFC), with one group a field.
        by_folder: whether all files of a folder are read alike.
    """

    text: str
    fields: tuple[str, ...]
    match_path: re.Pattern[str]
    by_folder: bool

    def read(self, path: str) -> dict[str, str] | None:
        """Field -> its text in a path; None where the path does not fit."""
        match = self.match_path.fullmatch(unicodedata.normalize("NFC", path))
        return match.groupdict() if match else None


def parse_pattern(text: str) -> Pattern:
    """Read a pattern that a user wrote.

    Raises:
        ConfigError: an unknown or repeated field, or nothing to read.
    """
    parts = [part for part in text.strip().strip("/").replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts:
        raise ConfigError("the layout is empty. Give one such as --layout '{split}/{class}/*'.")
    if "*" not in parts[-1] and "." not in parts[-1]:
        parts.append("*")
    fields: list[str] = []
    expressions = [_part(part, fields, text, last=i == len(parts) - 1) for i, part in enumerate(parts)]
    regex = "/".join(expressions).replace(_DEEP + "/", "(?:.*/)?")
    return Pattern(
        "/".join(parts), tuple(f for f in FIELDS if f in fields), re.compile(regex, re.DOTALL), parts[-1] == "*"
    )


_DEEP: Final = "\0"


def option(name: str, text: str) -> str:
    """An option as it is typed in a shell: `--layout '{class}/*'`."""
    return f"--{name} '" + text.replace("'", "'\\''") + "'"


def literal(name: str) -> str:
    """A folder's name as a part of a pattern that matches it: characters with a meaning become `*`."""
    return re.sub(r"[{}*]+", "*", unicodedata.normalize("NFC", name))


def _part(part: str, fields: list[str], whole: str, *, last: bool) -> str:
    if part == "*" and last:
        return ".+"
    if part == "**":
        return ".+" if last else _DEEP
    pieces = list(_pieces(part, whole))
    alone = len(pieces) == 1
    out = ""
    for i, (kind, value) in enumerate(pieces):
        if kind == "text":
            out += re.escape(unicodedata.normalize("NFC", value))
        elif kind == "any":
            out += "[^/]*" if not alone else "[^/]+"
        else:
            if value in fields:
                raise ConfigError(f"layout '{whole}' has {{{value}}} twice. Use * for one of them.")
            fields.append(value)
            word = rf"(?i:{SPLIT_WORD})" if value == "split" and not alone else "[^/]+?"
            end = i == len(pieces) - 1
            out += f"(?P<{value}>{'[^/]+' if end and value != 'split' else word})"
    return out


def _pieces(part: str, whole: str) -> Iterator[tuple[str, str]]:
    for match in _PIECE.finditer(part):
        field, star, text, odd = match.groups()
        if field is not None:
            if field not in FIELDS:
                hint = near_or(f"{{{field}}}", (f"{{{name}}}" for name in FIELDS), cutoff=0.4)
                raise ConfigError(f"layout '{whole}' has an unknown field {{{field}}}. {hint}")
            yield "field", field
        elif star:
            yield "any", star
        elif text:
            yield "text", text
        else:
            raise ConfigError(f"layout '{whole}' has a '{odd}' that is not closed. Write fields as {{class}}.")
