"""On the real photos: the built-in model knows what it learnt from."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from drawing import photo, saved
from petmood import library
from petmood.bundle.built_in import BUILT_IN

EDITS = {
    "as it is": lambda image: image,
    "smaller, saved anew": lambda image: image.resize((180, 180)),
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
}
"""What was done to training photos. Crops are no part: the model carries no local features, which find them."""


@pytest.mark.realdata
def test_ten_training_photos_in_a_folder_are_found(real_data: Path, tmp_path: Path) -> None:
    learnt = sorted(path for path in real_data.rglob("*.jpg") if path.parent.name == "happy")[::10][:10]
    assert len(learnt) == 10
    (tmp_path / "happy").mkdir()
    (tmp_path / "Sad").mkdir()
    for i, path in enumerate(learnt):
        edit = list(EDITS.values())[i % len(EDITS)]
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            data = path.read_bytes() if i % len(EDITS) == 0 else saved(edit(image.convert("RGB")))
        (tmp_path / "happy" / f"planted{i}.jpg").write_bytes(data)
    for i in range(12):  # what it never saw
        (tmp_path / ("happy", "Sad")[i % 2] / f"drawn{i}.jpg").write_bytes(saved(photo(i)))
    facts = library.evaluate(BUILT_IN, tmp_path, families="pixels").facts
    assert sorted(Path(pair.path).stem for pair in facts.overlap.pairs) == [f"planted{i}" for i in range(10)]
    assert facts.figure.n == 12
