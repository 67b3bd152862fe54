"""Colours of classes, and contrast of everything that carries text."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import product

import pytest

from petmood.report.palette import MUTED, TOKENS, class_colours, contrast, text_on

CSS = (files("petmood.report") / "templates" / "petmood.css").read_text(encoding="utf-8")


def theme(dark: bool) -> dict[str, str]:
    light, night = CSS.split("@media screen and (prefers-color-scheme: dark)")[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", night.split("\n}\n")[0])) if dark else found


def test_moods_keep_the_colours_of_the_study_whatever_their_case() -> None:
    colours = class_colours(["happy", "Sad", "Angry", "Other"])
    assert list(colours.values()) == ["#6acc64", "#4878d0", "#d65f5f", "#ee854a"]
    assert class_colours(["OTHER", "HAPPY"]) == {"OTHER": "#ee854a", "HAPPY": "#6acc64"}


def test_other_classes_get_what_is_left_and_repeat_only_when_they_must() -> None:
    colours = class_colours(["calm", "happy", "afraid"])
    assert colours["happy"] == MUTED["green"]
    assert len(set(colours.values())) == 3
    names = [f"class {i}" for i in range(len(MUTED))]
    assert len(set(class_colours(names).values())) == len(MUTED)
    assert len(class_colours([*names, "one more"])) == len(MUTED) + 1


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


@pytest.mark.parametrize("colour", MUTED.values(), ids=MUTED)
def test_percentages_can_be_read_on_every_sector(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= 4.5


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(dark: bool) -> None:
    tokens = theme(dark)
    for ink, ground in product(("ink", "ink-soft", "ink-faint", "accent"), ("page", "surface")):
        assert contrast(tokens[ink], tokens[ground]) >= 4.5, (ink, ground)
    for ink, ground in (
        ("ink", "heat"),
        ("ink", "sunken"),
        ("ink", "warn-wash"),
        ("warn", "warn-wash"),
        ("on-accent", "accent"),
    ):
        assert contrast(tokens[ink], tokens[ground]) >= 4.5, (ink, ground)


def test_dark_pages_replace_every_colour_that_light_pages_set() -> None:
    light, dark = theme(dark=False), theme(dark=True)
    assert {name for name in light if light[name] == dark[name]} == set()


def test_charts_fall_back_to_the_light_theme_of_the_page() -> None:
    light = theme(dark=False)
    for variable in TOKENS.values():
        name, fallback = re.fullmatch(r"var\(--([\w-]+), (#[0-9a-f]{6})\)", variable).groups()  # type: ignore[union-attr]
        assert light[name] == fallback
