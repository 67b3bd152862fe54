"""The built-in model is there, small, says what it is worth elsewhere, and is told apart from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from drawing import jpeg
from petmood.bundle import load
from petmood.bundle.built_in import BUILT_IN, located, model_and_photos
from petmood.errors import ModelError


def test_it_reads_at_once_and_never_says_sure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = located(Path(BUILT_IN))
    assert sum(file.stat().st_size for file in folder.iterdir()) < 8_000_000
    model = load(BUILT_IN)
    assert model.description.sources is not None
    assert len(model.description.sources.sources) == 3
    assert model.memory is not None
    for found in model.predict([jpeg(seed, (150, 120)) for seed in range(4)]):
        # drawn by chance: it is no pet's face, and unlike what the model learned from
        assert found.verdict == "no-pet-face"
        assert "unlike" in {caution.code for caution in found.cautions}
        assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-4)
    assert "sources that training did not see" in (folder / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_models_and_photos_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = located(Path(BUILT_IN))
    (tmp_path / "a.jpg").write_bytes(jpeg(1, (30, 30)))
    assert model_and_photos(["a.jpg", "b.jpg"]) == (folder, ["a.jpg", "b.jpg"])
    assert model_and_photos(["pets", "a.jpg"]) == (Path(BUILT_IN), ["a.jpg"])
    assert model_and_photos(["m.zip", "a.jpg"]) == (Path("m.zip"), ["a.jpg"])
    for words in (["pets"], ["nowhere", "a.jpg"]):
        with pytest.raises(ModelError):
            model_and_photos(words)
    (tmp_path / "pets").mkdir()
    assert located(Path("pets")) == Path("pets")
    assert model_and_photos(["pets", "a.jpg"]) == (folder, ["pets", "a.jpg"])
    assert load(folder).name == BUILT_IN
