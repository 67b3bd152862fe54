"""Planted species: found, tabled, and out of the way once taken out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from petmood.analyses.species.compute import species_facts
from petmood.analyses.species.facts import SpeciesFacts
from petmood.cli.main import app
from petmood.config import RunSettings
from petmood.dataset.models import species_table
from petmood.features.species import SPECIES
from planted import planted

SETTINGS = RunSettings(n_init=3)


@pytest.fixture(scope="module")
def facts() -> SpeciesFacts:
    return species_facts(planted()[0], SETTINGS)


def test_species_are_tabled_against_labels() -> None:
    photos, _, animal = planted()
    assert species_table(photos).by_row == [("dog", "cat", "rabbit")[a] for a in animal]


def test_the_table_and_the_association_are_those_planted(facts: SpeciesFacts) -> None:
    photos, _, animal = planted()
    assert facts.table["cat"] == {
        name: int(((animal == 1) & (photos.labels == i)).sum()) for i, name in enumerate(photos.manifest.classes)
    }
    assert sum(sum(row.values()) for row in facts.table.values()) == facts.n == 240
    low, high = facts.association.cramers_v_ci
    assert low <= 0.3 <= high


def test_clusters_find_species_until_it_is_taken_out_and_then_mood(facts: SpeciesFacts) -> None:
    plain = next(c for c in facts.clusters if c.erased == "none" and c.k == 3)
    assert plain.nmi_species > 0.95
    for c in facts.clusters:
        if c.erased != "none" and c.k == 3:
            assert c.nmi_species < 0.4
            assert c.mood_change > 0.05, c
            assert c.mood_change_ci[0] > 0 or c.erased == "standardise", c


def test_the_model_beats_species_alone_within_and_over_all(facts: SpeciesFacts) -> None:
    assert facts.over_species.gain_ci[0] > 0
    assert all(p.gain > 0 for p in facts.within)
    assert sum(p.n for p in facts.within) == 240
    assert {p.name for p in facts.erased} == {"centre", "standardise", "leace"}


def test_where_mood_is_nothing_but_species_nothing_is_gained() -> None:
    photos, _, _ = planted(mood=0.0, tied=0.7, seed=1)
    found = species_facts(photos, SETTINGS)
    assert found.over_species.gain_ci[0] <= 0
    assert all(p.gain_ci[1] < 0 for p in found.erased)


def test_figures_are_remembered_and_the_same(facts: SpeciesFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, _, _ = planted()
    first = species_facts(photos, SETTINGS)
    assert first == facts
    monkeypatch.setattr("petmood.analyses.species.compute.species_clusters", lambda *a: pytest.fail("measured again"))
    assert species_facts(planted()[0], SETTINGS) == first
    assert np.isfinite(first.association.nmi)


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_set_clusters_by_species(real_data: Path) -> None:
    done = CliRunner().invoke(app, ["species", str(real_data), "--json"], catch_exceptions=False)
    raw = json.loads(done.stdout)
    images = raw.pop("images")
    found = SpeciesFacts.model_validate(raw)
    assert len(images) == found.n == 370
    assert images[0]["probabilities"].keys() == set(SPECIES)
    plain = found.clusters[0]
    assert plain.nmi_species > 4 * plain.nmi_mood
    assert plain.nmi_species_ci[0] > plain.nmi_mood_ci[1]
    assert 0.25 < found.association.cramers_v < 0.37
