"""However many purposes read a picture, it is decoded to know that it can be, and once more to be looked at."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from drawing import photo, saved, write_tree
from needs import needs
from petmood.config import RunSettings
from petmood.jobs.run import run

needs("torch")

TWICE = 2


def drawn() -> dict[str, bytes]:
    """`split/class` of photos without telling names, one of them twice."""
    files, seed = {}, 0
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        for name in ("Angry", "happy"):
            for i in range(count):
                files[f"{split}/{name}/{split}{i}.jpg"] = saved(photo(seed := seed + 1, (300, 280)))
    files["train/happy/again.jpg"] = files["train/happy/train0.jpg"]
    files["valid/happy/drawn.png"] = saved(photo(seed + 1, (90, 110)), "PNG")
    return files


@pytest.mark.slow
def test_a_cold_run_opens_no_picture_more_than_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))
    files = drawn()
    own = {hashlib.sha256(content).hexdigest(): name for name, content in files.items()}
    opened: Counter[str] = Counter()
    real = Image.open

    def counted(source: Any, *args: Any, **options: Any) -> Image.Image:
        content = source.getvalue() if hasattr(source, "getvalue") else Path(source).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest in own:
            opened[own[digest]] += 1
        return real(source, *args, **options)

    monkeypatch.setattr(Image, "open", counted)
    settings = RunSettings(folds=2, n_init=1, repeats=1, cnn_size=32, cnn_epochs=1)
    done = run(write_tree(tmp_path / "data", files), tmp_path / "out", settings)
    assert done.results.dataset.images == len(files)
    # equal files count as one picture, which may be looked into twice to know both
    alike = {"train/happy/again.jpg", "train/happy/train0.jpg"}
    assert {name: n for name, n in opened.items() if n > (TWICE + 1 if name in alike else TWICE)} == {}
    assert set(opened) >= set(files) - alike, "the count sees every picture"
