"""Look-alikes, offered as groups; the table that a person accepts; and what its rows then mean."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from drawing import jpeg, write_tree
from petmood.config import read_options
from petmood.dataset import open_dataset
from petmood.errors import DataError
from petmood.families.animals import animals_csv, candidate_animals
from petmood.families.links import Link
from petmood.families.verify import NOTHING
from petmood.records import Manifest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    files = {f"{mood}/{i}.jpg": jpeg(10 * len(mood) + i) for mood in ("happy", "sad") for i in range(6)}
    return write_tree(tmp_path / "d", files | {"happy/copy of 0.jpg": files["happy/0.jpg"]})


def read(data: Path, **options: str) -> Manifest:
    with open_dataset(data, families="names", splits=False, options=read_options(**options)) as opened:
        return opened.manifest


def linked(manifest: Manifest, *pairs: tuple[str, str, int]) -> list[Link]:
    sha = {record.path: record.sha256 for record in manifest.records}
    return [Link(sha[a], sha[b], replace(NOTHING, inliers=n, likeness=-0.4)) for a, b, n in pairs]


def test_pairs_that_hang_together_are_one_group_with_their_evidence(data: Path) -> None:
    manifest = read(data)
    alike = linked(
        manifest,
        ("happy/1.jpg", "happy/2.jpg", 9),
        ("happy/2.jpg", "sad/3.jpg", 14),
        ("sad/4.jpg", "sad/5.jpg", 30),
        ("happy/0.jpg", "happy/copy of 0.jpg", 99),
    )
    best, other = candidate_animals(manifest, alike)
    assert (best.photos, best.labels) == (("sad/4.jpg", "sad/5.jpg"), ("sad",))
    assert (other.photos, other.labels) == (("happy/1.jpg", "happy/2.jpg", "sad/3.jpg"), ("happy", "sad"))
    assert [(e.first, e.second, e.features, e.likeness) for e in other.evidence] == [
        ("happy/2.jpg", "sad/3.jpg", 14, 0.4),
        ("happy/1.jpg", "happy/2.jpg", 9, 0.4),
    ]
    rows = list(csv.DictReader(io.StringIO(animals_csv(manifest, alike))))
    assert [(r["path"], r["animal"], r["beside"]) for r in rows[:2]] == [
        ("sad/4.jpg", "animal 1", "sad/5.jpg"),
        ("sad/5.jpg", "animal 1", "sad/4.jpg"),
    ]
    assert [r["class"] for r in rows[2:]] == ["happy", "happy", "sad"]


def test_the_table_that_was_offered_is_taken_back_and_joins_no_photos(data: Path, tmp_path: Path) -> None:
    manifest = read(data)
    assert not manifest.names_animals
    table = tmp_path / "offered.csv"
    table.write_text(
        animals_csv(manifest, linked(manifest, ("happy/0.jpg", "happy/2.jpg", 9), ("sad/4.jpg", "sad/5.jpg", 30))),
        encoding="utf-8",
    )
    told = read(data, group_by=str(table))
    assert told.n_photos == manifest.n_photos
    assert told.names_animals
    units = {r.path: int(u) for r, u in zip(told.records, told.unit_index, strict=True)}
    assert units["happy/0.jpg"] == units["happy/2.jpg"] == units["happy/copy of 0.jpg"]
    assert units["sad/4.jpg"] == units["sad/5.jpg"] != units["happy/0.jpg"]
    assert len(set(units.values())) == manifest.n_photos - 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("path,animal\nhappy/O.jpg,rex\n", "line 2: there is no image 'happy/O.jpg' in the data. Did you mean 'happy/"),
        ("path,animal\nsad/1.jpg,rex\nsad/1.jpg,tom\n", "line 3: 'sad/1.jpg' is listed twice"),
        ("path,animal\n", "names no animal"),
        ("file,animal\nsad/1.jpg,rex\n", "the header lacks 'path'"),
    ],
)
def test_a_faulty_table_is_refused_with_its_line(data: Path, tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "a.csv").write_text(rows, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        read(data, group_by=str(tmp_path / "a.csv"))
    assert said in str(refused.value)
