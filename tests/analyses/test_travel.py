"""Several sources: shared photos found first, a matrix with controls beside it, and what one source cannot tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import ImageOps

from axe import faults
from drawing import photo, saved, write_tree
from petmood.analyses import ANALYSES
from petmood.analyses.travel import ANALYSIS
from petmood.analyses.travel.facts import TravelFacts
from petmood.analyses.travel.words import lines
from petmood.config import run_settings
from petmood.errors import ConfigError
from petmood.jobs.run import run
from petmood.jobs.travel import travel

MOODS = ("angry", "happy", "sad")
SETTINGS = run_settings("quick", cnn=False, n_init=2, folds=2, repeats=1)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three publishers; the second shows two photos of the first, changed, and calls one mood by another name."""
    root = tmp_path_factory.mktemp("sources")
    trees = []
    for number, moods in enumerate((MOODS, ("angry", "joyful", "sad"), MOODS[:2])):
        files = {f"{moods[i % len(moods)]}/{i}.jpg": saved(photo(1000 * number + i)) for i in range(15)}
        if number == 1:
            files["angry/cropped.jpg"] = saved(photo(1).crop((12, 9, 205, 212)), quality=80)
            files["sad/mirrored.jpg"] = saved(ImageOps.mirror(photo(2)), quality=75)
        trees.append(write_tree(root / f"set{number}", files))
    return trees


def test_sources_judge_each_other_without_the_photos_that_they_share(
    sources: list[Path], tmp_path: Path, small_network: str
) -> None:
    facts = travel(sources, {"joyful": "happy"}, tmp_path / "out", backbone=small_network, methods=True)
    assert {tuple(Path(p).stem for p in paths) for paths in facts.copies} == {("1", "cropped"), ("2", "mirrored")}
    found = {(c.kind, c.trained_on, c.judged_on): c for c in facts.cells}
    assert len(found) == len(facts.cells) == 3 + 3 + 6
    assert found["one to one", ("set1",), "set0"].removed == 2
    assert found["one to one", ("set2",), "set0"].removed == 0
    assert found["left out", ("set0", "set1"), "set2"].guessing == 0.5  # it has two of three moods
    assert [c.n for c in facts.left_out()] == [15, 17, 15]
    for source in ("set0", "set1", "set2"):
        beside = {(c.subject, c.kind) for c in facts.controls if c.judged_on == source}
        assert beside == {("species", "left out"), ("species", "in source"), ("angry-cats", "left out")}
        assert sum(u.photos for u in facts.unlike if u.judged_on == source) == found_n(facts, source)
    assert {c.how for c in facts.certainty} == {"left out", "one source", "usual"}
    assert len({c.subject for c in facts.heads}) == 5
    assert len({c.subject for c in facts.tried}) > 20
    assert [c.judged_on for c in facts.chosen] == ["set0", "set1", "set2"]

    raw = json.loads((tmp_path / "out" / "travel.json").read_text(encoding="utf-8"))
    assert TravelFacts.model_validate(raw) == facts
    page = (tmp_path / "out" / "travel.html").read_text(encoding="utf-8")
    said = "\n".join(lines(facts))
    for cell in facts.cells:
        figure = f"{cell.balanced:.3f} ({cell.balanced_ci[0]:.3f} to {cell.balanced_ci[1]:.3f})"
        assert figure in page
        assert figure in said
    assert faults(tmp_path / "out" / "travel.html", tmp_path) == []
    again = travel(sources, {"joyful": "happy"}, backbone=small_network)
    assert again.cells == facts.cells
    assert (again.heads, again.tried, again.chosen) == ((), (), ())


def found_n(facts: TravelFacts, source: str) -> int:
    return next(c.n for c in facts.left_out() if c.judged_on == source)


def test_a_run_of_two_sources_asks_and_heads_its_page_with_it(sources: list[Path], tmp_path: Path) -> None:
    done = run(
        sources[0], tmp_path / "run", SETTINGS, others=sources[1:2], mapping={"joyful": "happy"}, analyses=(ANALYSIS,)
    )
    facts = done.results.of(TravelFacts)
    assert facts is not None
    assert len(facts.copies) == 2
    assert {c.how for c in facts.certainty} == {"one source", "usual"}  # one is left to train on
    assert done.results.dataset.photos == 15  # every other figure is of the first alone
    page = done.report.read_text(encoding="utf-8")
    assert page.index("on a source left out") < page.index('id="found"')
    assert page.index('<section id="travel"') < page.index('<section id="data"')


def test_with_one_source_the_report_says_that_it_was_not_asked(sources: list[Path], tmp_path: Path) -> None:
    done = run(sources[0], tmp_path / "run", SETTINGS, analyses=(ANALYSIS,))
    facts = done.results.of(TravelFacts)
    assert facts is not None
    assert [s.photos for s in facts.sources] == [15]
    assert facts.cells == ()
    page = done.report.read_text(encoding="utf-8")
    assert "This was not asked." in page
    assert "on a source left out" not in page
    assert page.index('<section id="travel"') > page.index('<section id="data"')
    assert ANALYSIS in ANALYSES


def test_what_cannot_be_asked_is_refused_before_any_work(
    sources: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(*ignored: object) -> None:
        raise AssertionError("copies were looked for")

    monkeypatch.setattr("petmood.dataset.opening.find_links", search)
    with pytest.raises(ConfigError, match="two data sets"):
        travel(sources[:1], {})
    with pytest.raises(ConfigError, match="joyful"):
        travel(sources[:2], {})
    with pytest.raises(ConfigError, match="joyful"):
        run(sources[0], tmp_path / "run", SETTINGS.model_copy(update={"families": "pixels"}), others=sources[1:2])
    with pytest.raises(ConfigError, match="second data set"):
        run(sources[0], tmp_path / "run", SETTINGS, mapping={"joyful": "happy"})
