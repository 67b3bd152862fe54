"""`petmood evaluate`: a finished model, or predictions by any tool, and labelled data -> how good it is there, and why.

Photos of the data that the model was trained on are found before anything is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.build.training_photos import SHARES, photo_measures, species_of
from petmood.bundle import Bundle, Prediction
from petmood.bundle.schema import ConformalLevel, TrainingSummary
from petmood.dataset import Dataset
from petmood.dataset.figures import model_facts
from petmood.dataset.outside import class_map
from petmood.errors import ConfigError, DataError
from petmood.evaluation import calibrate
from petmood.evaluation.certainty import chance_ece, sureness
from petmood.evaluation.protocols import Predictions
from petmood.evaluation.statistics import mean_interval
from petmood.evaluation.unlikeness import distances
from petmood.families.store import local_features
from petmood.jobs.answers import Answers, by_bundle, by_onnx, by_table, classes_of
from petmood.records import IntArray, Manifest
from petmood.results import ClassCoverage, SetFacts
from petmood.results.evaluation import (
    AnimalFacts,
    AnswerFacts,
    EvaluatedData,
    EvaluationFacts,
    MixFacts,
    OverlapFacts,
    OverlapPair,
    PartFacts,
    ShiftFacts,
    WrongPhoto,
)
from petmood.results.models import Basis
from petmood.split import complete_splits
from petmood.tables import same_name
from petmood.version import __version__

PROTOCOL: Final = "other-data"
"""Protocol name: a finished model on the photos of data that it was not trained on."""

OWN_DATA: Final = "own-data"
"""Protocol name: a finished model on the very data that it was trained on, where a figure means nothing."""

WORST: Final = 24
"""Wrong photos that are told of, the surest first."""

ANIMALS: Final = 10
_LEAST_PHOTOS: Final = 3  # of an animal, before it is told of by name
_DISTANCE: Final = "distance to training photos"


def evaluate(
    model: Bundle | Path | None,
    data: Dataset,
    *,
    predictions: Path | None = None,
    mapping: Mapping[str, str] | None = None,
    keep_overlap: bool = False,
    seed: int = 42,
) -> EvaluationFacts:
    """Score what a model says of the photos of a data set, each family once, without those that it was trained on.

    Args:
        model: a bundle, or the path of an ONNX classifier with its JSON; with `predictions`, who made them, so that
            its training photos are known, or None.
        data: labelled.
        predictions: a table of predictions by any tool.
        mapping: classes of the data -> classes of the model; names that differ in case alone need no entry.
        keep_overlap: count training photos too, and mark every figure.
        seed: with which the data was opened, for the figure's identity.

    Raises:
        ConfigError: a class of the data is none of the model's, or there is neither a model nor predictions.
        DataError: the data has no labels, or nothing is left to score.
        ModelError: the model cannot be used.
    """
    data.require_labels()
    check = fitting(model, data.origin.data, predictions, mapping or {})
    if check is not None:
        check(data.manifest)  # told before any photo is read
    overlap = _overlap(model if isinstance(model, Bundle) else None, data, keep_overlap)
    answers = _answers(model, data, predictions, mapping)
    classes, names, order, mapped = matched(answers, data, mapping or {})
    seen = {pair.path for pair in overlap.pairs}
    known = {data.manifest.records[i].family for i in range(len(data)) if data.records[i].path in seen}
    taught = np.array([data.records[row].family in known for row in answers.rows.tolist()], dtype=np.bool_)
    counted = np.ones(len(taught), dtype=np.bool_) if overlap.kept else ~taught
    if not counted.any():
        raise DataError(
            f"every photo of {data.manifest.name} that was predicted is a training photo of the model. Give other "
            "data, or --keep-overlap to see what it remembers."
        )
    at = np.flatnonzero(counted)
    rows, probabilities = answers.rows[at], answers.probabilities[at][:, order]
    manifest = mapped.manifest
    truth = manifest.class_index[rows]
    mark = _mark(overlap)
    figure = model_facts(
        manifest,
        Predictions(rows, probabilities, answers.model.fitted or 0),
        name=f"{answers.model.title} ({answers.model.digest[:12]})",
        title=answers.model.title,
        protocol=OWN_DATA if overlap.own else PROTOCOL,
        seed=seed,
        training="as its bundle says" if answers.model.kind == "bundle" else "not known",
        settings={f"map {theirs}": ours for theirs, ours in names.items() if theirs != ours},
        used=dict.fromkeys(manifest.split_names(), "fitted" if overlap.own else "evaluated"),
        basis=_basis(overlap),
    ).model_copy(update={"mark": mark})
    hits = truth == probabilities.argmax(axis=1)
    photos = data.subset(rows)
    shares = np.bincount(truth, minlength=len(classes)) / len(truth)
    commonest = int(shares.argmax())
    looks = _Looks(answers, at, photos)
    return EvaluationFacts(
        petmood=__version__,
        model=answers.model,
        data=data_facts(data, names, len(data.manifest.photo_index) - len(answers.rows)),
        overlap=overlap,
        figure=figure,
        seen=part("training photos", hits[taught[at]], mark) if overlap.kept and taught.any() else None,
        unseen=part("other photos", hits[~taught[at]]) if overlap.kept and not taught.all() else None,
        majority=part(classes[commonest], truth == commonest),
        sureness=sureness(probabilities, truth) if answers.certain else None,
        ece_if_calibrated=chance_ece(probabilities, seed) if answers.certain else None,
        brier_constant=calibrate.brier_score(np.tile(shares, (len(truth), 1)), truth) if answers.certain else None,
        sets=tuple(_sets(answers, at, classes, truth)),
        answers=tuple(_verdicts(answers, at, hits)),
        species=tuple(_species(looks, hits)),
        animals=_animals(photos, hits),
        shift=() if overlap.own else looks.shift(),
        mix=() if overlap.own else looks.mix(),
        worst=tuple(_worst(manifest, rows, probabilities, truth, classes, certain=answers.certain)),
    )


def fitting(
    model: Bundle | Path | None, data: Path, predictions: Path | None, mapping: Mapping[str, str]
) -> Callable[[Manifest], object] | None:
    """Looks whether the classes of data are the model's, for `open_dataset`; None where the model's are not known."""
    if model is None or predictions is not None:
        return None
    classes = classes_of(model)
    return lambda manifest: class_map(manifest, mapping, classes, data)


def _answers(
    model: Bundle | Path | None, data: Dataset, predictions: Path | None, mapping: Mapping[str, str] | None
) -> Answers:
    if predictions is not None:
        made = by_table(predictions, data, mapping)
        if not isinstance(model, Bundle):
            return made
        shown = model.description
        named = {"trained_on": shown.data.name, "trained_sha256": shown.data.sha256, "fitted": shown.data.fitted}
        return replace(made, model=made.model.model_copy(update=named))
    if model is None:
        raise ConfigError("there is nothing to evaluate. Name a model, or a table with --predictions preds.csv.")
    made = by_bundle(model, data.photos) if isinstance(model, Bundle) else by_onnx(model, data.photos)
    return replace(made, rows=data.manifest.photo_index[made.rows])


def _overlap(bundle: Bundle | None, data: Dataset, keep: bool) -> OverlapFacts:
    """Which files of the data show training photos, by the bundle's memory of them."""
    n = len(data.manifest.photo_index)
    if bundle is None:
        return OverlapFacts(searched="nothing", n=n, photos=0, by_bytes=0, by_pixels=0, own=False, kept=keep, pairs=())
    own = _is_own(bundle, data.manifest)
    memory, pairs = bundle.memory, list[OverlapPair]()
    if memory is not None:
        with data.timed.stage("overlap", "Looking for training photos") as tick:
            found = list(local_features(data.records, data.pictures, data.cache, tick))
            known = memory.recognise([record.sha256 for record in data.records], found)
        pairs = [
            OverlapPair(
                path=data.records[i].path,
                training=memory.photos[r.row].path,
                how=r.how,
                agreement=round(r.agreement, 4),
            )
            for i, r in known.items()
        ]
    by = {data.records[i].path: data.records[i].family for i in range(len(data))}
    equal = {by[pair.path] for pair in pairs if pair.how == "bytes"}
    alike = {by[pair.path] for pair in pairs} - equal
    photos = len(equal | alike)
    own = own or photos == n
    return OverlapFacts(
        searched="pixels" if memory is not None else "nothing",
        n=n,
        photos=photos,
        by_bytes=len(equal),
        by_pixels=len(alike),
        own=own,
        kept=keep or own,
        pairs=tuple(pairs),
    )


def _is_own(bundle: Bundle, manifest: Manifest) -> bool:
    """Whether data are those that a bundle was trained on, with the splits that it made where they have none."""
    wanted = bundle.description.data.sha256
    if manifest.digest == wanted:
        return True
    with suppress(DataError):
        return complete_splits(manifest, int(bundle.description.settings.get("seed", 42))).digest == wanted
    return False


def _mark(overlap: OverlapFacts) -> str | None:
    if overlap.own:
        return "made on the data that the model was trained on: memory, not skill"
    if overlap.kept and overlap.photos:
        return f"made with --keep-overlap: {overlap.photos} of {overlap.n} photos are training photos of the model"
    return None


def _basis(overlap: OverlapFacts) -> Basis:
    if overlap.own:
        return "training-data"
    return "elsewhere-with-training" if overlap.kept and overlap.photos else "elsewhere"


def matched(
    answers: Answers, data: Dataset, mapping: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str], list[int], Dataset]:
    """Classes in the order of the figures, the data's names -> those, the column of each, and the data under them.

    Raises:
        ConfigError: a class of the data is none of the model's.
    """
    classes, names, order = _classes(answers, data, mapping)
    if classes == data.classes and all(theirs == ours for theirs, ours in names.items()):
        return classes, names, order, data
    records = tuple(replace(record, class_name=names[record.class_name]) for record in data.records)
    return classes, names, order, data.relabelled(replace(data.manifest, classes=classes, records=records))


def _classes(
    answers: Answers, data: Dataset, mapping: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str], list[int]]:
    """Classes in the order of the figures, the data's names -> those, and the column of each."""
    names = class_map(data.manifest, mapping, answers.model.classes, data.origin.data)
    column = {name: i for i, name in enumerate(answers.model.classes)}
    if len(set(names.values())) == len(names) == len(column):
        # the same moods under other names or in another order: figures are told in the data's own words and order
        if not mapping:
            return data.classes, {name: name for name in data.classes}, [column[names[n]] for n in data.classes]
        kept = tuple(names[name] for name in data.classes)
        return kept, names, [column[name] for name in kept]
    return answers.model.classes, names, list(range(len(column)))


def data_facts(data: Dataset, names: Mapping[str, str], unanswered: int) -> EvaluatedData:
    """What data were evaluated on, and how many of their photos have no answer."""
    manifest = data.manifest
    return EvaluatedData(
        name=manifest.name,
        digest=manifest.digest,
        layout=manifest.layout,
        images=len(manifest),
        photos=len(manifest.photo_index),
        classes=data.classes,
        mapping=dict(names),
        animals=len({r.animal for r in data.records} - {""}),
        unanswered=unanswered,
    )


def part(name: str, hits: NDArray[np.bool_], mark: str | None = None) -> PartFacts:
    """The accuracy of some photos, n of them, 1 or more."""
    return PartFacts(
        name=name,
        n=len(hits),
        correct=int(hits.sum()),
        accuracy=float(hits.mean()),
        accuracy_ci=mean_interval(hits),
        mark=mark,
    )


def _species(looks: _Looks, hits: NDArray[np.bool_]) -> Iterator[PartFacts]:
    told = looks.species
    for name in sorted(set(told or ()), key=lambda s: (-(told or []).count(s), s)):
        yield part(name, hits[np.array(told) == name])


def _animals(photos: Dataset, hits: NDArray[np.bool_]) -> AnimalFacts | None:
    index = photos.manifest.animal_index
    if len(set(index.tolist()) - {-1}) < 2:
        return None
    known = np.flatnonzero(index >= 0)
    name = {int(index[i]): photos.records[i].animal for i in known}
    parts = [part(name[a], hits[index == a]) for a in name if (index == a).sum() >= _LEAST_PHOTOS]
    return AnimalFacts(
        animals=len(name),
        n=len(known),
        accuracy=float(hits[known].mean()),
        accuracy_ci=mean_interval(hits[known], index[known]),
        worst=tuple(sorted(parts, key=lambda p: (p.correct - p.n, p.name))[:ANIMALS]),
    )


def _sets(answers: Answers, at: IntArray, classes: Sequence[str], truth: IntArray) -> Iterator[SetFacts]:
    """Coverage of a bundle's own prediction sets, at each coverage that it can be asked for."""
    conformal = None if answers.bundle is None else answers.bundle.description.conformal
    if conformal is None:
        return
    ours = {same_name(name): name for name in answers.model.classes}
    own = [ours.get(same_name(name), name) for name in classes]
    for level in conformal.levels:
        made = answers.judged(level.coverage)
        sets = [set(made[i].prediction_set or ()) for i in at.tolist()]
        yield _set_facts(level, sets, own, classes, truth)


def _set_facts(
    level: ConformalLevel, sets: Sequence[set[str]], own: Sequence[str], classes: Sequence[str], truth: IntArray
) -> SetFacts:
    covered = np.array([own[t] in held for t, held in zip(truth.tolist(), sets, strict=True)])
    sizes = np.array([len(held) for held in sets])
    by_class = {}
    for i, name in enumerate(classes):
        inside = covered[truth == i]
        if len(inside):
            by_class[name] = ClassCoverage(
                n=len(inside),
                covered=level.thresholds.get(own[i]) is not None,
                coverage=float(inside.mean()),
                coverage_ci=mean_interval(inside),
            )
    return SetFacts(
        target=level.coverage,
        n=len(truth),
        coverage=float(covered.mean()),
        coverage_ci=mean_interval(covered),
        mean_size=float(sizes.mean()),
        size_counts=tuple(int((sizes == s).sum()) for s in range(1, len(classes) + 1)),
        photos_needed=calibrate.photos_needed(1 - level.coverage),
        uncoverable=tuple(name for i, name in enumerate(classes) if level.thresholds.get(own[i]) is None),
        by_class=by_class,
    )


def _verdicts(answers: Answers, at: IntArray, hits: NDArray[np.bool_]) -> Iterator[AnswerFacts]:
    made: list[Prediction] = answers.judged()
    if not made:
        return
    said = np.array([made[i].verdict for i in at.tolist()])
    for verdict in ("sure", "not-sure", "no-pet-face"):
        own = said == verdict
        if own.any():
            found = part(verdict, hits[own])
            yield AnswerFacts(
                verdict=verdict,
                n=found.n,
                share=float(own.mean()),
                accuracy=found.accuracy,
                accuracy_ci=found.accuracy_ci,
            )


def _worst(
    manifest: Manifest,
    rows: IntArray,
    probabilities: NDArray[np.float64],
    truth: IntArray,
    classes: Sequence[str],
    *,
    certain: bool,
) -> Iterator[WrongPhoto]:
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    for i in wrong[np.argsort(-sure[wrong], kind="stable")][:WORST].tolist():
        yield WrongPhoto(
            path=manifest.records[int(rows[i])].path,
            label=classes[int(truth[i])],
            predicted=classes[int(predicted[i])],
            probability=float(sure[i]) if certain else None,
        )


@dataclass(frozen=True)
class _Looks:
    """How the photos that count differ from the training photos, as far as the bundle says what those were like."""

    answers: Answers
    at: IntArray
    photos: Dataset

    @property
    def species(self) -> list[str] | None:
        return species_of(self.photos)

    @property
    def _comparisons(self) -> int:
        summary = self._summary
        if summary is None:
            return 1
        return 2 * (len(summary.measures) + (summary.distance is not None)) + len(summary.species or ())

    @property
    def _summary(self) -> TrainingSummary | None:
        bundle = self.answers.bundle
        return None if bundle is None else bundle.description.training

    def shift(self) -> tuple[ShiftFacts, ...]:
        """Each measure here beside the spread that it had in training."""
        summary = self._summary
        if summary is None:
            return ()
        here = dict(photo_measures(self.photos))
        spreads = dict(summary.measures)
        bundle, features = self.answers.bundle, self.answers.features
        kept = None if bundle is None else bundle.training_photos
        if summary.distance is not None and kept is not None and features is not None:
            here[_DISTANCE] = distances(features[self.at], kept.features)
            spreads[_DISTANCE] = summary.distance
        found = []
        for name, spread in spreads.items():
            if name not in here or spread.shares != SHARES:
                continue
            low, _, median, _, high = spread.values
            # rounded as the bundle's are, so that equal values are equal
            values = np.array([float(f"{value:.6g}") for value in here[name]])
            level = 1 - 0.05 / self._comparisons
            # values equal to the median are neither above nor below it
            above = (values > median) + 0.5 * (values == median)
            outside = (values < low) | (values > high)
            above_ci = mean_interval(above, confidence=level)
            outside_ci = mean_interval(outside, confidence=level)
            five, half, ninety_five = (float(f"{v:.6g}") for v in np.quantile(values, (0.05, 0.5, 0.95)))
            found.append(
                ShiftFacts(
                    measure=name,
                    n=len(values),
                    training=(low, median, high),
                    here=(five, half, ninety_five),
                    above=float(above.mean()),
                    above_ci=above_ci,
                    outside=float(outside.mean()),
                    outside_ci=outside_ci,
                    comparisons=self._comparisons,
                    moved=not above_ci[0] <= 0.5 <= above_ci[1] or outside_ci[0] > 0.1,
                )
            )
        return tuple(found)

    def mix(self) -> tuple[MixFacts, ...]:
        """The share of each species here beside that in training."""
        summary, told = self._summary, self.species
        if summary is None or not summary.species or told is None:
            return ()
        trained = summary.species
        total = sum(trained.values())
        found = []
        for name in sorted({*trained, *told}, key=lambda s: (-trained.get(s, 0), s)):
            own = np.array([kind == name for kind in told])
            interval = mean_interval(own, confidence=1 - 0.05 / self._comparisons)
            before = trained.get(name, 0) / total
            found.append(
                MixFacts(
                    species=name,
                    training=before,
                    here=float(own.mean()),
                    here_ci=interval,
                    n=len(own),
                    moved=not interval[0] <= before <= interval[1],
                )
            )
        return tuple(found)
