"""Claims graded again on drawn data whose copies are known, and the leakage meter beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from needs import needs
from petmood.analyses.leakage.compute import leakage
from petmood.analyses.leakage.facts import LeakageFacts
from petmood.cli.main import app
from petmood.config import RunSettings
from petmood.jobs.regrade import regrade
from petmood.report.evaluation import claim_sentence
from petmood.results import RegradeFacts

needs("torch")
pytestmark = pytest.mark.timeout(600)


def test_every_claim_of_the_data_is_graded_with_its_split_and_by_photo(demo_data: Path) -> None:
    facts = regrade(demo_data, RunSettings())
    by_name = {claim.name: claim for claim in facts.claims}
    assert {"random-70-15-15", "random-5-percent", "three-classes", "official"} <= set(by_name)
    for claim in facts.claims:
        random = claim.reproduced.protocol != "official-test"
        assert (claim.exposed > 0) == random
        assert claim.honest.n == claim.honest.photos
        assert claim.reproduced.accuracy_ci[0] <= claim.reproduced.accuracy <= claim.reproduced.accuracy_ci[1]
        assert ("Other" in claim.classes) == ("three" not in claim.name)
    assert by_name["random-70-15-15"].reproduced.accuracy > by_name["random-70-15-15"].honest.accuracy
    runner = CliRunner()
    done = runner.invoke(app, ["regrade", str(demo_data), "--json"])
    assert done.exit_code == 0
    assert RegradeFacts.model_validate(json.loads(done.stdout)) == facts


def test_the_meter_prints_what_it_found(demo_data: Path) -> None:
    facts = leakage(demo_data, RunSettings())
    done = CliRunner().invoke(app, ["leakage", str(demo_data), "--json"])
    assert done.exit_code == 0
    assert LeakageFacts.model_validate(json.loads(done.stdout)) == facts
    dealt = {f.split: f.accuracy for f in facts.figures if f.subject == "permuted-labels"}
    assert dealt["random-5-fold"] > dealt["grouped-5-fold"] + 0.15
    table = CliRunner().invoke(app, ["leakage", str(demo_data)]).stdout
    assert "Leakage: " in table
    assert "No leakage found" in table


@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_set_gives_the_published_range_only_where_it_leaks(real_data: Path) -> None:
    facts = {claim.name: claim for claim in regrade(real_data, RunSettings()).claims}
    for name in ("random-70-15-15", "random-5-percent", "three-classes"):
        assert facts[name].reproduced.accuracy == pytest.approx(0.95, abs=0.03)
        assert facts[name].honest.accuracy < 0.65
        assert claim_sentence(facts[name]).startswith("Leakage")
    assert facts["official"].exposed == 0
