"""A bundle, an ONNX file with its JSON, or a table of predictions -> what it says of each photo of a data set."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from petmood.bundle import Bundle, Prediction, Prepared, load
from petmood.bundle.inputs import Outputs, measure
from petmood.config import Settings
from petmood.dataset import Dataset
from petmood.errors import ConfigError, DataError, ModelError, some
from petmood.features.graphs import open_graph
from petmood.features.inspection import inspect_graph
from petmood.features.trial import PICTURES, try_graph
from petmood.given import read_given
from petmood.records import FloatArray, IntArray, Manifest
from petmood.results.evaluation import EvaluatedModel
from petmood.store import read_json
from petmood.tables import records_by_path, same_name, same_path, separated, unknown_path, value_of

_PATHS: Final = ("path", "file", "filename", "file_name", "image", "source")
_PREDICTED: Final = ("prediction", "predicted", "predicted_label", "predicted_class", "pred", "pred_label", "y_pred")
_LABELS: Final = ("label", "class", "mood")
"""They are predictions where no column says so of itself; beside one that does, they may be the truth."""
_PREFIXES: Final = ("p_", "prob_", "probability_")


@dataclass(frozen=True)
class Answers:
    """What a model says of some photos.

    Attributes:
        model: what it is; `model.classes` names the columns.
        rows: (n,) int64 rows of the data that were answered, ascending.
        probabilities: (n, n_classes) float64; of a table of labels alone, 1 for the label.
        certain: False where only labels are known, so that nothing is said of sureness.
        bundle: the bundle, if it is one.
        outputs: what its graph gives for the photos, if it is one.
        prepared: the photos as its rules read them.
    """

    model: EvaluatedModel
    rows: IntArray
    probabilities: NDArray[np.float64]
    certain: bool
    bundle: Bundle | None = None
    outputs: Outputs | None = None
    prepared: tuple[Prepared, ...] = ()

    @property
    def features(self) -> FloatArray | None:
        """(n, dim) features by a bundle's own graph."""
        return None if self.outputs is None else self.outputs.features

    def judged(self, coverage: float | None = None) -> list[Prediction]:
        """A bundle's whole answers, with sets of a coverage; none of other models."""
        if self.bundle is None or self.outputs is None:
            return []
        return self.bundle.judge(self.prepared, self.outputs, coverage=coverage)


def open_model(path: Path) -> Bundle | Path:
    """A bundle, or the path of an ONNX file that is none.

    Raises:
        ModelError: it is neither.
    """
    if path.suffix.lower() != ".onnx":
        return load(path)
    beside = path.with_suffix(".json")
    if not path.is_file():
        raise ModelError(f"{path} does not exist. Name a bundle, a .zip of one, or an ONNX file.")
    if beside.is_file() and isinstance(found := read_json(beside), dict) and "graph_sha256" in found:
        return load(path.parent)
    return path


def by_bundle(bundle: Bundle, photos: Dataset) -> Answers:
    """A bundle reads photos, with the answers that it would give of each."""
    shown = bundle.description
    parts, prepared = [], list[Prepared]()
    with photos.timed.stage("answers", f"Reading photos with {bundle.name}") as tick:
        for start in range(0, len(photos), PICTURES):
            rows = range(start, min(start + PICTURES, len(photos)))
            pixels = photos.pixels(bundle.size, rows)
            parts.append(bundle.infer(pixels))
            for row, square in zip(rows, pixels, strict=True):
                record = photos.records[row]
                prepared.append(Prepared(record.path, square[:1, :1], record.width, record.height, *measure(square)))
            tick(rows.stop, len(photos))
    outputs = Outputs.joined(parts)
    model = EvaluatedModel(
        kind="bundle",
        name=bundle.name,
        title=shown.title,
        digest=shown.graph_sha256,
        classes=shown.classes,
        trained_on=shown.data.name,
        trained_sha256=shown.data.sha256,
        fitted=shown.data.fitted,
    )
    rows_ = np.arange(len(photos), dtype=np.int64)
    return Answers(model, rows_, outputs.probabilities.astype(np.float64), True, bundle, outputs, tuple(prepared))


class ClassifierFile(Settings):
    """The JSON beside an ONNX classifier.

    Attributes:
        classes: names of the columns of its output.
        size: side of the input in pixels.
        mean, std: subtracted from and dividing each channel (RGB) on the 0..255 scale.
        output: with (n, n_classes) scores or probabilities; the graph's only one by default.
        layout: of the input: "nchw" or "nhwc".
        title: for people.
    """

    classes: tuple[str, ...] = Field(strict=False, min_length=2)
    size: int = Field(ge=8, le=2048)
    mean: tuple[float, float, float] = Field(strict=False)
    std: tuple[float, float, float] = Field(strict=False)
    output: str | None = None
    layout: str = Field(default="nchw", pattern="^(nchw|nhwc)$")
    title: str | None = None


def classes_of(model: Bundle | Path) -> tuple[str, ...]:
    """The classes that a model answers with; they are known before it reads any photo.

    Raises:
        ConfigError, ModelError: as for `by_onnx`.
    """
    return model.classes if isinstance(model, Bundle) else _classifier_file(model).classes


def _classifier_file(path: Path) -> ClassifierFile:
    stated = path.with_suffix(".json")
    if not stated.is_file():
        raise ModelError(
            f"{stated} does not exist: it must say how to feed the graph and what it answers, e.g. "
            '{"classes": ["happy", "sad"], "size": 224, "mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5]}.'
        )
    values: Any = read_json(stated)
    if not isinstance(values, dict):
        raise ConfigError(f"{stated} must hold a JSON object with classes, size, mean and std.")
    return ClassifierFile.create({k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def by_onnx(path: Path, photos: Dataset) -> Answers:
    """An ONNX classifier made by any tool reads photos as its JSON says.

    Raises:
        ConfigError: the JSON has an unknown key, or a value out of range.
        ModelError: a file is missing or cannot be run, has operators that a bundle may not have, takes too much time or
            memory, or its output does not fit the classes.
    """
    stated = path.with_suffix(".json")
    given = _classifier_file(path)
    data = read_given(path, 2**31)
    inspect_graph(data, str(path))
    try_graph(data, given.size, str(path))
    session = open_graph(data, str(path), "Export it again.")
    outputs = [output.name for output in session.get_outputs()]
    wanted = given.output or outputs[0]
    if wanted not in outputs or (given.output is None and len(outputs) > 1):
        raise ModelError(f"{path.name} has the outputs {', '.join(outputs)}. Name one in {stated.name}, key 'output'.")
    feed, parts = session.get_inputs()[0].name, []
    mean, std = (np.array(v, dtype=np.float32) for v in (given.mean, given.std))
    with photos.timed.stage("answers", f"Reading photos with {path.name}") as tick:
        for start in range(0, len(photos), PICTURES):
            rows = range(start, min(start + PICTURES, len(photos)))
            pixels = (photos.pixels(given.size, rows).astype(np.float32) - mean) / std
            ready = pixels.transpose(0, 3, 1, 2) if given.layout == "nchw" else pixels
            try:
                parts.append(np.asarray(session.run([wanted], {feed: np.ascontiguousarray(ready)})[0]))
            except Exception as error:  # ONNX Runtime raises its own undocumented exception types
                raise ModelError(f"{path.name} cannot be fed as {stated.name} says: {error}. Fix it.") from error
            tick(rows.stop, len(photos))
    scores = np.concatenate(parts).astype(np.float64)
    if scores.ndim != 2 or scores.shape[1] != len(given.classes):
        raise ModelError(
            f"{path.name} gives {scores.shape[1:]} values a picture for {len(given.classes)} classes. "
            f"Fix 'classes' or 'output' in {stated.name}."
        )
    model = EvaluatedModel(
        kind="onnx",
        name=path.name,
        title=given.title or path.stem,
        digest=hashlib.sha256(data).hexdigest(),
        classes=given.classes,
    )
    return Answers(model, np.arange(len(photos), dtype=np.int64), _probabilities(scores), True)


def _probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores as probabilities, unless they are: rows from 0 to 1 that sum to 1."""
    from scipy.special import softmax

    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))
    return np.asarray(softmax(scores, axis=1), dtype=np.float64)


def by_table(path: Path, data: Dataset, mapping: Mapping[str, str] | None = None, *, as_named: bool = False) -> Answers:
    """The predictions of a CSV, made by any tool, for the photos of the data that it names.

    It has a column of paths (`path`, `file`, `image`, ...), and a column `label`, or a column of probabilities a class,
    or both. A photo's own file counts; where the table has no line for it, the first of its other files does.

    Args:
        path: of the table.
        data: with labels; its rows are what `Answers.rows` counts.
        mapping: classes of the data -> classes of the table, whose names are looked for among its columns.
        as_named: give the row of the file that the table names first of each photo, not that of the photo itself.

    Raises:
        DataError: the table cannot be read, or a line does not fit the data.
    """
    raw = read_given(path)
    lines = list(separated(raw, str(path)))
    header = [cell.casefold() for cell in lines[0][1]] if lines else []
    place = next((header.index(name) for name in _PATHS if name in header), None)
    if place is None:
        raise DataError(
            f"{path}, line 1: there is no column 'path', got '{','.join(header)}'. Name the photos' column."
        )
    told = _told(header, path)
    rows = [(line, cells) for line, cells in lines[1:] if cells[place].strip()]
    where = _Finder(data.manifest, data.origin.data)
    by_record: dict[str, tuple[int, list[str]]] = {}
    for line, cells in rows:
        record = where.path(cells[place], f"{path}, line {line}")
        if record in by_record:
            raise DataError(f"{path}, line {line}: '{record}' is named twice, first in line {by_record[record][0]}.")
        by_record[record] = line, cells
    names = [*(mapping or {}).values(), *(c for c in data.classes if same_name(c) not in _folded(mapping))]
    columns = _class_columns(lines[0][1] if lines else [], rows, names, {place, *([] if told is None else [told])})
    chosen = _line_of_each(data.manifest, by_record, as_named)
    if not chosen:
        raise DataError(f"{path} names no photo of {data.manifest.name}. Paths are relative to the data.")
    if columns:
        classes = tuple(columns.values())
        if len({*map(same_name, classes)}) < len(classes):
            raise DataError(
                f"{path}, line 1: two columns are probabilities of one class ({some(classes)}). Remove one."
            )
        values = np.array([[_number(cells[i], path, line) for i in columns] for line, cells in chosen.values()])
        _checked(values, list(chosen.values()), path)
        values = values / values.sum(axis=1, keepdims=True)
    elif told is not None:
        labels = [value_of(cells[told]) for _, cells in chosen.values()]
        classes = tuple({same_name(name): name for name in (*labels, *names) if name}.values())
        index = {same_name(name): i for i, name in enumerate(classes)}
        _check_known(labels, names, data, path)
        for (line, _), label in zip(chosen.values(), labels, strict=True):
            if not label:
                raise DataError(f"{path}, line {line}: there is no prediction. Fill it in or remove the line.")
        values = np.eye(len(classes))[[index[same_name(label)] for label in labels]]
    else:
        raise DataError(f"{path}, line 1: there is no column 'label' and no columns of probabilities, got '{header}'.")
    digest = hashlib.sha256(raw).hexdigest()
    model = EvaluatedModel(kind="predictions", name=path.name, title=path.stem, digest=digest, classes=classes)
    return Answers(model, np.array(list(chosen), dtype=np.int64), values, bool(columns))


def _told(header: Sequence[str], path: Path) -> int | None:
    """Place of the column of predicted classes, None if there is none.

    Raises:
        DataError: there are several.
    """
    for known in (_PREDICTED, _LABELS):
        places = [i for i, name in enumerate(header) if name in known]
        if len(places) > 1:
            raise DataError(
                f"{path}, line 1: several columns may be the predictions: {some([header[i] for i in places])}. Keep "
                "one of them, and call it 'prediction'."
            )
        if places:
            return places[0]
    return None


def _check_known(labels: Sequence[str], names: Sequence[str], data: Dataset, path: Path) -> None:
    """Tell of predicted classes that the data do not have: every such answer is wrong.

    Raises:
        DataError: all are such, so that the table means something else.
    """
    known = {*map(same_name, names)}
    others = Counter(label for label in labels if label and same_name(label) not in known)
    if others.total() and others.total() == len(labels):
        raise DataError(
            f"{path} predicts {some([*others])} alone, which are no classes of {data.manifest.name} "
            f"({some(data.classes)}). Write the classes' names as the data have them."
        )
    if others:
        data.timed.inner.note(
            f"{path.name} predicts {some([*others])} of {others.total():,} photos; the data have no such class, so "
            "that these answers count as wrong."
        )


def _folded(mapping: Mapping[str, str] | None) -> set[str]:
    return {same_name(name) for name in mapping or {}}


def _line_of_each(
    manifest: Manifest, lines: Mapping[str, tuple[int, list[str]]], as_named: bool
) -> dict[int, tuple[int, list[str]]]:
    """Row of each photo, ascending -> its line; of other files of the photo where it has none itself."""
    named = [row for row, record in enumerate(manifest.records) if record.path in lines]
    of = {row: lines[manifest.records[row].path] for row in named}
    first: dict[str, int] = {}
    for row in sorted(named, key=lambda row: of[row][0]):
        first.setdefault(manifest.records[row].family, row)
    if as_named:
        return {row: of[row] for row in sorted(first.values())}
    photos = [row for row in manifest.photo_index.tolist() if manifest.records[row].family in first]
    return {row: of.get(row) or of[first[manifest.records[row].family]] for row in photos}


def _class_columns(
    header: Sequence[str], rows: Sequence[tuple[int, list[str]]], names: Sequence[str], taken: set[int]
) -> dict[int, str]:
    """Place of each column of probabilities -> its class: by its name, or because such columns sum to 1 in each row."""
    folded = {same_name(name): name for name in names}
    found = {}
    for i, cell in enumerate(header):
        plain = cell.strip()
        bare = next(
            (plain[len(p) :] for p in _PREFIXES if plain.casefold().startswith(p) and len(plain) > len(p)), None
        )
        if i not in taken and (bare is not None or same_name(plain) in folded):
            found[i] = folded.get(same_name(bare or plain), bare or plain)
    others = [i for i in range(len(header)) if i not in taken and i not in found and rows]
    numeric = [i for i in others if all(_is_share(cells[i]) for _, cells in rows)]
    whole = {**found, **{i: header[i].strip() for i in numeric}}
    if numeric and all(abs(sum(float(cells[i]) for i in whole) - 1) < 1e-2 for _, cells in rows):
        found = whole
    return dict(sorted(found.items())) if len(found) >= 2 else {}


def _is_share(cell: str) -> bool:
    try:
        return 0 <= float(cell) <= 1
    except ValueError:
        return False


def _number(cell: str, path: Path, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise DataError(f"{path}, line {line}: '{cell}' is not a probability. Give numbers from 0 to 1.")
    return value


def _checked(values: NDArray[np.float64], lines: Sequence[tuple[int, list[str]]], path: Path) -> None:
    sums = values.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1) > 2e-2)
    if len(wrong):
        raise DataError(
            f"{path}, line {lines[int(wrong[0])][0]}: the probabilities sum to {sums[wrong[0]]:.3g}. Give numbers from "
            "0 to 1 that sum to 1 in each line."
        )


class _Finder:
    """Finds the files of a data set that others name: relative to it, with its own name before, or absolute."""

    def __init__(self, manifest: Manifest, root: Path) -> None:
        self._manifest = manifest
        self._known = {name: record.path for name, record in records_by_path(manifest).items()}
        self._starts = tuple(f"{same_path(str(start)).rstrip('/')}/" for start in {root, root.absolute(), root.name})

    def path(self, name: str, where: str) -> str:
        """The path of a record, as the data has it.

        Raises:
            DataError: no record has it; `where` begins the message.
        """
        found = self._find(name)
        if found is not None:
            return found
        raise DataError(f"{where}: {unknown_path(name, self._manifest)}")

    def has(self, name: str) -> bool:
        """Whether a record has a path."""
        return self._find(name) is not None

    def _find(self, name: str) -> str | None:
        plain = same_path(name)
        tried = (plain.removeprefix(start) for start in ("", *self._starts) if plain.startswith(start))
        return next((self._known[path] for path in tried if path in self._known), None)

    def below(self, name: str) -> list[str]:
        """The paths of all records in a folder of the data; none if it is not a folder of it."""
        plain = f"{same_path(name).rstrip('/')}/"
        for start in ("", *self._starts):
            folder = plain.removeprefix(start)
            found = [
                path for known, path in self._known.items() if plain.startswith(start) and known.startswith(folder)
            ]
            if found:
                return found
        return []


def read_list(path: Path, data: Dataset) -> list[str]:
    """The files of the data that a list names: a path or a folder a line; empty lines and lines with # are passed over.

    Raises:
        DataError: the list cannot be read, is empty, or names what the data does not have.
    """
    from petmood.tables import decoded

    where = _Finder(data.manifest, data.origin.data)
    found: dict[str, None] = {}
    for line, text in enumerate(decoded(read_given(path), str(path)).splitlines(), 1):
        name = text.strip().strip('"')
        below = where.below(name) if name else []
        if not name or (name.startswith("#") and not below and not where.has(name)):
            continue  # a comment; but a folder may be called `#1`
        found |= dict.fromkeys(below or [where.path(name, f"{path}, line {line}")])
    if not found:
        raise DataError(f"{path} names no file. Give it a line for each file that the model was trained on.")
    return list(found)
