"""A loaded bundle: it says what training said, whatever a picture comes as."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import petmood
from bundle_fixtures import Trained
from drawing import jpeg
from petmood.bundle import Bundle, Prediction, Unreadable, load
from petmood.bundle.folder import read, save
from petmood.dataset.models import head
from petmood.errors import ConfigError, DataError, ImageError, ModelError
from petmood.evaluation.protocols import once_on_test


def photos(trained: Trained, count: int = 6) -> list[Path]:
    return [trained.data / trained.manifest.records[i].path for i in trained.manifest.photos_in_split("test")[:count]]


def test_probabilities_agree_with_those_of_training(trained: Trained) -> None:
    made = trained.opened.predictions(head(trained.backbone), once_on_test(trained.manifest, 42))
    temperature = trained.bundle.description.calibration.temperature
    scores = np.log(made.probabilities) / temperature
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    paths = [trained.data / trained.manifest.records[i].path for i in made.index]
    found = np.array([list(p.probabilities.values()) for p in trained.bundle.predict(paths)])
    assert np.abs(found - expected).max() < 1e-4


def test_many_pictures_on_all_cores_are_read_as_each_alone(trained: Trained) -> None:
    pixels = np.stack([trained.bundle.prepare(p).pixels for p in photos(trained)])
    pixels = np.concatenate([pixels, np.random.default_rng(0).integers(0, 256, (11, *pixels.shape[1:]), np.uint8)])
    for n in (8, 9, len(pixels)):
        together = trained.bundle.infer(pixels[:n])
        alone = [trained.bundle.infer(pixels[i : i + 1]) for i in range(n)]
        for name in ("probabilities", "scores", "features", "cam", "imagenet"):
            parts = np.concatenate([getattr(outputs, name) for outputs in alone])
            np.testing.assert_allclose(getattr(together, name), parts, rtol=1e-4, atol=1e-4)


def test_a_bundle_may_be_kept_to_one_core(trained: Trained) -> None:
    one = petmood.load(trained.path, threads=1)
    pictures = photos(trained, 9)
    for lone, shared in zip(one.predict(pictures), trained.bundle.predict(pictures), strict=True):
        assert lone.source == shared.source
        assert lone.probabilities == pytest.approx(shared.probabilities, abs=1e-5)


def test_the_map_of_a_class_averages_to_its_score(trained: Trained) -> None:
    pixels = np.stack([trained.bundle.prepare(p).pixels for p in photos(trained)])
    outputs = trained.bundle.infer(pixels)
    assert outputs.cam is not None
    np.testing.assert_allclose(outputs.cam.mean(axis=(2, 3)), outputs.scores, rtol=1e-3, atol=1e-3)


def test_paths_bytes_pictures_and_arrays_give_the_same_bit_for_bit(trained: Trained) -> None:
    path = photos(trained)[0]
    with Image.open(path) as picture:
        picture.load()
        forms = [path, str(path), path.read_bytes(), picture, np.asarray(picture.convert("RGB"))]
        found = [trained.bundle.predict(form)[0].probabilities for form in forms]
    assert all(f == found[0] for f in found)


def test_a_folder_and_a_zip_of_it_answer_the_same(trained: Trained, tmp_path: Path) -> None:
    parts = read(trained.path)
    zipped = tmp_path / "mödel.zip"
    save(zipped, parts.graph, parts.description, parts.neighbours)
    again = tmp_path / "again.zip"
    save(again, parts.graph, parts.description, parts.neighbours)
    assert zipped.read_bytes() == again.read_bytes()
    assert petmood.load(zipped).predict(photos(trained)) == trained.bundle.predict(photos(trained))


def test_a_prediction_is_whole(trained: Trained) -> None:
    found = trained.bundle.predict(photos(trained, 1))[0]
    assert list(found.probabilities) == list(trained.bundle.classes)
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert found.mood == max(found.probabilities, key=lambda name: found.probabilities[name])
    assert found.species in ("dog", "cat", "rabbit", "rodent", "sheep/goat", "horse", "bird", "other")
    assert Prediction.model_validate_json(found.model_dump_json()) == found
    assert found.mood in found.sentence


def test_broken_pictures_keep_their_place_in_a_stream(trained: Trained, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    good = photos(trained, 3)
    order = [good[0], broken, good[1], broken, broken, good[2]]
    found = list(trained.bundle.stream(order, batch=2))
    assert [f.source for f in found] == [str(p) for p in order]
    assert [isinstance(f, Unreadable) for f in found] == [False, True, False, True, True, False]
    with pytest.raises(ImageError, match=r"broken\.jpg: not an image"):
        trained.bundle.predict(order)


def test_any_number_of_pictures_takes_the_same_memory(trained: Trained) -> None:
    picture = np.asarray(Image.effect_noise((64, 64), 60).convert("RGB"))
    alive = 0

    def endless(count: int) -> Iterator[np.ndarray]:
        nonlocal alive
        for i in range(count):
            alive = i
            yield picture

    assert len(list(trained.bundle.stream(endless(8), batch=4))) == 8  # what is loaded once is loaded
    tracemalloc.start()
    peaks = []
    for count in (40, 160):
        tracemalloc.reset_peak()
        taken = 0
        for done, _ in enumerate(trained.bundle.stream(endless(count), batch=4), start=1):
            taken = max(taken, alive - done)
        peaks.append(tracemalloc.get_traced_memory()[1])
        assert taken <= 4 * 4
    tracemalloc.stop()
    # to keep 120 pictures more would take a third more, and their prepared pixels many times
    assert peaks[1] - peaks[0] < 90 * picture.nbytes


def test_the_nearest_training_photo_of_a_training_photo_is_itself(trained: Trained) -> None:
    kept = trained.bundle.training_photos
    assert kept is not None
    pixels = trained.bundle.prepare(trained.data / kept.paths[3]).pixels[np.newaxis]
    nearest = trained.bundle.neighbours(trained.bundle.infer(pixels).features, 3)[0]
    assert nearest[0].path == kept.paths[3]
    assert nearest[0].label == kept.labels[3]
    assert nearest[0].distance == pytest.approx(0, abs=1e-4)
    assert [n.distance for n in nearest] == sorted(n.distance for n in nearest)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros(4, np.uint8)]
)
def test_arrays_that_are_no_pictures_are_refused(trained: Trained, array: np.ndarray) -> None:
    with pytest.raises(ImageError, match="is not a picture"):
        trained.bundle.predict(array)


def test_an_open_file_is_its_picture_and_what_is_none_is_named(trained: Trained) -> None:
    path = next(trained.data.rglob("*.*g"))
    data, whole = path.read_bytes(), trained.bundle.predict(path)[0]
    with path.open("rb") as file:
        found = [trained.bundle.predict(one)[0] for one in (file, io.BytesIO(data), bytearray(data))]
    found += trained.bundle.predict([io.BytesIO(data)])
    assert {p.probability for p in found} == {whole.probability}
    for other in (None, 5, io.StringIO("x")):
        with pytest.raises(ImageError, match="is not a picture"):
            trained.bundle.predict(other)  # type: ignore[arg-type]


def test_a_coverage_without_threshold_is_refused(trained: Trained) -> None:
    with pytest.raises(ConfigError, match="coverage"):
        trained.bundle.predict(photos(trained, 1), coverage=0.123)


def test_pixels_of_another_shape_are_refused(trained: Trained) -> None:
    with pytest.raises(ModelError, match="reads"):
        trained.bundle.infer(np.zeros((1, 8, 8, 3), np.uint8))


def test_poor_pictures_earn_cautions(trained: Trained) -> None:
    dark = Image.new("RGB", (20, 20), (3, 3, 3))
    assert {c.code for c in trained.bundle.predict(dark)[0].cautions} == {"tiny", "blurred", "dark", "unlike"}


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["model.onnx", "neighbours.safetensors", "memory.safetensors"])
def test_a_damaged_bundle_is_refused(trained: Trained, tmp_path: Path, name: str) -> None:
    parts = read(trained.path)
    save(tmp_path / "model", parts.graph, parts.description, parts.neighbours, parts.memory)
    _damage(tmp_path / "model" / name)
    with pytest.raises(ModelError, match=f"damaged: {name}"):
        load(tmp_path / "model")


def test_a_bundle_of_a_later_format_is_refused(trained: Trained, tmp_path: Path) -> None:
    parts = read(trained.path)
    save(tmp_path / "model", parts.graph, parts.description)
    text = json.loads((tmp_path / "model" / "model.json").read_text()) | {"schema": 2}
    (tmp_path / "model" / "model.json").write_text(json.dumps(text))
    with pytest.raises(ModelError, match="version 2"):
        load(tmp_path / "model")


def test_what_is_no_bundle_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="not a bundle"):
        load(tmp_path)
    with pytest.raises(ModelError, match="not a bundle"):
        load(tmp_path / "missing")
    (tmp_path / "photo.jpg").write_bytes(jpeg(1))
    with pytest.raises(ModelError, match="not a bundle"):
        load(tmp_path / "photo.jpg")


def test_saving_replaces_a_bundle_and_nothing_else(trained: Trained, tmp_path: Path) -> None:
    parts = read(trained.path)
    target = tmp_path / "model"
    for _ in range(2):
        save(target, parts.graph, parts.description)
        assert sorted(p.name for p in target.iterdir()) == [
            ".petmood.json",
            "MODEL_CARD.md",
            "model.json",
            "model.onnx",
        ]
    assert isinstance(load(target), Bundle)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="was not written by petmood"):
        save(tmp_path / "precious", parts.graph, parts.description)


def test_the_card_and_the_description_carry_the_evaluation(trained: Trained) -> None:
    card = (trained.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: petmood\n")
    description = trained.bundle.description
    assert {e.protocol for e in description.evaluation} == {"official-test", "grouped-3-fold"}
    for entry in description.evaluation:
        low, high = entry.accuracy_ci
        assert f"| {entry.n} | {entry.accuracy:.3f} | {low:.3f} to {high:.3f} |" in card
    assert description.data.sha256 == trained.manifest.digest
    assert description.data.photos == trained.manifest.n_photos
    assert "not an animal's feelings" in card
