"""A review shows the photos of whatever a run was read from, and what may be wrong with each of them."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from clips import write_clip
from drawing import jpeg, photo, saved, write_tree
from needs import needs
from petmood.analyses.audit.quality import ISSUES, quality_table, read_quality, write_quality
from petmood.cache import ContentCache
from petmood.config import read_options, reading
from petmood.dataset.opening import open_pictures
from petmood.features.measures import quality_measures
from petmood.ingest import read_dataset
from petmood.jobs.provenance import QUALITY, write_source
from petmood.pictures import Pictures
from petmood.records import Manifest
from petmood.review.photos import open_review
from petmood.split import complete_splits
from petmood.store import write_json, write_manifest
from petmood.web.review.app import create_app
from petmood.web.review.store import DecisionStore

pl = needs("polars")

MOODS = ("生气", "高兴")


def gbk_zip(root: Path) -> Path:
    with zipfile.ZipFile(root / "d.zip", "w") as archive:
        for k in range(8):
            name = f"{MOODS[k % 2]}\\{k}.jpg".encode("gbk").decode("cp437")
            archive.writestr(zipfile.ZipInfo(name), jpeg(k))
    return root / "d.zip"


def clips(root: Path) -> Path:
    for k in range(6):
        write_clip(root / "d" / MOODS[k % 2] / f"{k}.mp4", seconds=2, size=(96, 64 + 8 * k))
    return root / "d"


def boxes(root: Path) -> Path:
    files = {"data.yaml": f"train: x\nnames: [{', '.join(MOODS)}]\n".encode()}
    for i in range(8):
        files |= {f"images/{i}.png": saved(photo(i), "PNG"), f"labels/{i}.txt": f"{i % 2} 0.5 0.5 0.5 0.5\n".encode()}
    return write_tree(root / "d", files)


def parquet(root: Path) -> Path:
    cells: dict[str, Any] = {"image": [jpeg(i) for i in range(8)], "label": [MOODS[i % 2] for i in range(8)]}
    pl.DataFrame(cells).write_parquet(root / "d.parquet")
    return root / "d.parquet"


def run_of(root: Path, data: Path, **given: Any) -> tuple[Path, Manifest]:
    """A run folder as far as a review needs it, made from data that are read with options."""
    options = read_options(**given)
    with open_pictures(data, options) as source:
        manifest = complete_splits(read_dataset(source, ContentCache(), options=options), 0)
    write_manifest(root / "run" / "manifest.csv", manifest)
    with reading(options):
        write_source(root / "run", data, None)
    write_json(root / "run" / "results.json", {})
    return root / "run", manifest


@pytest.mark.parametrize(
    ("make", "given", "photos"),
    [
        (gbk_zip, {"zip_encoding": "gbk"}, 8),
        (gbk_zip, {}, 8),
        (clips, {"fps": 2.0}, 6),
        (boxes, {"margin": 0.5}, 8),
        (parquet, {}, 8),
    ],
)
def test_every_photo_of_a_run_is_shown_whatever_it_was_read_from(
    tmp_path: Path, make: Any, given: dict[str, Any], photos: int
) -> None:
    run, manifest = run_of(tmp_path, make(tmp_path), **given)
    assert manifest.classes == MOODS
    review = open_review(run)
    assert len(review.photos) == manifest.n_photos == photos
    with open_pictures(review.data, review.options) as source:
        client = TestClient(create_app(DecisionStore(review), source), base_url="http://127.0.0.1")
        for shown in review.photos:
            picture = Image.open(io.BytesIO(client.get(f"/photo/{shown}.jpg").content))
            assert picture.size == (review.photos[shown].record.width, review.photos[shown].record.height)


def test_poor_photos_stand_in_queues_the_worst_first(tmp_path: Path) -> None:
    grain = np.random.default_rng(0).normal(0, 14, (224, 224, 1))
    sharp = Image.fromarray(np.clip(np.asarray(photo(1)) + grain, 0, 255).astype(np.uint8))
    files = {f"happy/{i}.jpg": saved(sharp.rotate(90 * i)) for i in range(3)}
    files["happy/=1+1.jpg"] = saved(sharp.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    files |= {f"sad/night{k}.png": saved(sharp.point([v // k for v in range(256)] * 3), "PNG") for k in (9, 40, 16)}
    files |= {
        "sad/wide.png": saved(sharp.resize((900, 90)), "PNG"),
        "sad/small.png": saved(sharp.resize((40, 40)), "PNG"),
    }
    run, manifest = run_of(tmp_path, write_tree(tmp_path / "d", files))
    with Pictures(open_pictures(tmp_path / "d", read_options())) as pictures:
        measured = quality_measures(manifest.records, pictures, ContentCache())
    pet = np.array([0.01 if r.path == "happy/1.jpg" else 0.9 for r in manifest.records])
    write_quality(run / QUALITY, quality_table(manifest, measured, pet=pet))
    review = open_review(run)
    paths = {photo.id: photo.record.path for photo in review.photos.values()}
    queues = {queue.id: [paths[i] for i in queue.photos] for queue in review.queues}
    assert queues["quality-dark"] == ["sad/night40.png", "sad/night16.png", "sad/night9.png"]
    assert queues["quality-odd_shape"] == ["sad/wide.png"]
    assert queues["quality-tiny"] == ["sad/small.png"]
    assert queues["quality-no_pet"] == ["happy/1.jpg"]
    assert review.queues[-1].id == "all"
    # what a spreadsheet opens: a row an image, each issue beside its raw measure
    with (run / QUALITY).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["path"] for row in rows) == sorted(files)
    assert read_quality(run / QUALITY)["path"].tolist() == [r.path for r in manifest.records]
    assert {f"is_{issue}" for issue in ISSUES} <= rows[0].keys()
    measures = {"sharpness", "brightness", "white", "entropy", "short_side", "shape", "relative_size", "pet", "copies"}
    assert measures <= rows[0].keys()
    assert all(float(row[name]) >= 0 for row in rows for name in measures)
