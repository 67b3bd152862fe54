"""A run that goes on although its splits leak: every figure of it is marked, in the file and on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import ImageOps

from drawing import photo, saved, write_tree
from needs import needs
from petmood.config import RunSettings
from petmood.jobs.run import RunOutcome, run

needs("torch")

REASON = "made with --allow-leakage on splits that leak: 3 photos stand in more than one of them"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, small_network: str) -> RunOutcome:
    """Three test images planted in train: the very bytes, saved anew, and mirrored."""
    files, seed = {}, 0
    for split, count in (("train", 8), ("valid", 2), ("test", 3)):
        for name in ("Angry", "happy"):
            for i in range(count):
                files[f"{split}/{name}/{split}{i}.jpg"] = saved(photo(seed := seed + 1, (96, 96)))
    first = 21  # test/Angry/test0.jpg
    files["train/Angry/a.jpg"] = files["test/Angry/test0.jpg"]
    files["train/Angry/b.jpg"] = saved(photo(first + 1, (96, 96)), quality=60)
    files["train/Angry/c.jpg"] = saved(ImageOps.mirror(photo(first + 2, (96, 96))))
    work = tmp_path_factory.mktemp("leaks")
    settings = RunSettings(cnn=False, folds=2, n_init=1, allow_leakage=True, backbone=small_network)
    return run(write_tree(work / "data", files), work / "run", settings)


def figures(facts: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every record that has an accuracy or an interval, with its place."""
    if isinstance(facts, dict):
        if any(key.endswith("_ci") for key in facts) or isinstance(facts.get("accuracy"), float):
            yield path, facts
        for key, value in facts.items():
            yield from figures(value, f"{path}/{key}")
    elif isinstance(facts, list):
        for i, value in enumerate(facts):
            yield from figures(value, f"{path}/{i}")


def test_every_figure_of_the_file_is_marked(outcome: RunOutcome) -> None:
    raw = json.loads((outcome.folder / "results.json").read_text(encoding="utf-8"))
    found = {place: facts.get("mark") for place, facts in figures(raw) if "/per_class/" not in place}
    assert {place.split("/")[1] for place in found} >= {"models", "baselines", "leakage", "comparison", "protocols"}
    assert {place for place, mark in found.items() if mark != REASON} == set()


def test_each_planted_copy_is_counted_and_the_meter_says_leakage(outcome: RunOutcome) -> None:
    audit, leakage = outcome.results.audit, outcome.results.leakage
    assert audit is not None
    assert leakage is not None
    copied = audit.duplicates
    assert copied.exact.images_in_test_copied_from_train == 1
    assert copied.near.images_in_test_copied_from_train == 2
    official = next(split for split in leakage.splits if split.split == "official-test")
    assert (official.exposed, official.n) == (3, 6)
    assert official.leaks


def test_the_page_warns_above_beside_and_in_words_and_no_model_is_handed_out(outcome: RunOutcome) -> None:
    page = outcome.report.read_text(encoding="utf-8")
    assert f"Every one of them was {REASON}." in page
    assert page.count('<aside class="ribbon"') == 1
    models, baselines = outcome.results.models, outcome.results.baselines
    # all of them in the tables, and models again where each is told of
    assert page.count('<span class="tag">leaking split</span>') == 2 * len(models) + len(baselines)
    assert "never on both sides" not in page
    assert not (outcome.folder / "model").exists()
