"""On the demo set the ranking finds what was planted: wrong labels, species."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from needs import needs
from petmood.analyses.causes import words
from petmood.analyses.causes.compute import causes_facts
from petmood.analyses.causes.facts import CausesFacts
from petmood.analyses.labels.compute import label_facts
from petmood.analyses.species.compute import species_facts
from petmood.config import RunSettings
from petmood.dataset import open_dataset
from petmood.dataset.dataset import backbone_named

if TYPE_CHECKING:
    from petmood.demo import DemoTruth

needs("cleanlab")
needs("torch")
SETTINGS = RunSettings()
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def facts(demo: tuple[Path, DemoTruth], demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> CausesFacts:
    table = tmp_path_factory.mktemp("species") / "species.csv"
    table.write_text("path,species\n" + "".join(f"{f.path},{f.species}\n" for f in demo[1].files))
    backbone = backbone_named(SETTINGS.backbone)
    with open_dataset(demo_data, families="names", seed=SETTINGS.seed, species=table) as data:
        species = species_facts(data, SETTINGS)
        labels = label_facts(data, [backbone], SETTINGS, check=False)
        return causes_facts(data, backbone, SETTINGS, species=species, labels=labels)


def test_the_planted_causes_are_shown_and_come_first(facts: CausesFacts, demo: tuple[Path, DemoTruth]) -> None:
    shown = [cause.name for cause in facts.causes if cause.shown]
    assert "labels" in shown
    assert facts.causes[0].name in shown
    labels = next(c for c in facts.causes if c.name == "labels")
    planted = len(demo[1].wrong_labels) / demo[1].photos
    assert labels.effect_ci[0] <= planted <= labels.effect_ci[1]


def test_every_cause_has_its_experiment_figure_interval_and_advice(facts: CausesFacts) -> None:
    names = {"labels", "species", "photos", "resolution", "preprocessing", "model"}
    assert {c.name for c in facts.causes} == names
    order = [(not c.shown, -c.effect) for c in facts.causes]
    assert order == sorted(order)
    for cause in facts.causes:
        assert cause.effect_ci[0] <= cause.effect <= cause.effect_ci[1]
        assert cause.effect_ci[0] > 0 or not cause.shown
        assert cause.n == facts.n == 204
        assert words.experiment(cause)
        assert words.finding(cause).endswith(".")
        assert words.advice(cause).endswith(".")
