"""The sections on honesty say what the results say."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from petmood.analyses.leakage.facts import LeakageFacts, LeakageFigure, SplitLeak
from petmood.analyses.page import report_html
from petmood.analyses.protocols.facts import CurvePoint, Forecast, LearningFacts, ProtocolFacts, RepeatedFacts
from petmood.evaluation.certainty import calibration_facts
from petmood.report.credibility import marks
from petmood.report.summarize import summarize
from petmood.results import AboveSpecies, ComparisonFacts, Leaderboard, Rank, Results
from petmood.results.base import Identity

from .sample_results import results as sample_results

NASTY = "<b>$x$</b>"


def honest_results() -> Results:
    found = sample_results()
    model = found.models[0]
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 120)
    shared = {"n": 370, "photos": 370, "correct": 100, "accuracy": 0.27, "accuracy_ci": (0.2, 0.3), "ci_method": "x"}
    figures = tuple(
        LeakageFigure(
            subject=s,
            control=c,
            split=split,
            identity=Identity(data="d", model=s, training="files", protocol=split, seed=0),
            **shared,
        )
        for split in ("random-5-fold", "grouped-5-fold")
        for s, c in ((NASTY, False), ("permuted-labels", True))
    )
    splits = tuple(
        SplitLeak(
            split=s,
            n=370,
            photos=370,
            exposed=exposed,
            chance=0.3,
            remembered=False,
            leaks=bool(exposed),
            gap=None,
            gap_ci=None,
        )
        for s, exposed in (("random-5-fold", 360), ("grouped-5-fold", 0))
    )
    rank = Rank(name=model.name, title=model.title, baseline=False, accuracy=0.5, accuracy_ci=(0.4, 0.6), groups=(1, 2))
    point = CurvePoint(
        share=1, photos=296, n=370, accuracy=0.5, accuracy_ci=(0.45, 0.55), class_photos={}, class_recall={}
    )
    return found.model_copy(
        update={
            "leakage": LeakageFacts(allowed=False, figures=figures, splits=splits),
            "comparison": ComparisonFacts(
                leaderboards=(Leaderboard(protocol=model.protocol, n=370, ranks=(rank,), pairs=()),),
                above_species=(
                    AboveSpecies(
                        model=model.name,
                        title=model.title,
                        protocol=model.protocol,
                        n=370,
                        accuracy=0.48,
                        species_accuracy=0.45,
                        difference=0.032,
                        difference_ci=(-0.02, 0.08),
                        p=0.2,
                    ),
                ),
            ),
            "protocols": ProtocolFacts(
                repeated=RepeatedFacts(
                    model=model.name,
                    folds=5,
                    repeats=2,
                    n=370,
                    accuracy=0.49,
                    accuracy_ci=(0.44, 0.54),
                    ci_method="x",
                    macro_f1=0.4,
                    by_repeat=(0.48, 0.5),
                    identity=Identity(data="d", model=model.name, training="photos", protocol="repeats", seed=0),
                ),
                species_out=None,
                learning=LearningFacts(
                    model=model.name,
                    folds=5,
                    draws=1,
                    points=(point,),
                    forecasts=(
                        Forecast(
                            class_name=None,
                            photos=370,
                            value=0.5,
                            gain=0.05,
                            horizon=10,
                            more_photos=200,
                            more_photos_ci=(50, None),
                        ),
                    ),
                ),
            ),
            "calibration": calibration_facts(
                probabilities,
                rng.integers(0, 4, 120),
                found.dataset.classes,
                model=model.name,
                title=model.title,
                protocol=model.protocol,
                seed=0,
            ),
        }
    )


@pytest.fixture(scope="module")
def page() -> str:
    return report_html(honest_results(), lambda path: None)


def test_the_page_has_the_three_sections_and_stays_well_formed(page: str) -> None:
    tree = ET.fromstring(page.partition("<!DOCTYPE html>")[2])
    assert {"real", "simple", "sure"} <= {element.get("id") for element in tree.iter()}
    assert {"#real", "#simple", "#sure"} <= {element.get("href") for element in tree.iter()}


def test_it_says_what_was_found_and_escapes_names(page: str) -> None:
    assert "97.3\N{NARROW NO-BREAK SPACE}%" in page
    assert NASTY not in page
    assert "&lt;b&gt;$x$&lt;/b&gt;" in page
    assert "About 200 more photos " in page
    assert "Reliability diagram: " in page
    assert "No evidence that it knows more" in page


def test_above_species_is_a_headline() -> None:
    headline = next(h for h in summarize(honest_results()).headlines if h.label == "points above species")
    assert headline.value == "+3.2"
    assert "n = 370" in headline.detail


def test_older_results_without_these_facts_still_render() -> None:
    page = report_html(sample_results(), lambda path: None)
    assert 'id="real"' not in page
    assert 'id="simple"' not in page
    assert 'id="sure"' not in page


def test_a_run_on_a_leaking_split_is_marked_above_and_beside_every_figure() -> None:
    found = sample_results()
    reason = "made with --allow-leakage on splits that leak: 3 photos stand in more than one of them"
    marked = tuple(m.model_copy(update={"mark": reason}) for m in found.models)
    page = report_html(found.model_copy(update={"models": marked}), lambda path: None)
    assert marks(found) == ()
    assert f"Every one of them was {reason}." in page
    assert page.count('<aside class="ribbon"') == 1
    # in the table, and again where the model is told of
    assert page.count('<span class="tag">leaking split</span>') == 2 * len(marked)
    assert "never on both sides of a split" not in page
