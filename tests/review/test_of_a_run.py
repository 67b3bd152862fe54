"""A review of a real run: its clusters have the report's numbers, and all of its suspects are there."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from petmood.analyses.labels.facts import SuspectFacts
from petmood.analyses.labels.words import why_suspect
from petmood.review.photos import open_review
from petmood.store import read_json

if TYPE_CHECKING:
    from petmood.library import RunResult


def test_clusters_suspects_and_map_are_those_of_the_run(demo_run: RunResult, tmp_path: Path) -> None:
    shutil.copytree(demo_run.folder, tmp_path / "run")
    results = read_json(tmp_path / "run" / "results.json")
    review = open_review(tmp_path / "run")
    assert review.note == ""
    for split, told in results["clusters"][0]["splits"].items():
        found = Counter(photo.cluster for photo in review.photos.values() if photo.record.split == split)
        assert [found[c + 1] for c in range(len(told["sizes"]))] == list(told["sizes"])
    suspects = next(queue for queue in review.queues if queue.id == "suspects")
    assert len(suspects.photos) == results["labels"]["flagged"] >= len(results["labels"]["suspects"])
    named = [suspect["path"] for suspect in results["labels"]["suspects"]]
    assert [review.photos[i].record.path for i in suspects.photos][: len(named)] == named
    assert review.photos[suspects.photos[0]].why == why_suspect(
        SuspectFacts.model_validate(results["labels"]["suspects"][0])
    )
    assert all(photo.read is not None and 0 <= (photo.doubt or 0) <= 1 for photo in review.photos.values())
    assert review.layout is not None
    method, places = review.layout()
    assert method == "t-SNE"
    assert places.keys() == review.photos.keys()
    assert all(0 <= x <= 1 for place in places.values() for x in place)
    assert review.layout()[1] == places
