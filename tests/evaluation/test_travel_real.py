"""On the real photos: what is said of certainty holds on each source that was left out, or is not said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from petmood.analyses.travel.facts import TravelFacts
from petmood.jobs.travel import travel


@pytest.mark.slow
@pytest.mark.realdata
def test_certainty_holds_on_each_source_left_out(real_data: Path, tmp_path: Path) -> None:
    others = [real_data.parent / name for name in ("dog-moods-extra", "three-species")]
    if not all(path.is_dir() for path in others):
        pytest.skip(f"the further sources are not beside {real_data}")
    few = tmp_path / "dogs"  # a fifth of the dogs, so that the test takes a minute or two
    for path in sorted(others[0].glob("*/*"))[::5]:
        (few / path.parent.name).mkdir(parents=True, exist_ok=True)
        (few / path.parent.name / path.name).symlink_to(path)
    facts = travel([real_data, few, others[1]], {"relaxed": "Other", "hungry": "Other"}, tmp_path / "out")
    raw = json.loads((tmp_path / "out" / "travel.json").read_text(encoding="utf-8"))
    assert TravelFacts.model_validate(raw) == facts
    assert facts.copies  # one photo is in the pets set and, byte for byte, among the three species
    travelling = [c for c in facts.certainty if c.how == "left out"]
    assert {c.judged_on for c in travelling} == {source.name for source in facts.sources}
    for c in travelling:
        assert c.held["80%"] / c.n >= 0.77
        assert c.held["90%"] / c.n >= 0.87
        assert c.sure == 0 or c.right / c.sure >= 0.8
    usual = [c.held["80%"] / c.n for c in facts.certainty if c.how == "usual"]
    assert min(usual) < 0.77  # what is calibrated as usual does not hold elsewhere
    for cell in facts.left_out():
        assert cell.balanced_ci[0] > cell.guessing
