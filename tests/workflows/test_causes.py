"""On the demo set the ranking finds what was planted: copies that leak, wrong labels, species."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.features import extract_features, load_backbone
from petmood.ingest import read_dataset
from petmood.results import CausesFacts
from petmood.sources import open_source
from petmood.split import complete_splits
from petmood.workflows.causes import causes_facts
from petmood.workflows.photos import photos_of
from petmood.workflows.species import species_facts, species_from_file
from petmood.workflows.suspects import label_facts

if TYPE_CHECKING:
    from petmood.demo import DemoTruth

pytest.importorskip("cleanlab")
pytest.importorskip("torch")
SETTINGS = RunSettings()


@pytest.fixture(scope="module")
def facts(demo: tuple[Path, DemoTruth], demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> CausesFacts:
    cache = ContentCache()
    table = tmp_path_factory.mktemp("species") / "species.csv"
    table.write_text("path,species\n" + "".join(f"{f.path},{f.species}\n" for f in demo[1].files))
    with open_source(demo_data) as source:
        manifest = complete_splits(read_dataset(source, cache), SETTINGS.seed)
        backbone = load_backbone(SETTINGS.backbone)
        features = extract_features(manifest, source, backbone, cache)
        photos = photos_of(features, manifest)
        species = species_facts(photos, SETTINGS, cache, species_from_file(photos, table))
        labels = label_facts([photos], SETTINGS, cache, check=False)
        found = causes_facts(features, manifest, source, backbone, SETTINGS, cache, species=species, labels=labels)
    return found


def test_the_planted_causes_are_shown_and_come_first(facts: CausesFacts, demo: tuple[Path, DemoTruth]) -> None:
    shown = [cause.name for cause in facts.causes if cause.shown]
    assert {"leakage", "labels"} <= set(shown)
    assert facts.causes[0].name == "leakage"
    labels = next(c for c in facts.causes if c.name == "labels")
    planted = len(demo[1].wrong_labels) / demo[1].photos
    assert labels.effect_ci[0] <= planted <= labels.effect_ci[1]


def test_every_cause_has_its_experiment_figure_interval_and_advice(facts: CausesFacts) -> None:
    names = {"leakage", "labels", "species", "photos", "resolution", "preprocessing", "model"}
    assert {c.name for c in facts.causes} == names
    order = [(not c.shown, -c.effect) for c in facts.causes]
    assert order == sorted(order)
    for cause in facts.causes:
        assert cause.effect_ci[0] <= cause.effect <= cause.effect_ci[1]
        assert cause.effect_ci[0] > 0 or not cause.shown
        assert cause.n == facts.n == 204
        assert cause.experiment
        assert cause.advice.endswith(".")
