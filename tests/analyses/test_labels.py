"""Planted wrong labels and a planted species imbalance are found: on drawn features, and on the demo set."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from typer.testing import CliRunner

from needs import needs
from petmood.analyses.labels.compute import LabelsOutcome, find_suspects, label_facts
from petmood.analyses.labels.doubt import by_reader, error_rate
from petmood.analyses.labels.facts import LabelFacts
from petmood.analyses.species.facts import SpeciesFacts
from petmood.cli.main import app
from petmood.config import RunSettings
from petmood.dataset import open_dataset
from petmood.dataset.dataset import backbone_named
from planted import planted

if TYPE_CHECKING:
    from petmood.demo import DemoTruth

needs("cleanlab")
SETTINGS = RunSettings()


def test_facts_hang_together() -> None:
    photos, truth, _ = planted(noise=0.1)
    facts = label_facts(photos, [backbone_named(SETTINGS.backbone)], SETTINGS)
    wrong = {photos.manifest.records[i].path for i in np.flatnonzero(photos.labels != truth)}
    assert len(wrong) == 24
    found = [s.path for s in facts.suspects]
    assert len(wrong & set(found[:24])) >= 18
    assert [s.rank for s in facts.suspects] == list(range(1, len(found) + 1))
    assert facts.noise_rate_ci[0] <= facts.noise_rate <= facts.noise_rate_ci[1]
    assert facts.ceiling == pytest.approx(1 - facts.noise_rate)
    assert 0.04 < facts.noise_rate < 0.2
    assert sum(v for row in facts.by_class.values() for v in row.values()) == facts.flagged
    assert facts.check is not None
    assert facts.check.changed == 24
    assert facts.check.average_precision > 0.3 > facts.check.share
    assert facts.check.estimate_after > facts.check.estimate_before
    for s in facts.suspects:
        assert s.given != s.suggested
        assert {n.label for n in s.neighbours_given} == {s.given}
        assert {n.label for n in s.neighbours_suggested} == {s.suggested}
        assert s.path not in {n.path for n in (*s.neighbours_given, *s.neighbours_suggested)}


@pytest.fixture(scope="module")
def outcome(demo_data: Path) -> LabelsOutcome:
    return find_suspects(demo_data, SETTINGS, ["efficientnet-lite0"])


def test_on_the_demo_set_planted_wrong_labels_are_found(demo: tuple[Path, DemoTruth], outcome: LabelsOutcome) -> None:
    planted_wrong = set(demo[1].wrong_labels)
    truth = np.array([path in planted_wrong for path in outcome.ranking])
    assert truth.sum() == len(planted_wrong)
    average_precision = average_precision_score(truth, -np.arange(len(truth)))
    flagged = [s.path for s in outcome.facts.suspects]
    hits = len(planted_wrong & set(flagged))
    precision, recall = hits / len(flagged), hits / len(planted_wrong)
    print(f"demo: precision {precision:.3f}, recall {recall:.3f}, average precision {average_precision:.3f}")  # noqa: T201
    assert average_precision >= 0.8
    assert precision >= 0.7
    assert recall >= 0.6
    rate = len(planted_wrong) / outcome.facts.n
    assert outcome.facts.noise_rate_ci[0] <= rate <= outcome.facts.noise_rate_ci[1]


@pytest.mark.slow
def test_on_the_demo_set_the_species_imbalance_is_reported_and_removing_species_shows_mood(
    demo: tuple[Path, DemoTruth], demo_data: Path, tmp_path: Path
) -> None:
    truth = demo[1]
    species = tmp_path / "species.csv"
    with species.open("w", newline="") as handle:
        csv.writer(handle).writerows([("path", "species"), *((f.path, f.species) for f in truth.files)])
    arguments = ["species", str(demo_data), "--species", str(species), "--json"]
    raw = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    images = raw.pop("images")
    facts = SpeciesFacts.model_validate(raw)
    label = {f.path: f.label for f in truth.files}
    kind = {f.path: f.species for f in truth.files}
    for name, row in facts.table.items():
        for mood, count in row.items():
            assert count == sum(kind[i["path"]] == name and label[i["path"]] == mood for i in images)
    assert facts.association.cramers_v_ci[0] > 0.1
    plain = {c.k: c for c in facts.clusters if c.erased == "none"}
    assert all(c.nmi_species > 3 * c.nmi_mood for c in plain.values())
    for c in facts.clusters:
        if c.erased != "none":
            assert c.nmi_species < plain[c.k].nmi_species / 4
            assert c.mood_change > 0, c


@pytest.mark.parametrize("classes", [2, 4])
def test_the_rate_of_errors_follows_from_pairs_that_differ(classes: int) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, classes, 40_000)
    wrong = 0.15
    readings = [
        np.where(rng.random(len(truth)) < wrong, (truth + rng.integers(1, classes, len(truth))) % classes, truth)
        for _ in range(2)
    ]
    assert error_rate(float((readings[0] != readings[1]).mean()), classes) == pytest.approx(wrong, abs=0.01)
    assert error_rate(0.0, classes) == 0
    assert error_rate(1.0, classes) == (classes - 1) / classes


def test_every_estimate_of_the_noise_of_the_demo_set_holds_the_planted_rate(
    demo: tuple[Path, DemoTruth], demo_data: Path, outcome: LabelsOutcome, tmp_path: Path
) -> None:
    truth, facts = demo[1], outcome.facts
    mood = {f.path: f.mood for f in truth.files}
    reader = tmp_path / "labels-anna.csv"  # a reader who knows the truth
    with reader.open("w", newline="") as handle:
        csv.writer(handle).writerows([("path", "label"), *((path, mood[path]) for path in outcome.ranking)])
    with open_dataset(demo_data) as opened:
        second = by_reader(reader, opened.manifest)
    planted_rate = len(truth.wrong_labels) / facts.n
    assert second.n == facts.n
    # photos under two labels on purpose may count, too
    assert 0 <= second.differ - len(truth.wrong_labels) <= len(truth.conflicting_labels)
    assert facts.estimates[0].method == "confident-learning"
    assert len(facts.estimates) >= 2
    for estimate in (*facts.estimates, second):
        assert planted_rate <= estimate.rate_ci[1], estimate
        assert estimate.rate_ci[0] <= planted_rate or estimate.method == "nearest-pairs", estimate  # an upper bound
        assert estimate.ceiling == pytest.approx(1 - estimate.rate)


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_set_gives_one_row_a_photo_and_says_how_far_to_trust_it(real_data: Path) -> None:
    arguments = ["labels", str(real_data), "--backbone", "efficientnet-lite0", "--json"]
    raw = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    ranking = raw.pop("ranking")
    facts = LabelFacts.model_validate(raw)
    assert len(ranking) == len(set(ranking)) == facts.n == 370
    assert facts.check is not None
    assert facts.check.average_precision > 1.5 * facts.check.share
    # the models are weak: what they call noise is largely their own error, and the report says so
    assert facts.noise_rate_ci[1] > facts.disagreement_ci[0]
