"""What `petmood cache` tells of a cache folder, and what it drops."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from petmood.cache import ContentCache
from petmood.cli.main import app
from petmood.errors import ConfigError
from petmood.jobs.cache import list_cache, parse_age, prune_cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path))
    cache = ContentCache()
    cache.put_many("features/lite/0123456789abcdef", {"a": bytes(300), "b": bytes(300)})
    cache.put_many("features/lite/fedcba9876543210", {"a": bytes(100)})
    cache.put("probe/v1", "a", bytes(10))
    for name in ("backbones/lite.onnx", "training/0a1b/checkpoint.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(bytes(50))
    return tmp_path


def sizes() -> dict[str, tuple[int, int]]:
    return {kind.name: (kind.entries, kind.size_bytes) for kind in list_cache()}


def test_kinds_are_added_up_largest_first() -> None:
    assert list(sizes()) == ["features/lite", "backbones", "training", "probe"]
    assert sizes()["features/lite"] == (3, 700)
    assert all(kind.last_used > 1e9 for kind in list_cache())


def test_all_drops_everything_but_graphs() -> None:
    assert prune_cache(everything=True) == 760
    assert sizes() == {"backbones": (1, 50)}


def test_what_is_old_goes_checkpoints_included(folder: Path) -> None:
    assert prune_cache(older_than=3600) == 0
    checkpoint = folder / "training" / "0a1b" / "checkpoint.safetensors"
    os.utime(checkpoint, (1, 1))
    assert prune_cache(older_than=3600) == 50
    assert not checkpoint.parent.exists()
    assert sizes()["features/lite"] == (3, 700)


def test_a_size_is_kept_to() -> None:
    prune_cache(max_bytes=350)
    values = sum(size for name, (_, size) in sizes().items() if name not in ("backbones", "training"))
    assert 0 < values <= 350


def test_prune_asks_how_far() -> None:
    with pytest.raises(ConfigError, match="--max-size, --older-than or --all"):
        prune_cache()
    with pytest.raises(ConfigError, match="is no age"):
        parse_age("soon")
    assert parse_age("2d") == 172_800


def test_the_command_lists_and_prunes() -> None:
    runner = CliRunner()
    shown = runner.invoke(app, ["cache", "list"])
    assert shown.exit_code == 0
    assert "features/lite" in shown.output
    assert "10,000 MB" in shown.output
    assert "Dropped 0.0 MB" in runner.invoke(app, ["cache", "prune", "--max-size", "1GB"]).output
    assert '"dropped_bytes": 760' in runner.invoke(app, ["cache", "prune", "--all", "--json"]).output
