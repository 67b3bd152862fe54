"""`petmood compare` and `petmood runs list`: run folders, bundles and evaluations -> what differs between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from petmood.bundle import ModelDescription
from petmood.bundle.built_in import located
from petmood.bundle.folder import DESCRIPTION, read
from petmood.bundle.headline import headline
from petmood.errors import DataError, PetmoodError
from petmood.evaluation.statistics import tell_apart
from petmood.files import settle
from petmood.jobs.provenance import MANIFEST
from petmood.records import Manifest
from petmood.results import ModelFacts, Results
from petmood.results.comparison import (
    DifferenceFacts,
    FigureRow,
    NotPaired,
    PairedDifference,
    RunList,
    Setting,
    Subject,
)
from petmood.results.evaluation import EvaluationFacts
from petmood.store import read_json, read_manifest
from petmood.tables import same_name
from petmood.version import __version__

RESULTS: Final = "results.json"
EVALUATION: Final = "evaluation.json"
_KINDS: Final = (RESULTS, EVALUATION, DESCRIPTION)
_DEPTH: Final = 4

_F = TypeVar("_F", Results, EvaluationFacts)


@dataclass(frozen=True)
class Compared:
    """A subject as read: its facts, figures, all that it says of how it was made, and where its photos are listed.

    `models` are the figures that are compared with others: baselines are not.
    """

    subject: Subject
    figures: tuple[ModelFacts, ...]
    models: tuple[ModelFacts, ...]
    settings: Mapping[str, str]
    folder: Path | None = None

    @cached_property
    def manifest(self) -> Manifest | None:
        """Its photos; None where it does not list them."""
        listed = None if self.folder is None else self.folder / MANIFEST
        return read_manifest(listed) if listed is not None and listed.is_file() else None


def compare(paths: Sequence[Path]) -> DifferenceFacts:
    """Compare two or more of what petmood wrote: run folders, bundles (folders or .zip) and evaluations.

    Raises:
        DataError: fewer than two, or one of them is nothing that petmood wrote, or is damaged.
        ModelError: a bundle is damaged.
    """
    if len(paths) < 2:
        raise DataError(f"compare needs two or more runs or bundles, got {len(paths)}. Name another.")
    found = [open_subject(path) for path in paths]
    names = list(dict.fromkeys(name for one in found for name in one.settings))
    rows = [(name, tuple(one.settings.get(name) for one in found)) for name in names]
    pairs, apart = _paired(found)
    return DifferenceFacts(
        petmood=__version__,
        subjects=tuple(one.subject for one in found),
        settings=tuple(Setting(name=name, values=values, differs=len(set(values)) > 1) for name, values in rows),
        figures=tuple(
            FigureRow(
                subject=i,
                model=m.name,
                title=m.title,
                protocol=m.protocol,
                n=m.n,
                accuracy=m.accuracy,
                accuracy_ci=m.accuracy_ci,
                macro_f1=m.macro_f1,
                mark=m.mark,
            )
            for i, one in enumerate(found)
            for m in one.figures
        ),
        pairs=tuple(pairs),
        not_paired=tuple(apart),
    )


def list_runs(folder: Path) -> RunList:
    """Everything below a folder that `compare` takes, but for the bundles inside runs; by path.

    Raises:
        DataError: it is not a folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Name the one that your runs are in.")
    runs, unreadable = list[Subject](), dict[str, str]()
    for path in _below(folder, _DEPTH):
        try:
            runs.append(open_subject(path).subject)
        except PetmoodError as error:
            unreadable[str(path)] = str(error)
    return RunList(folder=str(folder), runs=tuple(runs), unreadable=unreadable)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    if any((folder / name).is_file() for name in _KINDS):
        yield folder
        return
    if depth:
        try:
            inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
        except OSError:
            return
        for path in inside:
            if not path.name.startswith("."):
                yield from _below(path, depth - 1)


def open_subject(path: Path) -> Compared:
    """Read a run folder, a bundle, also by its name (`pets`, `hub:OWNER/NAME`), or an evaluation.

    Raises:
        DataError: it is none of them, or its JSON is of another version.
        ModelError: the bundle is damaged, or cannot be fetched.
    """
    path = located(path)
    if path.is_file() and path.name in (RESULTS, EVALUATION, DESCRIPTION):
        path = path.parent
    if path.is_dir():
        settle(path)
        if (path / RESULTS).is_file():
            return _run(path)
        if (path / EVALUATION).is_file():
            return _evaluation(path)
    elif path.suffix.lower() != ".zip":
        raise DataError(f"{path} is neither a run folder nor a bundle. Name a folder with {RESULTS}, or a bundle.")
    if path.is_dir() and not (path / DESCRIPTION).is_file():
        raise DataError(f"{path} has neither {RESULTS} nor {EVALUATION} nor {DESCRIPTION}. Name a run or a bundle.")
    return _bundle(path)


def _run(path: Path) -> Compared:
    results = _parsed(Results, path / RESULTS)
    made, data, env = results.provenance, results.dataset, results.environment
    digest = made.data_sha256 if made else next((m.identity.data for m in results.models if m.identity), "")
    settings = {
        "data digest": digest,
        "data": data.name,
        "images": str(data.images),
        "photos": str(data.photos),
        "classes": ", ".join(data.classes),
        "splits": "the data's own" if data.official_splits else "petmood's",
        "families": data.family_source,
        "layout": data.layout,
        "petmood": env.petmood,
        "python": env.python,
        "seed": str(env.seed),
        "preset": env.preset,
        **{f"package {name}": version for name, version in sorted(env.packages.items())},
    }
    if made is not None:
        for name in ("labels", "groups", "species"):
            applied = getattr(made, name)
            settings[name] = "none" if applied is None else f"{applied.name} ({applied.sha256[:12] or 'in the data'})"
        settings |= {f"setting {name}": _text(value) for name, value in sorted(made.settings.items())}
        settings |= {f"reading {name}": _text(value) for name, value in sorted(made.reading.items())}
    best = max(results.models, key=lambda m: m.n, default=None)
    subject = _subject(
        path,
        path / RESULTS,
        best,
        kind="run",
        data=data.name,
        data_digest=digest,
        photos=data.photos,
        classes=data.classes,
        petmood=env.petmood,
    )
    return Compared(subject, (*results.models, *results.baselines), results.models, settings, path)


def _evaluation(path: Path) -> Compared:
    facts = _parsed(EvaluationFacts, path / EVALUATION)
    settings = {
        "data digest": facts.data.digest,
        "data": facts.data.name,
        "images": str(facts.data.images),
        "photos": str(facts.data.photos),
        "classes": ", ".join(facts.figure.classes),
        "layout": facts.data.layout,
        "petmood": facts.petmood,
        "model": f"{facts.model.title} ({facts.model.digest[:12]})",
        "trained on": facts.model.trained_sha256 or "not known",
        "training photos among these": f"{facts.overlap.photos}, {'kept' if facts.overlap.kept else 'left out'}",
        **{f"map {theirs}": ours for theirs, ours in facts.data.mapping.items()},
    }
    subject = _subject(
        path,
        path / EVALUATION,
        facts.figure,
        kind="evaluation",
        data=facts.data.name,
        data_digest=facts.data.digest,
        photos=facts.data.photos,
        classes=facts.figure.classes,
        petmood=facts.petmood,
    )
    return Compared(subject, (facts.figure,), (facts.figure,), settings, path)


def _bundle(path: Path) -> Compared:
    shown: ModelDescription = read(path).description
    settings = {
        "data digest": shown.data.sha256,
        "data": shown.data.name,
        "images": str(shown.data.images),
        "photos": str(shown.data.photos),
        "photos fitted on": str(shown.data.fitted),
        "classes": ", ".join(shown.classes),
        "petmood": shown.petmood,
        "model": shown.title,
        "graph": shown.graph_sha256[:12],
        "input size": str(shown.input.size),
        "temperature": f"{shown.calibration.temperature:.4g}",
        **{f"setting {name}": _text(value) for name, value in sorted(shown.settings.items())},
    }
    subject = _subject(
        path,
        path / DESCRIPTION if path.is_dir() else path,
        headline(shown),
        kind="bundle",
        data=shown.data.name,
        data_digest=shown.data.sha256,
        photos=shown.data.photos,
        classes=shown.classes,
        petmood=shown.petmood,
    )
    models = tuple(m for m in shown.evaluation if not m.name.startswith("majority"))
    return Compared(subject, shown.evaluation, models, settings)


def _subject(path: Path, file: Path, best: ModelFacts | None, **told: Any) -> Subject:
    told |= best.model_dump(include={"title", "protocol", "n", "accuracy", "accuracy_ci", "macro_f1"}) if best else {}
    moment = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
    return Subject(path=str(path), modified=moment, **told)


def _parsed(kind: type[_F], path: Path) -> _F:
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path} cannot be read by this petmood ({where}: {first['msg']}). Make it again with the same command."
        ) from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


_Judged = dict[str, tuple[bool, str]]
"""What one figure says of each photo, by what identifies the photo: whether it is right, and the label by name."""


def _paired(found: Sequence[Compared]) -> tuple[list[PairedDifference], list[NotPaired]]:
    """Equal models, and the headline models, of each two subjects under each protocol that both have."""
    wanted, apart = list[tuple[int, int, ModelFacts, ModelFacts, list[str], _Judged, _Judged]](), list[NotPaired]()
    for i, j in combinations(range(len(found)), 2):
        before = len(wanted)
        shares = False
        for x, y in _matches(found[i], found[j]):
            p, q = _judged(found[i], x, found[j]), _judged(found[j], y, found[i])
            if p is None or q is None:
                continue
            shared = sorted(p.keys() & q.keys())
            if shared:
                wanted.append((i, j, x, y, shared, p, q))
            shares = True
        if len(wanted) == before:
            why = "they share no evaluated photo" if shares else "they have no protocol in common, or say no photos"
            apart.append(NotPaired(a=i, b=j, reason=why))
    values: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = [
        (np.array([p[k][0] for k in shared]), np.array([q[k][0] for k in shared]))
        for _, _, _, _, shared, p, q in wanted
    ]
    made = tell_apart(values) if values else ()
    rows = []
    for (i, j, x, y, shared, p, q), (left, right), test in zip(wanted, values, made, strict=True):
        rows.append(
            PairedDifference(
                a=i,
                b=j,
                model_a=x.name,
                model_b=y.name,
                protocol=x.protocol,
                n=len(shared),
                relabelled=sum(same_name(p[k][1]) != same_name(q[k][1]) for k in shared),
                accuracy_a=float(left.mean()),
                accuracy_b=float(right.mean()),
                difference=test.difference,
                difference_ci=test.interval,
                only_a=test.only_a,
                only_b=test.only_b,
                p=test.p,
                p_adjusted=test.p_adjusted,
                differ=test.differ,
                mark=x.mark or y.mark,
            )
        )
    return rows, apart


def _matches(a: Compared, b: Compared) -> Iterator[tuple[ModelFacts, ModelFacts]]:
    """Figures of two subjects to be set beside each other: of equal models, else the first of each protocol."""
    for protocol in dict.fromkeys(m.protocol for m in a.models):
        left = [m for m in a.models if m.protocol == protocol and m.photos]
        right = [m for m in b.models if m.protocol == protocol and m.photos]
        same = [(x, y) for x in left for y in right if x.name == y.name]
        if left and right and (left[0], right[0]) not in same:
            yield left[0], right[0]
        yield from same


def _judged(one: Compared, figure: ModelFacts, other: Compared) -> _Judged | None:
    """By digest of the file where both have their photos' list; else by row, where both are of the same data."""
    rows = figure.photos
    if one.manifest is not None and other.manifest is not None:
        if rows and max(rows) >= len(one.manifest):
            return None
        keys = [one.manifest.records[row].sha256 for row in rows]
    elif figure.identity is not None and any(
        m.identity and m.identity.data == figure.identity.data for m in other.figures
    ):
        keys = [f"{row:09d}" for row in rows]
    else:
        return None
    judged = zip(keys, figure.truth, figure.predicted, strict=True)
    return {key: (truth == predicted, figure.classes[truth]) for key, truth, predicted in judged}
