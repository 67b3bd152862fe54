"""A run of too few photos: refused before the work in terms of the data, or a part is left out and the page says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drawing import jpeg, write_tree
from petmood.analyses import ANALYSES
from petmood.config import run_settings
from petmood.errors import DataError, TooFewError
from petmood.jobs import stages
from petmood.jobs.run import RunOutcome, run
from petmood.progress import Silent
from petmood.report.cautions import caution

SETTINGS = run_settings("quick", cnn=False, repeats=1)
LEAKAGE = next(one for one in ANALYSES if one.name == "leakage")


class Heard(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def drawn(root: Path, counts: dict[str, tuple[int, ...]]) -> Path:
    files = {
        f"{split}/{mood}/{split}{i}.jpg".lstrip("/"): jpeg(1000 * c + 100 * s + i)
        for s, (split, numbers) in enumerate(counts.items())
        for c, (mood, n) in enumerate(zip(("Angry", "happy", "Sad"), numbers, strict=False))
        for i in range(n)
    }
    return write_tree(root / "data", files)


def small(root: Path, counts: dict[str, tuple[int, ...]], progress: Silent) -> RunOutcome:
    return run(drawn(root, counts), root / "out", SETTINGS, progress, analyses=[LEAKAGE])


@pytest.mark.parametrize(
    "counts",
    [
        {"": (1, 1)},
        {"": (2, 1, 1)},
        {"": (20, 20, 2)},
        {"train": (5, 1), "valid": (2, 0), "test": (2, 0)},
        {"train": (6, 0), "valid": (2, 2), "test": (3, 3)},
    ],
)
def test_what_the_data_are_too_few_for_is_told_before_the_work(
    tmp_path: Path, counts: dict[str, tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "load_backbone", lambda name: pytest.fail("work was begun"))
    with pytest.raises(DataError, match=r"class '(Angry|happy|Sad)' .*(Add|Use)"):
        small(tmp_path, counts, Silent())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("counts", [{"train": (1, 1), "valid": (1, 1), "test": (1, 1)}, {"": (3, 3)}])
def test_a_part_that_has_too_little_is_left_out_with_a_note(tmp_path: Path, counts: dict[str, tuple[int, ...]]) -> None:
    heard = Heard()
    outcome = small(tmp_path, counts, heard)
    told = [caution(warn) for warn in outcome.results.dataset.warnings if warn.code == "no-leakage"]
    assert (outcome.results.of(LEAKAGE.facts) is None) == bool(told)
    assert bool(told) == ("train" in counts)
    assert any("Figures on them are uncertain" in note for note in heard.notes)
    assert all(message in heard.notes for message in told)
    assert all("Left out: " in outcome.report.read_text(encoding="utf-8") for _ in told)


@pytest.mark.parametrize("kind", [DataError, TooFewError])
def test_nothing_but_too_little_is_left_out(tmp_path: Path, kind: type[DataError]) -> None:
    def compute(asked: object) -> None:
        raise kind("it is so. Do that.")

    data = drawn(tmp_path, {"": (3, 3)})
    broken = replace(LEAKAGE, compute=compute)
    if kind is TooFewError:
        assert (
            run(data, tmp_path / "out", SETTINGS, analyses=[broken]).results.dataset.warnings[-1].code == "no-leakage"
        )
    else:
        with pytest.raises(DataError, match="it is so"):
            run(data, tmp_path / "out", SETTINGS, analyses=[broken])
