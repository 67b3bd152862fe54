"""A review and its store -> what the page is told, as JSON; nothing that tells a given label to a blind reader."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from shlex import join, quote
from typing import Any, Final

from petmood.jobs.provenance import reading_words
from petmood.labels import Decision
from petmood.report.palette import class_colours
from petmood.review.clusters import ReviewGroup
from petmood.review.photos import Queue, ReviewPhoto
from petmood.web.review.store import ADJUDICATOR, DecisionStore

RESERVED: Final = frozenset("xuz")
"""Letters that mean something else on the page: not a pet, undo."""


def class_keys(classes: Sequence[str]) -> list[tuple[str, str]]:
    """A digit and a letter for each class, "" where none is left: the first of its letters that no other has."""
    taken = set(RESERVED)
    keys = []
    for number, name in enumerate(classes, start=1):
        letter = next((c for c in name.casefold() if c.isascii() and c.isalpha() and c not in taken), "")
        taken.add(letter)
        keys.append((str(number) if number < 10 else "", letter))
    return keys


def page_state(store: DecisionStore, *, blind: bool) -> dict[str, Any]:
    """All that stays the same while a server runs: classes with keys and colours, queues, photos."""
    review = store.review
    data = join([str(review.data), *reading_words(review.options)])
    colours = class_colours(review.classes)
    queues = (*_to_adjudicate(store, blind), *(_blind_queues(store) if blind else review.queues))
    ids = {photo.record.path: photo.id for photo in review.photos.values()}
    said = store.readings() if store.reader == ADJUDICATOR and not blind else {}
    return {
        "data": review.data.name,
        "reader": store.reader,
        "blind": blind,
        "note": "" if blind else review.note,
        "command": f"petmood run {data} --labels {quote(str(store.labels_path))} --out NEW",
        "labels": str(store.labels_path),
        "consensus": f"petmood run {data} --labels {quote(str(store.consensus_path))} --out NEW",
        "map": review.layout is not None,
        "classes": [
            {"name": name, "digit": digit, "letter": letter, "colour": colours[name]}
            for name, (digit, letter) in zip(review.classes, class_keys(review.classes), strict=True)
        ],
        "queues": [{"id": queue.id, "title": queue.title, "photos": list(queue.photos)} for queue in queues],
        "photos": {id: {} if blind else _told(photo, ids, said) for id, photo in review.photos.items()},
        "groups": {} if blind or review.groups is None else {g.id: _sheet(g, ids) for g in review.groups.groups},
        "names": str(store.names_path or ""),
        "naming": "" if review.groups is None else f"petmood name-clusters {data} {quote(str(review.groups.folder))}",
    }


def summary(store: DecisionStore, *, blind: bool) -> dict[str, Any]:
    """What changes: the reader's standing decisions in order, and agreement with others.

    To a blind reader agreement is told only when all that another reader has decided is done: told after each photo,
    it would tell the other's label.
    """
    ids = {photo.record.path: photo.id for photo in store.review.photos.values()}
    version = store.version()
    standing = store.standing()
    first = (*_to_adjudicate(store, blind), *_blind_queues(store))[0] if blind else None
    hidden = first is not None and bool(set(first.photos) - {ids[path] for path in standing})
    return {
        "version": version,
        "decisions": [_decided(ids.get(key, key), decision) for key, decision in store.in_order().items()],
        "agreement": [] if hidden else agreements(store),
        "reliability": None if hidden else reliability(store),
        "agreement_hidden": hidden,
    }


def reliability(store: DecisionStore) -> dict[str, Any]:
    """How well all readers agree, JSON-ready."""
    found = store.reliability()
    return {
        "n": found.n,
        "readers": found.readers,
        "unanimous": found.unanimous,
        "alpha": found.alpha,
        "alpha_ci": found.alpha_ci,
    }


def agreements(store: DecisionStore) -> list[dict[str, Any]]:
    """Every comparison of readers, JSON-ready."""
    return [
        {
            "first": c.first,
            "second": c.second,
            "n": c.agreement.n,
            "agreed": c.agreement.agreed,
            "kappa": c.agreement.kappa,
            "kappa_ci": c.agreement.kappa_ci,
        }
        for c in store.comparisons()
    ]


def report(store: DecisionStore) -> dict[str, Any]:
    """What stands for each reader, and their agreement: the facts that `petmood review --json` prints."""
    given = {photo.record.path: photo.record.class_name for photo in store.review.photos.values()}
    readers = []
    for name in store.readers():
        standing = store.standing(name)
        labelled = {path: d.label for path, d in standing.items() if d.action == "label"}
        readers.append(
            {
                "reader": name,
                "decided": sum(d.action != "skip" for d in standing.values()),
                "kept": sum(given[path] == label for path, label in labelled.items()),
                "changed": sum(given[path] != label for path, label in labelled.items()),
                "excluded": sum(d.action == "exclude" for d in standing.values()),
                "skipped": sum(d.action == "skip" for d in standing.values()),
            }
        )
    review = store.review
    return {
        "run": str(review.run),
        "data": str(review.data),
        "photos": len(review.photos),
        "labels": str(store.labels_path),
        "readers": readers,
        "agreement": agreements(store),
        "reliability": reliability(store),
        "differing": len(store.differing()),
    }


def map_of(store: DecisionStore) -> dict[str, Any]:
    """Where each photo lies on the map of look-alikes, and how it was made. It tells no label."""
    if store.review.layout is None:
        return {"method": "", "places": {}}
    method, places = store.review.layout()
    return {"method": method, "places": places}


def consensus(store: DecisionStore) -> dict[str, Any]:
    """Write the readers' consensus, and tell where it is and how it was made."""
    found = store.write_consensus()
    return {"path": str(store.consensus_path), "photos": len(found.paths), "method": found.method}


def _told(photo: ReviewPhoto, ids: dict[str, str], said: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    path = photo.record.path
    return {
        "said": {name: reading[path] for name, reading in said.items() if path in reading},
        "split": photo.record.split,
        "files": photo.files,
        "doubt": photo.doubt,
        "path": photo.record.path,
        "given": photo.record.class_name,
        "suggested": photo.suggested,
        "why": photo.why,
        "cluster": photo.cluster,
        "beside": [
            {"label": name, "photos": [ids[path] for path in paths if path in ids]}
            for name, paths in list(photo.neighbours.items())[:2]
            if paths
        ],
    }


def _sheet(group: ReviewGroup, ids: dict[str, str]) -> dict[str, Any]:
    return {
        "number": group.number,
        "size": group.size,
        "composition": dict(group.composition),
        "central": [ids[path] for path in group.central if path in ids],
        "doubtful": [ids[path] for path in group.doubtful if path in ids],
    }


def _decided(id: str, decision: Decision) -> dict[str, str]:
    return {"photo": id, "action": decision.action, "label": decision.label}


def _to_adjudicate(store: DecisionStore, blind: bool) -> tuple[Queue, ...]:
    """To an adjudicator, the photos that readers label differently."""
    if store.reader != ADJUDICATOR:
        return ()
    ids = {photo.record.path: photo.id for photo in store.review.photos.values()}
    photos = tuple(ids[path] for path in store.differing())
    return (Queue("differ", "Readers differ", tuple(sorted(photos)) if blind else photos),)


def _blind_queues(store: DecisionStore) -> tuple[Queue, ...]:
    """What others have decided, then everything; shuffled by the reader's name, so that the order tells nothing."""
    paths = {photo.id: photo.record.path for photo in store.review.photos.values()}

    def shuffled(photos: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted(photos, key=lambda id: hashlib.sha256(f"{store.reader} {id}".encode()).digest()))

    others = {path for name in store.readers() if name != store.reader for path in store.standing(name)}
    seen = [id for id, path in paths.items() if path in others]
    everything = Queue("all", "All photos", shuffled(list(paths)))
    return (Queue("others", "Decided by another reader", shuffled(seen)), everything) if seen else (everything,)
