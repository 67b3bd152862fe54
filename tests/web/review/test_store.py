"""Decisions of several readers, in any order and by several writers: what stands, and labels.csv, follow the log."""

from __future__ import annotations

import csv
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from petmood.cli.main import app
from petmood.errors import ConfigError, DataError
from petmood.labels import EXCLUDED, read_labels
from petmood.records import Manifest
from petmood.review.photos import ReviewSet, open_review
from petmood.web.review.state import class_keys, page_state, summary
from petmood.web.review.store import DecisionStore
from review_fixtures import LIKE_GIVEN, LIKE_OTHER, MOODS, SUSPECT, drawn_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReviewSet, Manifest]:
    run, manifest = drawn_run(tmp_path_factory.mktemp("review"), per_class=3)
    return open_review(run), manifest


@pytest.fixture
def review(made: tuple[ReviewSet, Manifest], tmp_path: Path) -> ReviewSet:
    return replace(made[0], run=tmp_path)


def ids(review: ReviewSet) -> dict[str, str]:
    return {photo.record.path: photo.id for photo in review.photos.values()}


def rows(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as handle:
        return {row["path"]: row["label"] for row in csv.DictReader(handle)}


STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from([("label", m) for m in MOODS] + [("skip", ""), ("exclude", ""), ("undo", "")]),
        st.sampled_from(["first", "anna"]),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(steps=STEPS)
def test_what_stands_is_what_a_plain_list_of_undoable_decisions_says(
    steps: list[tuple[int, tuple[str, str], str]],
    made: tuple[ReviewSet, Manifest],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    review = replace(made[0], run=tmp_path_factory.mktemp("log"))
    photos = sorted(ids(review).items())
    stores = {name: DecisionStore(review, name) for name in ("first", "anna")}
    expected: dict[str, dict[str, list[tuple[str, str]]]] = {name: {} for name in stores}
    for which, (action, label), reader in steps:
        path, photo = photos[which]
        stores[reader].decide(photo, action, label)  # type: ignore[arg-type]
        stack = expected[reader].setdefault(path, [])
        if action != "undo":
            stack.append((action, label))
        elif stack:
            stack.pop()
    again = {name: DecisionStore(review, name) for name in stores}  # as after a restart
    for name in stores:
        wanted = {path: stack[-1] for path, stack in expected[name].items() if stack}
        assert {path: (d.action, d.label) for path, d in again[name].standing().items()} == wanted
        if any(reader == name for *_, reader in steps):
            labels = {p: EXCLUDED if a == "exclude" else x for p, (a, x) in wanted.items() if a != "skip"}
            assert rows(again[name].labels_path) == labels
    shutil.rmtree(review.run)


def test_writers_in_threads_and_in_other_servers_lose_nothing(review: ReviewSet) -> None:
    stores = [DecisionStore(review), DecisionStore(review)]
    photos = list(review.photos)

    def work(k: int) -> None:
        stores[k % 2].decide(photos[k % len(photos)], "label", MOODS[k % 3])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(45)))
    fresh = DecisionStore(review)
    assert len(fresh._all()) == 45
    assert len(fresh.standing()) == len(photos) == 9
    assert rows(fresh.labels_path) == {path: d.label for path, d in fresh.standing().items()}


def test_a_decision_sent_twice_is_kept_once_and_one_undo_takes_it_back(review: ReviewSet) -> None:
    store = DecisionStore(review)
    photo = next(iter(review.photos))
    time = "2030-01-31T12:00:00.000Z"
    assert store.decide(photo, "label", "happy", time)
    assert not store.decide(photo, "label", "happy", time)
    store.decide(photo, "undo")
    assert store.standing() == {}
    assert rows(store.labels_path) == {}


def test_a_kill_between_the_log_and_labels_csv_is_mended_at_the_next_start(review: ReviewSet) -> None:
    store = DecisionStore(review)
    store.decide(next(iter(review.photos)), "label", "happy")
    before = rows(store.labels_path)
    store.labels_path.unlink()
    with store.log.open("ab") as handle:
        handle.write(b'\n{"path": "train/Sad/1.jpg", "acti')  # all that a killed writer got to
    assert rows(DecisionStore(review).labels_path) == before
    assert len(before) == 1


def test_the_labels_of_the_run_stand_under_the_readers(made: tuple[ReviewSet, Manifest], review: ReviewSet) -> None:
    applied = review.run / "applied.csv"
    # a copy names the photo's family; a photo that was left out is no longer in the manifest
    applied.write_text("path,label\ntrain/Sad/aug-3-0.jpg,happy\ntrain/Sad/1.jpg,Angry\ngone.jpg,not-a-pet\n")
    store = DecisionStore(replace(review, applied=applied))
    store.decide(ids(review)["train/Sad/0.jpg"], "label", "Sad")
    assert rows(store.labels_path) == {
        "train/Sad/0.jpg": "Sad",
        "train/Sad/1.jpg": "Angry",
        "gone.jpg": "not-a-pet",
    }


def test_labels_csv_is_one_that_petmood_reads(made: tuple[ReviewSet, Manifest], review: ReviewSet) -> None:
    store = DecisionStore(review)
    photos = ids(review)
    store.decide(photos["train/Sad/0.jpg"], "label", "happy")
    store.decide(photos["train/Sad/1.jpg"], "exclude")
    store.decide(photos["train/Sad/2.jpg"], "skip")
    families = made[0].families
    assert read_labels(store.labels_path, made[1]) == {
        families["train/Sad/0.jpg"]: "happy",
        families["train/Sad/1.jpg"]: EXCLUDED,
    }


def test_what_cannot_be_decided_is_refused_in_words(review: ReviewSet) -> None:
    store = DecisionStore(review)
    photo = next(iter(review.photos))
    with pytest.raises(DataError, match="no photo"):
        store.decide("nothing", "skip")
    with pytest.raises(DataError, match=r"not a class.*Known: Angry"):
        store.decide(photo, "label", "smug")
    with pytest.raises(DataError, match="not a class"):
        store.decide(photo, "skip", "happy")
    with pytest.raises(DataError, match="not a time"):
        store.decide(photo, "skip", time="yesterday")
    with pytest.raises(ConfigError, match="cannot be used"):
        DecisionStore(review, "../anna")
    assert not store.log.exists()


def test_the_page_tells_a_blind_reader_nothing_of_labels(review: ReviewSet) -> None:
    DecisionStore(review).decide(ids(review)[SUSPECT], "label", "happy") if SUSPECT in ids(review) else None
    anna = DecisionStore(review, "anna")
    state = page_state(anna, blind=True)
    told = json.dumps([state["queues"], state["photos"]])
    assert not any(path in told for path in ids(review))
    assert all(photo == {} for photo in state["photos"].values())
    assert summary(anna, blind=True)["agreement_hidden"]
    seeing = page_state(DecisionStore(review), blind=False)
    assert {photo["given"] for photo in seeing["photos"].values()} == set(MOODS)


def test_every_class_gets_its_own_keys() -> None:
    assert class_keys(["Angry", "happy", "Other", "Sad"]) == [("1", "a"), ("2", "h"), ("3", "o"), ("4", "s")]
    assert class_keys(["sad", "scared", "xx", "sd"]) == [("1", "s"), ("2", "c"), ("3", ""), ("4", "d")]
    assert class_keys([str(i) for i in range(11)])[-1] == ("", "")


def test_a_run_whose_data_moved_says_so_and_takes_data(tmp_path: Path) -> None:
    run, _ = drawn_run(tmp_path)
    review = open_review(run)
    assert [queue.id for queue in review.queues] == ["suspects", "all"]
    suspect = review.photos[review.queues[0].photos[0]]
    assert (suspect.record.path, suspect.suggested) == (SUSPECT, "happy")
    assert dict(suspect.neighbours) == {"Sad": (LIKE_GIVEN,), "happy": (LIKE_OTHER,)}
    assert "no clusters" in review.note

    moved = (tmp_path / "faces").rename(tmp_path / "moved here")
    with pytest.raises(DataError, match=r"not at .*faces any more.*--data"):
        open_review(run)
    assert open_review(run, moved).data == moved
    (moved / SUSPECT).unlink()
    with pytest.raises(DataError, match=f"lacks 1 of the 24 photos of this run, such as '{SUSPECT}'"):
        open_review(run, moved)
    with pytest.raises(DataError, match="not a run folder"):
        open_review(tmp_path)
    (run / "source.json").unlink()
    with pytest.raises(DataError, match="does not say where its data is"):
        open_review(run)


def test_the_command_prints_decisions_and_agreement(tmp_path: Path) -> None:
    run, _ = drawn_run(tmp_path)
    review = open_review(run)
    photos = list(review.photos.values())
    for reader in ("first", "anna"):
        store = DecisionStore(review, reader)
        for photo in photos[:9]:
            store.decide(photo.id, "label", photo.record.class_name)
    DecisionStore(review).decide(photos[9].id, "exclude")
    done = CliRunner().invoke(app, ["review", str(run), "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert told["photos"] == 24
    assert told["readers"][0] == {
        "reader": "first", "decided": 10, "kept": 9, "changed": 0, "excluded": 1, "skipped": 0,
    }  # fmt: skip
    assert [(a["first"], a["second"], a["n"], a["agreed"], a["kappa"]) for a in told["agreement"]] == [
        ("first", "given labels", 10, 9, pytest.approx(told["agreement"][0]["kappa"])),
        ("anna", "given labels", 9, 9, 1.0),
        ("first", "anna", 9, 9, 1.0),
    ]
