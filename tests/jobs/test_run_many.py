"""A run of more images than its models look at: a sample is drawn, told of, and the audit is of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drawing import jpeg, write_tree
from petmood.analyses import ANALYSES
from petmood.bundle import load
from petmood.config import run_settings
from petmood.jobs.run import run
from petmood.report.cautions import caution
from petmood.results.models import protocol_text
from petmood.review.photos import open_review
from petmood.store import read_manifest

PHOTOS, MOST = 40, 60


def test_the_sample_is_told_and_rows_are_those_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.dataset.sample.MANY", MOST)
    monkeypatch.setattr("petmood.dataset.dataset.MANY", MOST)
    files = {
        f"{mood}/{name}.jpg": jpeg(1000 * c + i)
        for c, mood in enumerate(("Angry", "happy", "Sad"))
        for i in range(PHOTOS)
        # every fifth lies there twice
        for name in ([f"p{i}", f"p{i} again"] if i % 5 == 0 else [f"p{i}"])
    }
    data, out = write_tree(tmp_path / "data", files), tmp_path / "out"
    chosen = [one for one in ANALYSES if one.name in ("leakage", "audit", "calibration")]
    found = run(data, out, run_settings("quick", cnn=False, repeats=1), analyses=chosen).results
    (told,) = (warn for warn in found.dataset.warnings if warn.code == "sampled")
    images = told.values["images"]
    assert isinstance(images, int)
    assert MOST - 12 <= images <= MOST + 12
    assert told.values["of_images"] == len(files) == found.dataset.images
    assert told.values["of_photos"] == 3 * PHOTOS == found.dataset.photos
    assert f"{told.values['photos']} photos" in caution(told)
    assert caution(told).split(",")[0] in (out / "report.html").read_text(encoding="utf-8").replace("\n", " ")

    manifest = read_manifest(out / "manifest.csv")
    grouped = next(m for m in found.models if m.protocol.startswith("grouped"))
    assert grouped.n == len(grouped.photos) == told.values["photos"]
    assert all("in the sample" in protocol_text(model) for model in (*found.models, *found.baselines))
    assert max(grouped.photos) > MOST  # rows of all images, not of the sample
    truth = [manifest.classes[t] for t in grouped.truth]
    assert [manifest.records[i].class_name for i in grouped.photos] == truth
    assert len(np.unique(manifest.family_index[list(grouped.photos)])) == grouped.n

    facts = found.model_dump()
    assert facts["audit"]["images"] == len(files)
    assert facts["audit"]["quality"]["images"] == 3 * PHOTOS
    assert facts["leakage"]["splits"][1]["photos"] == told.values["photos"]
    assert facts["clusters"][0]["splits"]["train"]["n"] < 0.7 * MOST
    assert load(out / "model").description.data.images == images

    # the review numbers the clusters as the report does, and shows what was not in the sample too
    shown = open_review(out)
    assert len(shown.photos) == 3 * PHOTOS
    assert shown.groups is not None
    (clusters,) = found.clusters
    paths = [manifest.records[i].path for i in manifest.photo_index]
    by_path = dict(zip(paths, shown.groups.clusters.tolist(), strict=True))
    train = [manifest.records[i] for i in grouped.photos if manifest.records[i].split == "train"]
    assert tuple(np.bincount([by_path[r.path] for r in train], minlength=clusters.k)) == clusters.splits["train"].sizes
