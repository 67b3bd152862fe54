"""Species that the data tell take the place of what an ImageNet head would see."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawing import jpeg, write_tree
from petmood.config import ReadOptions, read_options
from petmood.dataset import Dataset, open_dataset

KINDS = ("axolotl", "quokka")
TREE = {f"{KINDS[i % 2]}/{('happy', 'sad')[i // 4]}/{i}.jpg": jpeg(i) for i in range(8)}
ROWS = "".join(f"{path},{path.split('/')[1]},{path.split('/')[0]}\n" for path in TREE)


@pytest.fixture(autouse=True)
def no_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.dataset.dataset.species_probabilities", lambda *a: pytest.fail("asked the head"))


def opened(folder: Path, options: ReadOptions | None = None) -> Dataset:
    return open_dataset(folder, families="names", options=options or ReadOptions(), splits=False)


@pytest.mark.parametrize(
    ("files", "given"),
    [
        (TREE, {"layout": "{species}/{class}/*"}),
        ({f"a/{path}": data for path, data in TREE.items()}, {"layout": "a/{species}/{class}/*"}),
        (TREE | {"t.csv": f"path,label,species\n{ROWS}".encode()}, {"table": "t.csv"}),
        (TREE | {"t.csv": f"p,l,s\n{ROWS}".encode()}, {"table": "t.csv", "columns": "class=l,species=s"}),
        (TREE | {"t.csv": f"path,label,x\n{ROWS}".encode()}, {"table": "t.csv", "layout": "{species}/*/*"}),
    ],
)
def test_species_of_the_data_are_those_of_every_analysis(
    tmp_path: Path, files: dict[str, bytes], given: dict[str, str]
) -> None:
    with opened(write_tree(tmp_path / "d", files), read_options(**given)) as data:  # type: ignore[arg-type]
        assert data.species is not None
        assert data.species.told_by == "file"
        assert data.species.names == KINDS
        assert data.species.by_row == [next(k for k in KINDS if k in r.path) for r in data.records]
        assert not any("no species" in note for note in data.manifest.notes)


def test_species_of_some_images_alone_are_not_used_and_that_is_told(tmp_path: Path) -> None:
    half = "".join(f"{line if i % 2 else line.rpartition(',')[0] + ','}\n" for i, line in enumerate(ROWS.split()))
    folder = write_tree(tmp_path / "d", TREE | {"t.csv": f"path,label,species\n{half}".encode()})
    with opened(folder, read_options(table="t.csv")) as data:
        assert any("4 of 8 images have no species" in note for note in data.manifest.notes)
