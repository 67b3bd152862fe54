"""The sections on species, labels and causes: drawn from facts, well-formed, honest about weak models."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from petmood.analyses.causes import words as causes
from petmood.analyses.causes.facts import CauseFacts, CauseName, CausesFacts
from petmood.analyses.labels import words as suspects
from petmood.analyses.labels.facts import (
    LabelFacts,
    LabelModel,
    NeighbourFacts,
    NoiseEstimate,
    PlantedCheck,
    SuspectFacts,
    TwinFacts,
)
from petmood.analyses.page import report_html
from petmood.analyses.species import words as species
from petmood.analyses.species.facts import Association, SpeciesClusters, SpeciesFacts
from petmood.results import PairedFacts

from .sample_results import MOODS, results, thumbnail

HOSTILE = "train/Sad/<b>&1.jpg"


def pair(name: str, gain: float, half: float = 0.04) -> PairedFacts:
    return PairedFacts(
        name=name,
        reference="features",
        protocol="grouped-5-fold",
        n=370,
        accuracy=0.49 + gain,
        accuracy_ci=(0.44 + gain, 0.54 + gain),
        reference_accuracy=0.49,
        gain=gain,
        gain_ci=(gain - half, gain + half),
        p=0.01,
    )


def clusters(erased: str, change: float, half: float = 0.02) -> SpeciesClusters:
    return SpeciesClusters(
        erased=erased,
        k=4,
        repeats=5,
        n=370,
        nmi_species=0.61,
        nmi_species_ci=(0.57, 0.65),
        nmi_mood=0.11 + change,
        nmi_mood_ci=(0.08 + change, 0.15 + change),
        mood_change=change,
        mood_change_ci=(change - half, change + half),
    )


def species_facts(change: float = -0.08, other: int = 10) -> SpeciesFacts:
    return SpeciesFacts(
        backbone="efficientnet-lite0",
        told_by="head",
        n=370,
        protocol="grouped-5-fold",
        ci_method="bootstrap",
        table={"dog": dict.fromkeys(MOODS, 40), "other": dict.fromkeys(MOODS, other)},
        association=Association(n=370, cramers_v=0.31, cramers_v_ci=(0.25, 0.36), nmi=0.13, nmi_ci=(0.09, 0.18)),
        clusters=(clusters("none", 0.0, 0.0), clusters("leace", change)),
        within=(pair("dog", 0.08),),
        over_species=pair("features", 0.03),
        erased=(pair("leace", -0.1),),
    )


def label_facts(noise: float = 0.1) -> LabelFacts:
    near = NeighbourFacts(path="train/happy/2.jpg", label="happy", similarity=0.4)
    suspect = SuspectFacts(
        rank=1,
        path=HOSTILE,
        split="train",
        given="Sad",
        suggested="happy",
        quality=0.1,
        p_given=0.1,
        p_suggested=0.8,
        votes=3,
        models=3,
        flagged=True,
        neighbours_given=(),
        neighbours_suggested=(near,),
    )
    return LabelFacts(
        n=370,
        protocol="grouped-5-fold",
        models=(LabelModel(name="logistic", accuracy=0.8, accuracy_ci=(0.75, 0.85)),),
        flagged=30,
        noise_rate=noise,
        noise_rate_ci=(noise - 0.04, noise + 0.04),
        ceiling=1 - noise,
        ceiling_ci=(0.96 - noise, 1.04 - noise),
        disagreement=0.2,
        disagreement_ci=(0.16, 0.25),
        by_class={},
        suspects=(suspect,),
        shown_limit=60,
        twins=(TwinFacts(path_a="a.jpg", label_a="Sad", path_b="b.jpg", label_b="happy", similarity=0.95),),
        twin_similarity=0.9,
        check=PlantedCheck(
            changed=37,
            share=0.1,
            average_precision=0.25,
            precision=0.3,
            recall=0.3,
            estimate_before=0.1,
            estimate_after=0.2,
        ),
    )


def cause(name: CauseName, effect: float, shown: bool) -> CauseFacts:
    values = dict.fromkeys(("right", "other_right", "species_right", "right_without", "cramers_v"), 0.5)
    return CauseFacts(
        name=name,
        effect=effect,
        effect_ci=(effect - 0.02, effect + 0.02),
        ci_method="bootstrap",
        n=370,
        protocol="grouped-5-fold",
        shown=shown,
        choice="centre",
        values={**values, "tried": 2},
    )


def causes_facts() -> CausesFacts:
    return CausesFacts(
        backbone="efficientnet-lite0",
        accuracy=0.49,
        accuracy_ci=(0.44, 0.54),
        n=370,
        protocol="grouped-5-fold",
        causes=(cause("photos", 0.46, True), cause("species", 0.095, True), cause("model", 0.016, False)),
    )


@pytest.fixture(scope="module")
def root() -> ET.Element:
    extra = {"species": species_facts(), "labels": label_facts(), "causes": causes_facts()}
    page = report_html(results().model_copy(update=extra), thumbnail)
    return ET.fromstring(re.sub(r"<!DOCTYPE html>\s*", "", page))


def text(root: ET.Element, section: str) -> str:
    (found,) = [node for node in root.iter("section") if node.get("id") == section]
    return re.sub(r"\s+", " ", "".join(found.itertext())).replace("\u2060", "")


def test_the_sections_stand_in_the_page_and_its_contents(root: ET.Element) -> None:
    links = {a.get("href") for a in root.iter("a")}
    assert {"#species", "#labels", "#help"} <= links
    order = [node.get("id") for node in root.iter("section")]
    assert order.index("species") < order.index("labels") < order.index("help")


def test_the_gallery_shows_the_suspect_with_its_neighbours(root: ET.Element) -> None:
    shown = text(root, "labels")
    assert "1. Sad, or happy?" in shown
    assert HOSTILE in shown
    assert "a.jpg (Sad) and b.jpg (happy)" in shown
    assert suspects.faces(label_facts().suspects[0]) == [
        (HOSTILE, "given", "Sad"),
        ("train/happy/2.jpg", "like it", "happy"),
    ]


def test_causes_are_ranked_and_only_shown_ones_come_with_advice(root: ET.Element) -> None:
    shown = text(root, "help")
    assert "number of photos (+46.0 points) and species (+9.5 points). Not shown to matter here: model." in shown
    assert shown.count("Next: ") == 2
    assert causes.width(causes_facts().causes[1], causes_facts()) == pytest.approx(100 * 0.095 / 0.46)
    none = causes_facts().model_copy(update={"causes": (cause("model", 0.01, False),)})
    assert "none of 1 causes was shown" in causes.ranking_sentence(none)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("confident-learning", "own mistakes"),
        ("look-alikes", "3 have two labels"),
        ("nearest-pairs", "may truly show two moods"),
        ("reader", "upper bound, and the ceiling what one person"),
    ],
)
def test_each_estimate_of_the_noise_says_what_it_cannot_tell(method: str, words: str) -> None:
    estimate = NoiseEstimate(
        method=method, n=20, differ=3, rate=0.15, rate_ci=(0.05, 0.36), ceiling=0.85, ceiling_ci=(0.64, 0.95)
    )
    told = suspects.estimate_sentence(estimate, label_facts(noise=0.19))
    assert words in told
    assert "15.0" in told
    assert "85.0" in told


def test_weak_models_are_not_believed() -> None:
    assert "upper bound" in suspects.weakness_sentence(label_facts(noise=0.19))
    assert "upper bound" not in suspects.weakness_sentence(label_facts(noise=0.1))


@pytest.mark.parametrize(
    ("change", "expected"), [(-0.08, "had of mood was species"), (0.0, "no clear change"), (0.05, "mood shows better")]
)
def test_the_verdict_on_erasing_follows_from_the_interval(change: float, expected: str) -> None:
    assert expected in (species.erased_sentence(species_facts(change)) or "")


def test_the_gain_over_species_is_only_claimed_where_shown() -> None:
    assert "not shown" in species.gain_sentence(pair("features", 0.03))
    assert "say more than the species" in species.gain_sentence(pair("features", 0.1))


def test_animals_that_the_head_does_not_know_are_said_to_be_unknown() -> None:
    assert "none of the species it knows" in species.association_sentence(species_facts(other=60))
    assert "none of the species" not in species.association_sentence(species_facts(other=10))
