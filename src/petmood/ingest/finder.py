"""Names of the pictures of a data set -> which of them a table or an annotation means by what it calls one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from petmood.ingest.words import split_of_folders
from petmood.tables import same_path

_UPLOADED: Final = re.compile(r"(^|/)[0-9a-f]{8}-(?=[^/]+$)")
"""What Label Studio puts before the name of a file that was uploaded."""


class Index:
    """Finds the image that a table means, by its path from the root or the table's folder, its end or its name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._full = {same_path(name): name for name in names}
        self._files: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._folders: set[str] = set()
        for path in self._full:
            folder, _, file = path.rpartition("/")
            self._files[file.casefold()].append(path)
            self._stems[file.rpartition(".")[0].casefold()].append(path)
            self._folders.update(folder.casefold().split("/"))

    def find(self, text: str, folder: str = "") -> str:
        """The name of an image in the source; "" if none is meant, or several might be."""
        path = same_path(text)
        if "://" in path or "?" in path or _UPLOADED.search(path):
            whole = self._find(path, folder)
            return whole or self._find(_UPLOADED.sub(r"\1", _without_address(path)), folder)
        return self._find(path, folder)

    def find_all(self, texts: Sequence[str], folder: str = "") -> list[str]:
        """The image that each of many paths means, "" for none.

        Where some paths agree with the data in the folder of a file too, one that agrees in the file's name alone means
        a picture that is not there: `c/1.jpg` is not `a/1.jpg`.
        """
        found = [self.find(text, folder) if text else "" for text in texts]
        folders = [(_folder_of(same_path(text)), _folder_of(name)) for text, name in zip(texts, found, strict=True)]
        if not any(mine and mine == theirs for mine, theirs in folders):
            return found
        apart = [bool(mine and theirs and mine != theirs) for mine, theirs in folders]
        return ["" if other else name for name, other in zip(found, apart, strict=True)]

    def _find(self, path: str, folder: str) -> str:
        for exact in (f"{folder}/{path}" if folder else path, path):
            if exact in self._full:
                return self._full[exact]
        file = path.rpartition("/")[2].casefold()
        found = self._files.get(file) or self._stems.get(file) or []
        bare = file not in self._files  # the name of the file without its ending
        if folder and len(found) > 1:
            found = [name for name in found if name.startswith(folder + "/")] or found
        if len(found) > 1:
            # annotations/a/1.xml says 1.jpg and means images/a/1.jpg
            parts = (f"{folder}/{path}" if folder else path).casefold().split("/")
            ends = {name: name.casefold().rpartition(".")[0] if bare else name.casefold() for name in found}
            shared = {name: _common_end(end.split("/"), parts) for name, end in ends.items()}
            top = max(shared.values())
            found = [name for name, n in shared.items() if n == top]
        if len(found) != 1:
            return ""
        above = _folder_of(path)
        if above and above in self._folders and above not in found[0].casefold().split("/")[:-1]:
            return ""  # the picture would lie in a folder that is there, and does not
        # 1.jpg of train is not 1.jpg of test, though it be the only one there
        mine, theirs = map(split_of_folders, (path, found[0]))
        return "" if mine and theirs and mine != theirs else self._full[found[0]]


def _folder_of(path: str) -> str:
    """The last folder of a path, "" if it has none."""
    return path.casefold().rpartition("/")[0].rpartition("/")[2]


def _without_address(path: str) -> str:
    """The path that an address of the web, or of an annotation tool, means."""
    path = path.partition("?d=")[2] or path.partition("?")[0]
    return unquote(re.sub(r"^[a-zA-Z0-9+]+://", "", path))


def _common_end(a: Sequence[str], b: Sequence[str]) -> int:
    n = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        n += 1
    return n
