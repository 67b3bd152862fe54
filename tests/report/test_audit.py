"""The report's section on the data itself: verdict, copies across splits, shortcuts, look-alikes."""

from __future__ import annotations

import pytest

from petmood.analyses.audit.facts import AlikePair, AuditFacts, FamilyFacts, FamilySplit, Shortcut
from petmood.analyses.audit.words import audit_lines, copies_sentence, shortcut_sentence, verdict_sentence
from petmood.analyses.page import report_html
from petmood.results import ClassCount, CopyPair, DuplicateCount, Duplicates

from .sample_results import dataset, results, thumbnail


def shortcut(verdict: str) -> Shortcut:
    return Shortcut.model_validate(
        {
            "name": "brightness",
            "n": 370,
            "accuracy": 0.35,
            "accuracy_ci": (0.30, 0.40),
            "majority": 0.303,
            "gain": 0.047,
            "gain_ci": (0.01, 0.09),
            "verdict": verdict,
        }
    )


def audit(copied: int = 0) -> AuditFacts:
    data = dataset()
    pairs = tuple(
        CopyPair(path_a=f"test/Sad/{i}.jpg", path_b=f"train/Sad/{i}.jpg", split_a="test", split_b="train", kind="near")
        for i in range(copied)
    )
    return AuditFacts(
        images=1074,
        photos=370,
        classes={"Sad": ClassCount(images=271, photos=105), "Other": ClassCount(images=262, photos=59)},
        splits=data.splits,
        families=FamilyFacts(photos=370, derived=704, by_split={"train": FamilySplit(photos=296, derived=704)}),
        duplicates=Duplicates(
            exact=DuplicateCount(within_split_pairs=1, across_split_pairs=0, images_in_test_copied_from_train=0),
            near=DuplicateCount(
                within_split_pairs=1322, across_split_pairs=copied, images_in_test_copied_from_train=copied
            ),
        ),
        conflicting_labels=(),
        rejected=(),
        ignored=(),
        warnings=(),
        family_source="names",
        straddling=tuple(f"test/Sad/{i}.jpg" for i in range(copied)),
        copies=pairs,
        alike=(AlikePair(path_a="train/Angry/76.jpg", path_b="valid/Angry/40.jpg", features=19),),
        shortcuts=(shortcut("predicts"),),
    )


def test_a_clean_set_is_called_clean() -> None:
    facts = audit()
    assert verdict_sentence(facts) == "No photo stands in more than one split."
    assert "1,322 near pairs within a split" in copies_sentence(facts)
    text = " ".join(audit_lines(facts))
    assert "1,074 files, 370 photos" in text
    assert "\N{LEFT DOUBLE QUOTATION MARK}Other\N{RIGHT DOUBLE QUOTATION MARK} 59 photos, 4.4 files each" in text


def test_a_leak_is_said_and_shown() -> None:
    leaky = audit(copied=2)
    assert verdict_sentence(leaky) == "The splits leak: 2 photos stand in more than one of them."
    html = report_html(results().model_copy(update={"audit": leaky}), thumbnail)
    assert "Can the data be trusted?" in html
    assert "The splits leak" in html
    assert html.count("The same photo in other bytes") == 2
    assert "19 matching features" in html


def test_a_report_without_an_audit_has_no_such_section() -> None:
    assert "Can the data be trusted?" not in report_html(results(), thumbnail)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("predicts", "it predicts the class without a face"),
        ("unclear", "not shown to predict"),
        ("no", "does not predict the class"),
    ],
)
def test_each_verdict_has_its_words_n_and_interval(verdict: str, words: str) -> None:
    text = shortcut_sentence(shortcut(verdict))
    assert words in text
    assert "370 photos" in text
    assert "30.0\N{EN DASH}40.0" in text
