"""Labels by many readers: where they differ, and one label a photo that petmood takes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from petmood.labels import EXCLUDED, read_labels
from petmood.review.photos import open_review
from petmood.review.readers import CROWDLAB, MAJORITY, differing, find_consensus, write_consensus
from petmood.web.review.state import consensus, page_state, report
from petmood.web.review.store import ADJUDICATOR, DecisionStore
from review_fixtures import MOODS, drawn_run


def planted(n: int = 150) -> tuple[list[str], dict[str, dict[str, str]], dict[str, np.ndarray]]:
    """True labels, those of two careful readers and of three who mostly guess, and a fair model's probabilities."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, n)
    readings = {}
    for name, right in {"anna": 0.95, "ben": 0.9, "x": 0.2, "y": 0.2, "z": 0.2}.items():
        said = np.where(rng.random(n) < right, truth, rng.integers(0, 3, n))
        keep = rng.random(n) < 0.9
        readings[name] = {f"{i}.jpg": MOODS[said[i]] for i in range(n) if keep[i]}
    model = {f"{i}.jpg": rng.dirichlet(1 + 4 * np.eye(3)[truth[i]]) for i in range(n)}
    return [MOODS[t] for t in truth], readings, model


def test_crowdlab_hears_careful_readers_more_than_a_majority_does() -> None:
    truth, readings, model = planted()
    made = {method: find_consensus(readings, MOODS, given) for method, given in ((CROWDLAB, model), (MAJORITY, {}))}
    right = {}
    for method, found in made.items():
        assert found.method == method
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
        own = [truth[int(path.split(".")[0])] for path in found.paths]
        right[method] = np.mean([a == b for a, b in zip(found.labels, own, strict=True)])
    assert right[CROWDLAB] > right[MAJORITY] + 0.05
    # the soft label of the label that is chosen is what cleanlab calls the consensus' quality
    from cleanlab.multiannotator import get_label_quality_multiannotator

    found = made[CROWDLAB]
    table = np.array([[MOODS.index(r[p]) if p in r else np.nan for r in readings.values()] for p in found.paths])
    prior = np.stack([model[path] for path in found.paths])
    told = get_label_quality_multiannotator(table, prior, verbose=False)["label_quality"]["consensus_quality_score"]
    chosen = found.probabilities[np.arange(len(found.paths)), [MOODS.index(label) for label in found.labels]]
    np.testing.assert_allclose(chosen, told.to_numpy(), atol=1e-6)


def test_no_pets_adjudicated_and_lone_photos() -> None:
    readings = {
        "a": {"1": "Angry", "2": EXCLUDED, "3": "Sad", "4": "happy"},
        "b": {"1": "Angry", "2": EXCLUDED, "3": EXCLUDED, "5": "Sad"},
        "c": {"1": "Sad", "2": "Sad", "3": "Sad"},
    }
    found = find_consensus(readings, MOODS, {}, {"4": "Sad", "6": EXCLUDED})
    labels = dict(zip(found.paths, found.labels, strict=True))
    assert labels == {"1": "Angry", "2": EXCLUDED, "3": "Sad", "4": "Sad", "5": "Sad", "6": EXCLUDED}
    assert found.adjudicated.tolist() == [False, False, False, True, False, True]
    assert found.probabilities[0] == pytest.approx([2 / 3, 0, 1 / 3])
    assert found.probabilities[1].tolist() == [0, 0, 0]
    assert found.probabilities[3].tolist() == [0, 0, 1]
    assert found.readers.tolist() == [3, 3, 3, 1, 1, 0]
    assert found.agreeing.tolist() == [2, 2, 2, 0, 1, 0]
    assert differing(readings) == ("1", "2", "3")
    assert find_consensus({"a": {"1": "Sad"}}, MOODS, {"1": np.ones(3) / 3}).method == MAJORITY


def test_a_consensus_is_a_labels_csv_and_an_adjudicator_sees_where_readers_differ(tmp_path: Path) -> None:
    run, manifest = drawn_run(tmp_path, per_class=3)
    review = open_review(run)
    photos = {photo.record.path: photo.id for photo in review.photos.values()}
    for reader, shift in (("anna", 0), ("ben", 0), ("first", 1)):
        store = DecisionStore(review, reader)
        for i, path in enumerate(sorted(photos)[:6]):
            store.decide(photos[path], "label", MOODS[(i + (shift if i < 2 else 0)) % 3])
        store.decide(photos[sorted(photos)[6]], "skip")
    judge = DecisionStore(review, ADJUDICATOR)
    state = page_state(judge, blind=False)
    assert state["queues"][0]["title"] == "Readers differ"
    wanted = sorted(photos)[:2]
    assert state["queues"][0]["photos"] == [photos[path] for path in wanted]
    assert state["photos"][photos[wanted[0]]]["said"] == {"anna": "Angry", "ben": "Angry", "first": "happy"}
    assert page_state(judge, blind=True)["photos"][photos[wanted[0]]] == {}
    judge.decide(photos[wanted[0]], "label", "Sad")
    told = report(judge)
    assert told["reliability"]["readers"] == 3
    assert (told["reliability"]["n"], told["reliability"]["unanimous"], told["differing"]) == (6, 4, 2)
    assert [(r["reader"], r["decided"], r["skipped"]) for r in told["readers"][:1]] == [("anna", 6, 1)]
    assert ADJUDICATOR not in {a["first"] for a in told["agreement"]}
    made = consensus(judge)
    assert (made["photos"], made["method"]) == (6, MAJORITY)
    read = read_labels(Path(made["path"]), manifest)
    families = review.families
    assert read[families[wanted[0]]] == "Sad"
    assert read[families[wanted[1]]] == "happy"
    with Path(made["path"]).open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["adjudicated"] for row in rows] == ["yes", *["no"] * 5]
    assert all(sum(float(row[f"p: {mood}"]) for mood in MOODS) == pytest.approx(1, abs=1e-5) for row in rows)


def test_a_class_named_like_a_formula_stays_harmless(tmp_path: Path) -> None:
    found = find_consensus({"a": {"=1+1.jpg": "=happy"}}, ["=happy", "sad"], {})
    write_consensus(tmp_path / "c.csv", found, ["=happy", "sad"])
    text = (tmp_path / "c.csv").read_text()
    assert not any(cell.startswith("=") for line in text.splitlines() for cell in line.split(","))
