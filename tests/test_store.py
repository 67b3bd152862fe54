from __future__ import annotations

from pathlib import Path

import pytest

from drawing import split_files, write_tree
from petmood.cache import ContentCache
from petmood.errors import DataError
from petmood.ingest import read_dataset
from petmood.sources import open_source
from petmood.store import atomic_path, read_json, read_manifest, write_json, write_manifest


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "é.json"
    write_json(target, {"a": 1})

    def half_write() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half of")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_write()
    assert read_json(target) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["é.json"]


def test_reading_what_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        read_json(tmp_path / "x.json")
    with pytest.raises(DataError, match="cannot read"):
        read_json(tmp_path / "y.json")


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))


def test_a_manifest_survives_the_round_trip(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "d", split_files() | {"notes.txt": b"", "train/happy/bad.jpg": b"x"})
    with open_source(folder) as source:
        manifest = read_dataset(source, ContentCache(tmp_path / "c"))
    write_manifest(tmp_path / "m.parquet", manifest)
    assert read_manifest(tmp_path / "m.parquet") == manifest
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="not a petmood manifest"):
        read_manifest(tmp_path / "no.parquet")
