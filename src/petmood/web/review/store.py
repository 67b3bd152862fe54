"""Decisions of readers about a run's photos: each on the disk at once, and labels.csv and agreement out of them."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from petmood.errors import ConfigError, DataError
from petmood.evaluation.statistics import Agreement, Reliability, agreement
from petmood.labels import (
    COLUMNS,
    Action,
    Decision,
    append_decision,
    labels_of,
    read_decisions,
    settle,
    write_labels,
)
from petmood.review.clusters import names_file, save_names
from petmood.review.photos import ReviewSet
from petmood.review.readers import Consensus, differing, find_consensus, reliability_of, write_consensus
from petmood.tables import read_rows

LOG: Final = "decisions.jsonl"
FIRST: Final = "first"
"""The reader whose decisions become labels.csv; those of another become labels-NAME.csv."""
ADJUDICATOR: Final = "adjudicator"
"""The reader who decides where others differ: no reader among others, and final in the consensus."""
CONSENSUS: Final = "consensus.csv"
GIVEN: Final = "given labels"
_LONGEST: Final = 40

_READER = re.compile(r"[\w-]{1,40}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|\+00:00)")


class UnsavedError(DataError):
    """A decision that could not be written to the disk."""


@dataclass(frozen=True, slots=True)
class ReaderComparison:
    """How well two readings agree; one of them may be the labels that came with the data."""

    first: str
    second: str
    agreement: Agreement


class DecisionStore:
    """The decisions of one run, shared by all its readers, tabs and servers: the log on the disk is the only truth.

    Safe among threads, and among processes that write to the same run.
    """

    def __init__(self, review: ReviewSet, reader: str = FIRST) -> None:
        """Open the log of a run for one reader.

        Raises:
            ConfigError: the reader's name cannot be part of a file's name.
        """
        if not _READER.fullmatch(reader):
            raise ConfigError(f"--reader '{reader}' cannot be used. Take up to 40 letters, digits, '-' and '_'.")
        self.review = review
        self.reader = reader
        self.log = review.run / LOG
        self._known = {photo.record.path: photo for photo in review.photos.values()}
        self._groups = {group.id: group for group in review.groups.groups} if review.groups is not None else {}
        self._lock = threading.Lock()
        self._read_at = -1
        self._decisions: tuple[Decision, ...] = ()
        if self.log.exists():
            self._write()  # a server that was killed may have logged a decision and not come to this

    @property
    def labels_path(self) -> Path:
        """Where the reader's labels.csv goes."""
        return self.review.run / ("labels.csv" if self.reader == FIRST else f"labels-{self.reader}.csv")

    def decide(self, photo: str, action: Action, label: str = "", time: str = "") -> bool:
        """Add a decision; when this returns it is on the disk, and labels.csv follows it.

        Args:
            photo: its id, or that of a cluster, which can have any name.
            action: see `petmood.labels.Decision`.
            label: class name for "label".
            time: when it was made, as the page has it. A page that had no answer sends the same decision again, with
                the same time: it is then kept once.

        Returns:
            Whether it was new.

        Raises:
            DataError: no such photo or class.
            UnsavedError: the disk refused it, in whole or in part; the same decision may be sent again.
        """
        if photo not in self.review.photos and photo not in self._groups:
            raise DataError(f"there is no photo '{photo}' in this run. Load the page again.")
        if photo in self._groups:
            label = label.strip()
            if (action == "label") != bool(label) or len(label) > _LONGEST:
                raise DataError(f"a cluster's name has 1 to {_LONGEST} letters, got '{label[:80]}'.")
        elif (action == "label") != (label in self.review.classes):
            raise DataError(f"'{label}' is not a class of this run. Known: {', '.join(self.review.classes)}.")
        if time and not _TIME.fullmatch(time):
            raise DataError(f"'{time}' is not a time such as 2030-01-31T12:00:00.000Z.")
        path = photo if photo in self._groups else self.review.photos[photo].record.path
        made = Decision(path, action, label, self.reader, time)
        with self._lock:
            try:
                known = bool(time) and made in self._all()
                if not known:
                    append_decision(self.log, made)
            except (DataError, OSError) as error:
                raise UnsavedError(f"the decision is not saved: {error}") from error
            try:
                self._write()  # a decision that is known may have come to the log and no further
            except (DataError, OSError) as error:
                raise UnsavedError(
                    f"the decision is in {self.log.name}, but what follows from it cannot be written: {error}"
                ) from error
        return not known

    def version(self) -> int:
        """Changes whenever anybody has decided anything."""
        return self.log.stat().st_size if self.log.exists() else 0

    def standing(self, reader: str | None = None) -> dict[str, Decision]:
        """Path -> the reader's decision that stands, in the order in which they were made."""
        settled = settle(self._all(), self.reader if reader is None else reader)
        return {path: decision for path, decision in settled.items() if path in self._known}

    def named(self) -> dict[str, Decision]:
        """Cluster id -> the reader's decision that stands."""
        return {id: decision for id, decision in settle(self._all(), self.reader).items() if id in self._groups}

    @property
    def names_path(self) -> Path | None:
        """Where the reader's names of clusters go; None if there are no clusters."""
        if self.review.groups is None:
            return None
        return self.review.groups.folder / names_file("" if self.reader == FIRST else f"-{self.reader}")

    def in_order(self) -> dict[str, Decision]:
        """Path or cluster id -> the reader's decision that stands, in the order in which they were made."""
        settled = settle(self._all(), self.reader)
        return {key: d for key, d in settled.items() if key in self._known or key in self._groups}

    def readers(self) -> tuple[str, ...]:
        """Everybody who has decided something, in the order of their first decision."""
        return tuple(dict.fromkeys(decision.reader for decision in self._all()))

    def readings(self) -> dict[str, dict[str, str]]:
        """Reader -> path -> label; skipped photos are left out, and so is the adjudicator."""
        return {name: labels_of(self.standing(name)) for name in self.readers() if name != ADJUDICATOR}

    def comparisons(self) -> tuple[ReaderComparison, ...]:
        """Agreement of every reader with the given labels, and of every two readers; skipped photos are left out."""
        readings = self.readings()
        given = {path: photo.record.class_name for path, photo in self._known.items() if photo.record.class_name}
        pairs = [(name, GIVEN, readings[name], given) for name in readings]
        pairs += [(a, b, readings[a], readings[b]) for a, b in combinations(readings, 2)]
        return tuple(ReaderComparison(a, b, _agreement(first, second)) for a, b, first, second in pairs)

    def reliability(self) -> Reliability:
        """How well all readers agree."""
        return reliability_of(self.readings(), self.review.classes)

    def differing(self) -> tuple[str, ...]:
        """Paths of the photos that readers label differently."""
        return differing(self.readings())

    @property
    def consensus_path(self) -> Path:
        """Where the readers' consensus goes."""
        return self.review.run / CONSENSUS

    def write_consensus(self) -> Consensus:
        """Write consensus.csv: one label for each photo that anybody labelled, with its probabilities.

        Raises:
            DataError: nobody has labelled anything yet, or the file cannot be written.
        """
        model = {photo.record.path: photo.read for photo in self._known.values() if photo.read is not None}
        final = labels_of(self.standing(ADJUDICATOR))
        found = find_consensus(self.readings(), self.review.classes, model, final)
        if not found.paths:
            raise DataError("nobody has labelled a photo yet. Decide about some first.")
        try:
            write_consensus(self.consensus_path, found, self.review.classes)
        except OSError as error:
            raise DataError(f"cannot write {self.consensus_path}: {error.strerror}. Free some space.") from error
        return found

    def _all(self) -> tuple[Decision, ...]:
        size = self.version()
        if size != self._read_at:
            self._decisions, self._read_at = read_decisions(self.log), size
        return self._decisions

    def _write(self) -> None:
        """Bring labels.csv and names.csv up to the log, each if there was a decision about what it has."""
        decided = {decision.path for decision in self._all() if decision.reader == self.reader}
        if decided & self._known.keys():
            self._write_labels()
        groups = self.review.groups
        if groups is not None and decided & self._groups.keys() and self.names_path is not None:
            save_names(groups.folder, self.names_path.name, groups.groups, self.named(), decided)

    def _write_labels(self) -> None:
        """labels.csv: what this reader decided, over the labels.csv that the run itself was given."""
        written = -1
        while written != self.version():  # another process may have added to the log while this one wrote
            written = self.version()
            labels = labels_of(self.standing())
            if self.review.applied is not None:
                families = self.review.families
                decided = {families[path] for path in labels}
                before = {path: label.strip() for _, (path, label) in read_rows(self.review.applied, COLUMNS)}
                labels |= {path: label for path, label in before.items() if families.get(path) not in decided}
            write_labels(self.labels_path, labels)


def _agreement(first: Mapping[str, str], second: Mapping[str, str]) -> Agreement:
    both = [path for path in first if path in second]
    return agreement([first[path] for path in both], [second[path] for path in both])
