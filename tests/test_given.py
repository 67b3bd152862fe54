"""Files that a user names: read if they are files of a size that can be meant, and JSON as far as Python goes."""

from __future__ import annotations

import json
import os
import random
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petmood.errors import DataError
from petmood.given import parse_json, read_given
from petmood.ingest.rows import read_table
from petmood.store import read_json


def test_bytes_up_to_the_limit_and_not_one_more(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10)
    assert read_given(path, 10) == b"x" * 10
    with pytest.raises(DataError, match="larger than 9 bytes"):
        read_given(path, 9)


@pytest.mark.parametrize("kind", ["fifo", "folder", "nowhere", "loop", "/dev/zero", "/dev/full"])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind if not kind.startswith("/") else Path(kind)
    if kind == "fifo" and hasattr(os, "mkfifo"):
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop" and sys.platform != "win32":
        path.symlink_to(path.name)
    with pytest.raises(DataError, match=r"cannot read .*Check the path"):
        read_given(path)


def nested(draw: random.Random, depth: int) -> str:
    """JSON nested so deep, of lists and objects as they come."""
    opened = [draw.choice(["[", '{"a":', "[1,"]) for _ in range(depth)]
    return "".join(opened) + "0" + "".join("}" if part[0] == "{" else "]" for part in reversed(opened))


@pytest.mark.parametrize("depth", [10_000, 100_000, 300_000])
def test_depth_is_a_value_error(tmp_path: Path, depth: int) -> None:
    text = nested(random.Random(depth), depth)
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json(text)
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json(text[: depth // 2])
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match="nested too deep"):
        read_json(path)
    for name, table in (("t.jsonl", f'{{"path": "a", "label": "b"}}\n{text}\n'), ("t.json", text)):
        with pytest.raises(DataError, match="nested too deep"):
            read_table(table.encode(), name)


@pytest.mark.parametrize("step", [1, 7])
def test_what_is_not_too_deep_to_parse_is_not_too_deep_to_use(step: int) -> None:
    read = 0
    for depth in range(100, 1100, 17 + step):
        value = nested(random.Random(depth), depth)
        for name, table in (("t.jsonl", f'{{"path": "a", "more": {value}}}'), ("t.json", f'[{{"path": {value}}}]')):
            try:
                read += bool(read_table(table.encode(), name).rows)
            except DataError as error:
                assert "nested too deep" in str(error)  # noqa: PT017 - either is right
    assert read


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_what_is_no_number_is_no_value(name: str) -> None:
    record = '{"path": "a", "label": NaN, "x": 1e999, "y": -0.0, "z": 1e308}'
    rows = read_table((record if name == "t.jsonl" else f"[{record}]").encode(), name)
    assert rows.column("label") == [""]
    assert rows.column("z")[0].isdigit()


@pytest.mark.parametrize("text", ["1" * 5000, "[-" + "9" * 100_000 + "]", '{"a": ' + "7" * 4301 + "}"])
def test_numbers_longer_than_python_reads_are_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_value_error(data: bytes) -> None:
    with suppress(ValueError):
        json.dumps(parse_json(data))


@pytest.mark.parametrize(("rows", "cell"), [(300_000, "a"), (2000, "x" * 1000)])
def test_a_small_file_that_stands_for_a_huge_table_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, cell: str
) -> None:
    import polars as pl

    limit = "MAX_CELLS" if len(cell) == 1 else "MAX_BYTES"
    monkeypatch.setattr(f"petmood.given.{limit}", min(10**6, rows * len(cell) // 2))
    path = tmp_path / "t.parquet"
    pl.select(path=pl.lit(cell).repeat_by(rows).explode(), label=pl.lit("b")).write_parquet(path)
    assert path.stat().st_size < 10**5
    with pytest.raises(DataError, match=f"{rows:,} rows"):
        read_table(path.read_bytes(), path.name)
