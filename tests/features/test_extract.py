from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from drawing import split_files, write_tree
from petmood.cache import ContentCache
from petmood.errors import ConfigError, ModelError
from petmood.features import Backbone, Preprocess, extract_features, load_backbone
from petmood.features.registry import backbone_names
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.records import Manifest
from petmood.sources import open_source


@pytest.fixture
def data(tmp_path: Path) -> Path:
    files = split_files()
    files["train/happy/aug-9-train0.jpg"] = files["train/happy/train0.jpg"]
    return write_tree(tmp_path / "data", files)


@pytest.fixture
def cache(tmp_path: Path) -> ContentCache:
    return ContentCache(tmp_path / "cache")


@pytest.fixture
def tiny(tmp_path: Path) -> Backbone:
    """A graph that means each channel (features) and adds them up (logits): its answer can be computed by hand."""
    means = helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"])
    flat = helper.make_node("Flatten", ["pooled"], ["features"])
    total = helper.make_node("ReduceSum", ["features", "axes"], ["logits"], keepdims=1)
    graph = helper.make_graph(
        [means, flat, total],
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1]),
        ],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    path = tmp_path / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    preprocess = Preprocess(32, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))
    return Backbone("tiny", path, "digest", preprocess, "features", "logits", None, "none")


def read(data: Path, cache: ContentCache) -> Manifest:
    with open_source(data) as source:
        return read_dataset(source, cache)


def test_features_are_what_the_graph_says_in_manifest_order(data: Path, cache: ContentCache, tiny: Backbone) -> None:
    from petmood import images

    manifest = read(data, cache)
    with Pictures(open_source(data)) as pictures:
        table = extract_features(manifest, pictures, tiny, cache)
        for i, record in enumerate(manifest.records):
            pixels = images.decode(pictures.read(record), 32)
            expected = (pixels.astype(np.float64).mean((0, 1)) - 127) / 128
            assert table.vectors[i] == pytest.approx(expected, abs=1e-5)
    assert table.vectors.shape == (len(manifest), 3)
    assert table.vectors.dtype == np.float32
    assert table.logits is not None
    assert table.logits[:, 0] == pytest.approx(table.vectors.sum(1), abs=1e-5)


def test_a_second_time_nothing_is_read_decoded_or_inferred(
    data: Path, cache: ContentCache, tiny: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = read(data, cache)
    with Pictures(open_source(data)) as pictures:
        first = extract_features(manifest, pictures, tiny, cache)
        monkeypatch.setattr(pictures.source, "read", lambda *a: pytest.fail("read again"))
        monkeypatch.setattr("petmood.features.extract.open_session", lambda *a: pytest.fail("inferred again"))
        second = extract_features(manifest, pictures, tiny, cache)
    assert np.array_equal(first.vectors, second.vectors)


def test_one_more_photo_costs_one_inference(data: Path, cache: ContentCache, tiny: Backbone) -> None:
    from drawing import jpeg

    with Pictures(open_source(data)) as pictures:
        extract_features(read_dataset(pictures.source, cache), pictures, tiny, cache)
    write_tree(data, {"train/happy/new.jpg": jpeg(4242)})
    seen: list[tuple[int, int]] = []
    manifest = read(data, cache)
    with Pictures(open_source(data)) as pictures:
        extract_features(manifest, pictures, tiny, cache, progress=lambda done, total: seen.append((done, total)))
    unique = len({r.sha256 for r in manifest.records})
    assert seen == [(unique - 1, unique), (unique, unique)]


def test_an_interrupted_extraction_keeps_what_was_done(data: Path, cache: ContentCache, tiny: Backbone) -> None:
    manifest = read(data, cache)

    def stop_after_two_batches(done: int, total: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with Pictures(open_source(data)) as pictures:
        with pytest.raises(KeyboardInterrupt):
            extract_features(manifest, pictures, tiny, cache, progress=stop_after_two_batches)
        seen: list[int] = []
        extract_features(manifest, pictures, tiny, cache, progress=lambda done, total: seen.append(done))
    assert seen[0] == 8


def test_a_file_that_breaks_between_ingestion_and_features_is_an_error_not_a_hang(
    data: Path, cache: ContentCache, tiny: Backbone
) -> None:
    from petmood.errors import DataError

    manifest = read(data, cache)
    (data / manifest.records[0].path).write_bytes(b"gone")
    with Pictures(open_source(data)) as pictures, pytest.raises(DataError, match=re.escape(manifest.records[0].path)):
        extract_features(manifest, pictures, tiny, cache)


def test_the_cache_key_covers_weights_and_preprocessing(tiny: Backbone) -> None:
    from dataclasses import replace

    other_weights = replace(tiny, digest="other")
    other_pixels = replace(tiny, preprocess=replace(tiny.preprocess, size=64))
    assert len({tiny.key, other_weights.key, other_pixels.key}) == 3


def test_unknown_backbones_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'efficientnet-lite0'"):
        load_backbone("efficientnet-light0")
    assert "efficientnet-lite0" in backbone_names()


def test_a_graph_that_is_no_graph_is_named(tiny: Backbone) -> None:
    from petmood.features.extract import open_session

    tiny.graph.write_bytes(b"not onnx")
    with pytest.raises(ModelError, match=r"tiny\.onnx cannot be loaded"):
        open_session(tiny)
