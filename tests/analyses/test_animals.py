"""Data that name animals, from the photos to the figures on animals never seen; and how a run was read, kept."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawing import write_tree
from petmood.analyses.audit.compute import audit
from petmood.analyses.audit.quality import read_quality
from petmood.analyses.protocols.compute import animals_out
from petmood.analyses.protocols.words import animals_sentence
from petmood.config import read_options, reading, run_settings
from petmood.dataset import Dataset, open_dataset
from petmood.dataset.figures import dataset_facts
from petmood.dataset.models import thumbnails
from petmood.jobs.provenance import read_reading, write_source
from petmood.report.cautions import caution
from petmood.split import straddling_animals


def coats(animals: int, photos: int) -> dict[str, bytes]:
    """Each animal has a coat and a mood of its own: who knows the coat knows the mood, of that animal alone."""
    rng = np.random.default_rng(5)
    files = {}
    for a in range(animals):
        coat = np.kron(rng.integers(40, 216, (4, 4, 3)), np.ones((12, 12, 1)))
        for i in range(photos):
            mood = ("happy", "sad")[a % 2]
            pixels = np.clip(coat + rng.normal(0, 12, (48, 48, 3)), 0, 255).astype(np.uint8)
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "PNG")
            files[f"{mood}/cat_{a:02d}/{i}.png"] = out.getvalue()
    return files


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    folder = write_tree(tmp_path_factory.mktemp("animals") / "d", coats(12, 8))
    with open_dataset(folder, families="names", options=read_options(layout="{class}/{animal}/*")) as data:
        yield data


def test_what_keeping_photos_apart_hides_is_told(told: Dataset) -> None:
    assert straddling_animals(told.manifest) == 0
    facts = animals_out(thumbnails(), told, run_settings("quick"))
    assert facts is not None
    assert (facts.animals, facts.n, facts.identity.protocol) == (12, 96, "each-animal-out")
    # the coat alone: photos of the same animal give its usual mood away, others' do not
    assert facts.photo_accuracy > 0.75
    assert facts.accuracy < facts.photo_accuracy - 0.1
    assert facts.difference_ci[1] < 0
    assert animals_sentence(facts).startswith("Photos of one animal help")
    # intervals over 12 animals are wider than over 96 photos would be
    half = 1.96 * (facts.accuracy * (1 - facts.accuracy) / 96) ** 0.5
    assert (facts.accuracy_ci[1] - facts.accuracy_ci[0]) / 2 > half


def test_animals_in_two_splits_of_the_data_are_a_warning(tmp_path: Path) -> None:
    files = {f"{'train' if int(p[-5]) < 5 else 'test'}/{p}": data for p, data in coats(4, 8).items()}
    layout = read_options(layout="{split}/{class}/{animal}/*")
    with open_dataset(write_tree(tmp_path / "d", files), families="names", splits=False, options=layout) as data:
        found = {w.code: caution(w) for w in dataset_facts(data.manifest, run_settings("quick")).warnings}
    assert found["animals-in-two-splits"].startswith("4 animals stand in more than one split")


def test_quality_of_each_photo_is_written(tmp_path: Path) -> None:
    files = coats(4, 3)
    black = io.BytesIO()
    Image.new("RGB", (300, 40)).save(black, "PNG")
    folder = write_tree(tmp_path / "d", {**files, "sad/night.png": black.getvalue()})
    out = tmp_path / "q.csv"
    facts = audit(folder, run_settings("quick", families="names"), quality=out)
    table = read_quality(out)
    [row] = np.flatnonzero(table["path"] == "sad/night.png")
    assert len(table["path"]) == 13
    assert table["is_dark"][row]
    assert table["is_odd_shape"][row]
    assert facts.quality is not None
    assert {i.issue: i.worst[:1] for i in facts.quality.issues}["dark"] == ("sad/night.png",)


def test_a_run_keeps_how_its_data_were_read(tmp_path: Path) -> None:
    options = read_options(zip_encoding="gbk", layout="{class}/*", only=["a", "b"], splits="x=train", fps=2)
    with reading(options):
        write_source(tmp_path, tmp_path / "d.zip", None)
    assert read_reading(tmp_path) == options
