"""Names from data are data: the one way in which each becomes part of a path, a terminal line, Markdown, CSV or a log.

A file name, a class or a label can hold anything: path separators, escape sequences, line ends, markup, formulas, bytes
that are no Unicode. HTML is escaped by the templates themselves (Jinja with autoescape).
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

MAX_COMPONENT: Final = 255
"""Bytes that a name may have on the usual file systems."""

_HIDDEN: Final = r"\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
# what is not drawn, or turns the direction of what stands beside it; lone surrogates are bytes that are no Unicode
_CONTROLS: Final = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_HIDDEN}\ud800-\udfff]")
_BREAKS: Final = re.compile(rf"[\x00-\x1f\x7f-\x9f{_HIDDEN}\ud800-\udfff]")
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>|~$^]|^[#+\-=:]|^\d+(?=[.)]))")
_LINK: Final = re.compile(r"(?<=[a-z])://|(?<=www)\.|@", re.IGNORECASE)  # what is made a link without brackets
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]|%(?=[0-9A-Fa-f]{2})')
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\.|$)", re.IGNORECASE
)


def terminal(text: str) -> str:
    r"""Text for a terminal: control characters but line end and tab become \uXXXX, which JSON reads as the same."""
    return _CONTROLS.sub(_escaped, text)


def one_line(text: str) -> str:
    """Text for one line of a terminal or a log: no line end either."""
    return _BREAKS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a table's cell too."""
    shown = _MARKDOWN.sub(r"\\\1", one_line(text).strip().replace("&", "&amp;"))
    return _LINK.sub(lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", shown)


def csv_cell(text: str) -> str:
    """Text for a cell that no spreadsheet takes for a formula: what looks like one gets an apostrophe before it."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    """Rows as CSV, each cell a `csv_cell`, lines ended by a line feed."""
    lines = []
    for row in rows:
        line = io.StringIO()
        # with this end a cell that holds either half of it is quoted
        csv.writer(line, lineterminator="\r\n").writerow([csv_cell(cell) for cell in row])
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def from_csv_cell(cell: str) -> str:
    """The text that `csv_cell` made a cell of; what anybody else wrote is left as it is, but for such an apostrophe."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def path_component(text: str) -> str:
    """A name for one file or folder on any system: different texts give different names, as long as they are short.

    What cannot stand in a name becomes %XX, as in URLs; a name that would be longer than `MAX_COMPONENT` bytes is cut
    and ends with a digest of the whole, before its suffix.
    """
    raw = unicodedata.normalize("NFC", text).encode(errors="surrogateescape" if _is_bytes(text) else "backslashreplace")
    name = "".join(
        char if not 0xDC80 <= ord(char) <= 0xDCFF else f"%{ord(char) - 0xDC00:02X}"
        for char in raw.decode(errors="surrogateescape")
    )
    name = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)
    if not name:
        return "%"
    if name[-1] in ". ":
        name = f"{name[:-1]}%{ord(name[-1]):02X}"
    if name[0] == ".":  # `.` and `..` are other folders, and what begins with a dot is hidden
        name = f"%2E{name[1:]}"
    if _RESERVED.match(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(os.fsencode(name)) > MAX_COMPONENT:
        _, dot, suffix = name.rpartition(".")
        ending = f"~{hashlib.sha256(raw).hexdigest()[:16]}"
        ending += f".{suffix}" if dot and len(suffix.encode()) <= 16 else ""
        room = MAX_COMPONENT - len(ending.encode())
        name = name.encode()[:room].decode(errors="ignore").rstrip(". ") + ending
    return name


def _is_bytes(text: str) -> bool:
    """Whether lone surrogates in a text all stand for bytes, as Python has them in names that are no Unicode."""
    return all(0xDC80 <= ord(char) <= 0xDCFF for char in text if "\ud800" <= char <= "\udfff")


_PLAIN: Final = {
    "\N{NARROW NO-BREAK SPACE}": " ",
    "\N{NO-BREAK SPACE}": " ",
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{HORIZONTAL ELLIPSIS}": "...",
}
"""What the typography of our sentences becomes on a terminal that cannot show it."""


def register_plain() -> str:
    """Name of a handler of encoding errors: our own typography becomes ASCII, all else is escaped with a backslash."""

    def plain(error: UnicodeError) -> tuple[str | bytes, int]:
        if isinstance(error, UnicodeEncodeError):
            char = error.object[error.start]
            if char in _PLAIN:
                return _PLAIN[char], error.start + 1
        return codecs.backslashreplace_errors(error)

    codecs.register_error("petmood-plain", plain)
    return "petmood-plain"
