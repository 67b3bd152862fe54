"""How figures and names are written."""

from __future__ import annotations

import pytest

from petmood.report import wording


def test_numbers_are_written_for_people() -> None:
    assert wording.count(1074) == "1,074"
    assert wording.plural(1, "photo") == "1 photo"
    assert wording.plural(1074, "file") == "1,074 files"
    assert wording.plural(2, "class", "classes") == "2 classes"
    assert wording.percent(0.4621) == "46.2\u202f%"
    assert wording.percent(2 / 3, 0) == "67\u202f%"
    assert wording.interval((0.4117, 0.5131)) == "41.2–51.3\u202f%"


@pytest.mark.parametrize(("value", "text"), [(0.0912, "0.09"), (-0.001, "0.00"), (-0.25, "-0.25"), (None, "–")])
def test_a_score_has_two_digits_and_no_negative_zero(value: float | None, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.04\u202fs"), (12.34, "12.3\u202fs"), (59.7, "1\u202fmin 0\u202fs"), (75, "1\u202fmin 15\u202fs")],
)
def test_a_duration_is_given_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


def test_a_list_reads_as_a_sentence() -> None:
    assert wording.listing([]) == "none"
    assert wording.listing(["a"]) == "a"
    assert wording.listing(["a", "b", "c"]) == "a, b and c"


def test_what_no_document_may_contain_is_made_visible() -> None:
    assert wording.printable("a\x00b\nc\udcff") == "a\ufffdb\ufffdc\ufffd"
    assert wording.printable("glücklich 幸せ 🐶") == "glücklich 幸せ 🐶"


@pytest.mark.parametrize(
    ("text", "cells", "short"),
    [
        ("happy", 5, "happy"),
        ("happily", 5, "happ…"),
        ("とても悲しい", 12, "とても悲しい"),
        ("とても悲しい", 7, "とても…"),
        ("a b", 2, "a…"),
    ],
)
def test_a_long_name_is_cut_to_its_columns(text: str, cells: int, short: str) -> None:
    assert wording.shorten(text, cells) == short
