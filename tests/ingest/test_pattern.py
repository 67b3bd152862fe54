"""The language of layouts: what each pattern reads, and what is no pattern."""

from __future__ import annotations

import pytest

from petmood.config import read_options
from petmood.errors import ConfigError, DataError
from petmood.ingest.layout import find_layout
from petmood.ingest.pattern import parse_pattern


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{split}/{class}/*", "train/Sad/a.jpg", {"split": "train", "class": "Sad"}),
        ("{split}/{class}/*", "train/Sad/deep/er/a.jpg", {"split": "train", "class": "Sad"}),
        ("{split}/{class}", "train/Sad/a.jpg", {"split": "train", "class": "Sad"}),
        ("{split}/{class}/*", "train/a.jpg", None),
        ("{class}/{split}/*", "Sad/val/a.jpg", {"split": "val", "class": "Sad"}),
        (
            "{species}/{class}/{animal}/*",
            "cat/Sad/tom/a.jpg",
            {"species": "cat", "class": "Sad", "animal": "tom"},
        ),
        ("{class}_*", "Sad_001_x.jpg", {"class": "Sad"}),
        ("{class}_*", "deep/Sad_001.jpg", None),
        ("**/{class}_*", "a/b/Sad_001.jpg", {"class": "Sad"}),
        ("{animal}_{class}_*", "tom_Sad_1.jpg", {"animal": "tom", "class": "Sad"}),
        ("{split}_{class}/*", "train_very_sad/1.jpg", {"split": "train", "class": "very_sad"}),
        ("{split}_{class}/*", "Training_Set_sad/1.jpg", {"split": "Training_Set", "class": "sad"}),
        ("{split}_{class}/*", "happy_train/1.jpg", None),
        ("*/{class}/*.png", "x/Sad/a.png", {"class": "Sad"}),
        ("*/{class}/*.png", "x/Sad/a.jpg", None),
        ("data (1)/{class}/*", "data (1)/Sad/a.jpg", {"class": "Sad"}),
        ("fro\u0308h/{class}/*", "fr\u00f6h/Sad/a.jpg", {"class": "Sad"}),
    ],
)
def test_a_pattern_reads_paths(pattern: str, path: str, expected: dict[str, str] | None) -> None:
    assert parse_pattern(pattern).read(path) == expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{clas}/*", "unknown field {clas}. Did you mean '{class}'"),
        ("{class}/{class}/*", "{class} twice"),
        ("{class/*", "not closed"),
        ("", "empty"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_pattern(pattern)
    assert words in str(caught.value)


def test_a_given_layout_names_unknown_splits_and_takes_their_meaning() -> None:
    names = [f"{s}/{c}/{i}.jpg" for s in ("old", "new", "bad") for c in ("a", "b") for i in range(3)]
    with pytest.raises(DataError, match=r"names say nothing: .*old \(6\).*--splits 'old=train'"):
        find_layout(names, labelled=True, where="d", options=read_options(layout="{split}/{class}/*"))
    options = read_options(layout="{split}/{class}/*", splits="old=train,new=test,bad=")
    layout = find_layout(names, labelled=True, where="d", options=options)
    assert {p.path.partition("/")[0]: p.split for p in layout.placed} == {"old": "train", "new": "test"}
    assert len(layout.ignored) == 6


def test_a_given_layout_may_begin_below_folders_that_hold_everything() -> None:
    names = [f"x/y/{c}/{i}.jpg" for c in ("a", "b") for i in range(3)]
    layout = find_layout(names, labelled=True, where="d", options=read_options(layout="{class}/*"))
    assert layout.classes == ("x",)  # it fits as it is, so it is taken as it is
    deeper = find_layout(names, labelled=True, where="d", options=read_options(layout="{class}/*.jpg"))
    assert (deeper.text, deeper.classes) == ("x/y/{class}/*.jpg", ("a", "b"))
    with pytest.raises(DataError, match="fits the layout"):
        find_layout(names, labelled=True, where="d", options=read_options(layout="z/{class}/*"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"columns": "path"}, "Write pairs"),
        ({"columns": "clas=label"}, "unknown role 'clas'. Did you mean 'class'"),
        ({"splits": "a=b"}, "'a' is 'b'"),
        ({"group_by": "name"}, "'folder', 'regex"),
        ({"group_by": "regex:("}, "faulty"),
        ({"group_by": "regex:x"}, "no group named animal"),
        ({"zip_encoding": "klingon"}, "unknown encoding"),
        ({"margin": -1.0}, "margin"),
    ],
)
def test_options_that_mean_nothing_are_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_options(**given)  # type: ignore[arg-type]
    assert words in str(caught.value)
