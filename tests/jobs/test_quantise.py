"""A backbone in int8 is a backbone like any other, and what it costs is measured on the same photos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from command import Petmood
from drawing import jpeg, write_tree
from needs import needs
from networks import network
from petmood.build.quantised import calibration_photos
from petmood.bundle.graph import LinearHead, head_graph
from petmood.cache import ContentCache
from petmood.dataset import open_dataset
from petmood.errors import ConfigError, DataError, ModelError
from petmood.features import extract_features, load_backbone
from petmood.features.maps import flatten_maps
from petmood.features.views import View, view_features
from petmood.jobs.quantise import QuantiseSettings, quantise_backbone
from petmood.results.quantised import QuantisedFacts

onnx = needs("onnx")


@pytest.fixture(scope="module")
def source_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grâph") / "plain.onnx"
    network(path, 5, 17, imagenet=True, mean=120.0, inner=True)
    return path


def settings_for(graph: Path) -> QuantiseSettings:
    return QuantiseSettings(backbone=f"onnx:{graph}", folds=2)


@pytest.fixture(scope="module")
def made(source_graph: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, QuantisedFacts]:
    out = tmp_path_factory.mktemp("out") / "sub" / "small.onnx"
    return out, quantise_backbone(tiny_data, out, settings_for(source_graph))


def test_every_use_of_a_backbone_works_in_int8(
    made: tuple[Path, QuantisedFacts], source_graph: Path, tiny_data: Path
) -> None:
    out, facts = made
    plain, small = load_backbone(f"onnx:{source_graph}"), load_backbone(f"onnx:{out}")
    assert small.graph == out  # the map is an output of the file itself: no copy had to be made
    assert small.name == facts.name == "plain-int8"
    assert small.preprocess == plain.preprocess
    assert (small.features, small.logits, small.map) == (plain.features, plain.logits, plain.map)
    with open_dataset(tiny_data) as opened:
        manifest, pictures = opened.manifest, opened.pictures

        def all_of(backbone):  # type: ignore[no-untyped-def]
            pooled = extract_features(manifest, pictures, backbone, ContentCache())
            flat, shape = flatten_maps(manifest, pictures, backbone)
            mirrored = view_features(manifest, pictures, backbone, View("b", mirror="average"), ContentCache())
            return shape, (pooled.vectors, pooled.logits, flat.vectors, mirrored.vectors)

        (shape, before), (shape_small, after) = all_of(plain), all_of(small)
    assert shape == shape_small
    for a, b in zip(before, after, strict=True):
        assert a.shape == b.shape
        assert not np.array_equal(a, b)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99
    cosines = np.sum(before[0] * after[0], axis=1)
    cosines = cosines / np.linalg.norm(before[0], axis=1) / np.linalg.norm(after[0], axis=1)
    photos = manifest.photo_index
    assert facts.cosine_mean == pytest.approx(cosines[photos].mean(), abs=1e-5)
    assert facts.cosine_low == pytest.approx(cosines[photos].min(), abs=1e-5)
    assert facts.comparison.n == len(photos)
    assert facts.calibration_photos == len(manifest.photos_in_split("train"))


def test_a_head_on_it_makes_a_graph_with_an_activation_map(made: tuple[Path, QuantisedFacts]) -> None:
    import onnxruntime as ort

    rng = np.random.default_rng(0)
    head = LinearHead(rng.standard_normal((100, 3)), rng.standard_normal(3))
    session = ort.InferenceSession(
        head_graph(load_backbone(f"onnx:{made[0]}"), head), providers=["CPUExecutionProvider"]
    )
    pixels = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    cam, scores, imagenet = session.run(["cam", "scores", "imagenet"], {"pixels": pixels})
    np.testing.assert_allclose(cam.mean(axis=(2, 3)), scores, rtol=0.05, atol=0.05)
    assert imagenet.shape == (2, 1000)


def test_calibration_looks_at_train_alone(tiny_data: Path) -> None:
    with open_dataset(tiny_data) as opened:
        manifest = opened.manifest
    for count in (5, 96):
        rows = calibration_photos(manifest, count)
        assert {manifest.records[i].split for i in rows} == {"train"}
        assert not any(manifest.records[i].derived for i in rows)
        assert len(rows) == min(count, len(manifest.photos_in_split("train")))
    assert {manifest.records[i].class_name for i in calibration_photos(manifest, 5)} == set(manifest.classes)


def test_the_same_command_replaces_its_file_with_an_equal_one(
    made: tuple[Path, QuantisedFacts], source_graph: Path, tiny_data: Path
) -> None:
    out, facts = made
    first, stated = out.read_bytes(), out.with_suffix(".json").read_bytes()
    again = quantise_backbone(tiny_data, out, settings_for(source_graph))
    assert out.read_bytes() == first
    assert out.with_suffix(".json").read_bytes() == stated
    assert again.model_copy(update={"speed": facts.speed}) == facts
    mark = f".{out.name}.petmood.json"  # whose these files are
    assert {p.name for p in out.parent.iterdir()} == {out.name, out.with_suffix(".json").name, mark}


def test_the_command_prints_what_it_measured(
    petmood: Petmood, source_graph: Path, tiny_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "ñ.onnx"
    args = ("quantise", tiny_data, "--backbone", f"onnx:{source_graph}", "--folds", "2", "--out", out)
    facts = QuantisedFacts.model_validate(json.loads(petmood(*args, "--json").stdout))
    pair = facts.comparison
    assert pair.gain_ci[0] <= pair.gain <= pair.gain_ci[1]
    assert facts.speed.speedup_range[0] <= facts.speed.speedup <= facts.speed.speedup_range[1]
    done = petmood(*args)
    assert done.returncode == 0
    assert f"{pair.accuracy:.3f} (" in done.stdout
    assert f"{facts.cosine_mean:.3f} (lowest" in done.stdout
    assert f"--backbone onnx:{out}" in done.stdout
    refused = petmood(*args, "--photos", "0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "setting 'photos' is 0" in refused.stderr
    again = petmood(*args[:2], "--backbone", f"onnx:{out}", "--out", tmp_path / "twice.onnx")
    assert (again.returncode, again.stdout) == (2, "")
    assert "quantised already" in again.stderr


def test_more_folds_than_the_smallest_class_has_photos_become_as_many_and_the_figures_say_so(
    source_graph: Path, tiny_data: Path, tmp_path: Path
) -> None:
    many = QuantiseSettings(backbone=f"onnx:{source_graph}", folds=50)
    facts = quantise_backbone(tiny_data, tmp_path / "z.onnx", many)
    with open_dataset(tiny_data) as opened:
        smallest = min(np.bincount(opened.photos.labels))
    assert facts.comparison.protocol == f"grouped-{smallest}-fold"


def test_refusals_say_what_to_do_and_write_nothing(
    made: tuple[Path, QuantisedFacts],
    source_graph: Path,
    tiny_data: Path,
    tmp_path: Path,
) -> None:
    settings = settings_for(source_graph)
    with pytest.raises(ConfigError, match=r"must end in \.onnx"):
        quantise_backbone(tiny_data, tmp_path / "small", settings)
    with pytest.raises(ModelError, match="quantised already"):
        quantise_backbone(tiny_data, tmp_path / "x.onnx", settings_for(made[0]))
    with pytest.raises(DataError, match="not written by petmood"):
        quantise_backbone(tiny_data, source_graph, settings)
    (tmp_path / "y.json").write_text("mine")
    with pytest.raises(DataError, match=r"y\.json exists and was not written by petmood"):
        quantise_backbone(tiny_data, tmp_path / "y.onnx", settings)
    unlabelled = write_tree(tmp_path / "data", {f"{i}.jpg": jpeg(i) for i in range(4)})
    with pytest.raises(DataError, match="no class folders found"):
        quantise_backbone(unlabelled, tmp_path / "z.onnx", settings)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "y.json"]
