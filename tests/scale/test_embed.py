"""The local engine: right vectors, shards named by content, nothing done twice, nothing lost to a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drawing import jpeg, write_tree, write_zip
from petmood.errors import ConfigError, DataError
from petmood.ingest.layout import find_layout
from petmood.jobs.embed import EmbedSettings, _ImageSet, embed
from petmood.scale import embed as stage
from petmood.scale.places import open_files, open_folder
from petmood.scale.shards import chunks, read_index, read_rows
from scale.embedded import assert_complete, table

SMALL = {"shard_rows": 16, "batch_size": 8}


@pytest.fixture
def settings(means: str) -> EmbedSettings:
    return EmbedSettings.create({"backbone": means, **SMALL})


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))


def test_every_picture_has_its_vector(photos: Path, tmp_path: Path, settings: EmbedSettings) -> None:
    embed(str(photos), str(tmp_path / "out"), settings)
    index = assert_complete(tmp_path / "out", photos)
    assert (index.n, index.dim, index.backbone) == (120, 3, "means")
    assert len(index.shards) > 3


def test_a_second_run_decodes_and_infers_nothing(
    photos: Path, tmp_path: Path, settings: EmbedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embed(str(photos), str(tmp_path / "out"), settings)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    monkeypatch.setattr(stage.images, "decode", lambda *a: pytest.fail("decoded again"))
    assert embed(str(photos), str(tmp_path / "out"), settings) == first
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_the_content_cache_serves_a_new_folder(
    photos: Path, tmp_path: Path, settings: EmbedSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(str(photos), str(tmp_path / "first"), settings)
    monkeypatch.setattr(stage, "embed_batch", lambda *a: pytest.fail("inferred again"))
    embed(str(photos), str(tmp_path / "second"), settings)
    assert_complete(tmp_path / "second", photos)


def test_a_photo_more_makes_one_or_two_shards_anew(photos: Path, tmp_path: Path, settings: EmbedSettings) -> None:
    data, out = tmp_path / "data", str(tmp_path / "out")
    shutil.copytree(photos, data)
    before = {shard.file for shard in embed(str(data), out, settings).shards}
    (data / "Angry" / "0305.jpg").write_bytes(jpeg(9999))
    after = {shard.file for shard in embed(str(data), out, settings).shards}
    assert 1 <= len(after - before) <= 2
    assert_complete(out, data)
    assert "Angry/0305.jpg" in table(out)


def test_a_photo_changed_in_place_changes_its_shard_alone(
    photos: Path, tmp_path: Path, settings: EmbedSettings
) -> None:
    data, out = tmp_path / "data", str(tmp_path / "out")
    shutil.copytree(photos, data)
    before = {shard.file for shard in embed(str(data), out, settings).shards}
    (data / "happy" / "010.jpg").write_bytes(jpeg(4242))
    after = {shard.file for shard in embed(str(data), out, settings).shards}
    assert len(after - before) == len(before - after) == 1
    assert_complete(out, data)


KILLED = """
import os, pathlib, signal, sys
from petmood.cli.main import run
real, seen = pathlib.Path.replace, []

def replace(self, target):
    if str(target).endswith(".parquet"):
        seen.append(target)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGKILL)  # with the third shard written but not yet in its place
    return real(self, target)

pathlib.Path.replace = replace
sys.exit(run())
"""


def test_a_killed_run_is_gone_on_with(photos: Path, tmp_path: Path, means: str, settings: EmbedSettings) -> None:
    out = tmp_path / "out"
    arguments = ["embed", str(photos), "--out", str(out), "--backbone", means, "--shard-rows", "16"]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments, "--batch-size", "8"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    kept = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert len(kept) == 2
    assert list(out.glob(".*.part"))
    with pytest.raises(DataError, match=r"embedding\.json"):
        read_index(open_folder(str(out)))
    embed(str(photos), str(out), settings)
    assert_complete(out, photos)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_archives_and_urls_give_the_same_vectors(photos: Path, tmp_path: Path, settings: EmbedSettings) -> None:
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("pyarrow")
    files = {p.relative_to(photos).as_posix(): p.read_bytes() for p in photos.rglob("*") if p.is_file()}
    memory = fsspec.filesystem("memory")
    for name, data in files.items():
        memory.pipe_file(f"/pets/{name}", data)
    archive = write_zip(tmp_path / "pets.zip", files)
    names = {shard.file for shard in embed(str(photos), str(tmp_path / "plain"), settings).shards}
    for i, place in enumerate((str(archive), "memory://pets", photos.as_uri())):
        out = f"memory://out{i}" if i else str(tmp_path / "zip")
        assert {shard.file for shard in embed(place, out, settings).shards} == names
        assert_complete(out, photos)
    for folder in ("/pets", "/out1", "/out2"):
        memory.rm(folder, recursive=True)


def test_a_url_is_walked_in_the_order_of_a_folder(tmp_path: Path) -> None:
    names = ["a/z.jpg", "a-b/x.jpg", "a.jpg", "a/b/y.jpg", "ä/u.jpg"]
    root = write_tree(tmp_path / "data", dict.fromkeys(names, b"x"))
    for place in (str(root), f"file://{root}"):
        assert list(open_files(place).walk()) == sorted(names)


@pytest.mark.parametrize(
    "names",
    [
        ["Master/train/a/1.jpg", "Master/train/b/2.jpg", "Master/test/a/3.jpg", "a/1.jpg", "b/2.jpg", "Master/x.jpg"],
        ["a/1.jpg", "b/2.jpg", "b/deep/3.jpg", "loose.jpg"],
        ["1.jpg", "2.jpg"],
        ["only/1.jpg", "only/2.jpg"],
    ],
    ids=["splits", "classes", "flat", "one folder"],
)
def test_the_images_of_a_set_are_those_of_its_layout(tmp_path: Path, names: list[str]) -> None:
    root = write_tree(tmp_path / "data", dict.fromkeys([*names, "a/notes.txt", ".hidden/4.jpg"], b"x"))
    wanted = sorted(placed.path for placed in find_layout(sorted(names), labelled=False, where="").placed)
    found = _ImageSet(str(root))
    assert list(found.names()) == wanted
    assert (found.n, found.ignored) == (len(wanted), len(names) + 2 - len(wanted))


def test_parts_follow_their_names_and_hold_each_once() -> None:
    names = [f"{i:05}.jpg" for i in range(5000)]
    parts = list(chunks(names, 64))
    assert [name for part in parts for name in part] == names
    assert all(16 <= len(part) <= 256 for part in parts[:-1])
    assert 40 < len(parts) < 120
    fewer = set(chunks(names[:2500] + names[2501:], 64))
    assert len(set(parts) - fewer) <= 2


def test_a_damaged_shard_is_named_and_made_anew(photos: Path, tmp_path: Path, settings: EmbedSettings) -> None:
    index = embed(str(photos), str(tmp_path / "out"), settings)
    shard = index.shards[1]
    folder = open_folder(str(tmp_path / "out"))
    folder.write(shard.file, folder.read(shard.file)[:100])
    with pytest.raises(DataError, match=shard.file):
        read_rows(folder, shard)
    assert embed(str(photos), str(tmp_path / "out"), settings) == index
    assert_complete(tmp_path / "out", photos)


def test_what_cannot_be_done_is_said(photos: Path, tmp_path: Path, settings: EmbedSettings) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images found"):
        embed(str(tmp_path / "empty"), str(tmp_path / "out"), settings)
    with pytest.raises(DataError, match="cannot reach"):
        embed("nosuch://pets", str(tmp_path / "out"), settings)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of the 1 images"):
        embed(str(tmp_path / "bad"), str(tmp_path / "out"), settings)
    with pytest.raises(ConfigError, match="ONNX Runtime here has"):
        embed(str(photos), str(tmp_path / "gpu"), settings.model_copy(update={"provider": "cuda"}))
