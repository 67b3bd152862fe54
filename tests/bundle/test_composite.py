"""A graph of several networks gives the views that training reads, and the probabilities of the head on them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from drawing import split_files, write_tree
from needs import needs
from networks import network
from petmood import images
from petmood.bundle.composite import GraphRows, composite_graph, why_not_one_graph
from petmood.cache import ContentCache
from petmood.errors import ModelError
from petmood.features import Backbone
from petmood.features.views import POOLINGS, View, view_features
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.records import Manifest
from petmood.sources import open_source
from petmood.training.compose import ColumnSubset
from petmood.training.onnx_heads import as_head
from petmood.training.shallow import ShallowHead
from petmood.training.species import SpeciesConditional

onnx = needs("onnx")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Backbone, Backbone]:
    folder = tmp_path_factory.mktemp("networks")
    return (
        network(folder / "one.onnx", 0, 13, imagenet=True, mean=127.0),
        network(folder / "two.onnx", 1, 17, imagenet=False, mean=100.0, inner=True),
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Pictures]:
    source = open_source(write_tree(tmp_path_factory.mktemp("data"), split_files(6, ("Sad", "Angry", "happy"))))
    return read_dataset(source, ContentCache()), Pictures(source)


def tables(
    views: list[tuple[View, Backbone]], data: tuple[Manifest, Pictures], tmp_path: Path
) -> tuple[np.ndarray, list[int]]:
    made = [view_features(*data, backbone, view, ContentCache(tmp_path / "c")).vectors for view, backbone in views]
    return np.concatenate(made, axis=1), [part.shape[1] for part in made]


def run(graph: bytes, data: tuple[Manifest, Pictures]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    side = session.get_inputs()[0].shape[1]
    manifest, pictures = data
    pixels = np.stack([images.decode(pictures.read(r), side) for r in manifest.records])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {"pixels": pixels}), strict=True))


def all_columns(rows: GraphRows) -> str:
    """A head that reads everything and answers with the shares of its first three columns."""
    three = rows.ops.apply("Gather", rows.value(), rows.ops.fixed(np.arange(3)), axis=1)
    return rows.ops.apply("Softmax", three, axis=1)


@pytest.mark.parametrize("mirror", ["none", "average"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_view_inside_the_graph_is_the_view_of_training(
    pooling: str, mirror: str, networks: tuple[Backbone, Backbone], data: tuple[Manifest, Pictures], tmp_path: Path
) -> None:
    views = [(View("one", pooling, mirror=mirror), networks[0])]
    expected, widths = tables(views, data, tmp_path)
    graph, used = composite_graph(views, widths, all_columns, 3)
    found = run(graph, data)
    assert used == (0,)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found["features"], expected, atol=1e-3 * scale)
    # rounding to half precision agrees too, but for the few values next to a boundary
    assert (np.abs(found["features"] - expected) > 1e-5 * scale).mean() < 0.02
    assert found["imagenet"].shape == (len(data[0]), 1000)


def test_several_networks_and_views_give_the_head_s_probabilities(
    networks: tuple[Backbone, Backbone], data: tuple[Manifest, Pictures], tmp_path: Path
) -> None:
    one, two = networks
    views = [
        (View("one", "logits"), one),
        (View("one", mirror="average"), one),
        (View("two"), two),
        (View("two", mirror="average"), two),
    ]
    X, widths = tables(views, data, tmp_path)
    blocks = [np.arange(a, b) for a, b in pairwise(np.cumsum([0, *widths]))]
    manifest = data[0]
    y = np.array(manifest.classes)[manifest.class_index]

    def svm() -> ShallowHead:
        return ShallowHead("svm")

    features = np.concatenate([blocks[1], blocks[2]])
    model = SpeciesConditional(svm, blocks[0], features)
    model.fit(X, y)
    graph, used = composite_graph(views, widths, as_head(model, manifest.classes), 3, temperature=1.0)
    found = run(graph, data)
    order = [list(model.classes_).index(name) for name in manifest.classes]
    assert np.abs(found["probabilities"] - model.predict_proba(X)[:, order]).max() < 1e-4
    assert used == (0, 1, 2)
    assert found["features"].shape[1] == sum(widths[1:3])


def test_a_network_that_nobody_reads_is_not_in_the_graph(
    networks: tuple[Backbone, Backbone], data: tuple[Manifest, Pictures], tmp_path: Path
) -> None:
    views = [(View("one"), networks[0]), (View("two"), networks[1])]
    X, widths = tables(views, data, tmp_path)
    model = ColumnSubset(lambda: ShallowHead("logistic"), np.arange(100, 200))
    model.fit(X, np.array(data[0].classes)[data[0].class_index])
    graph, used = composite_graph(views, widths, as_head(model, data[0].classes), 3)
    assert used == (1,)
    shapes = [t.dims for t in onnx.load_from_string(graph).graph.initializer]
    assert sum(list(dims) == [100, 3, 4, 4] for dims in shapes) == 1
    assert "imagenet" not in run(graph, data)


def test_networks_of_several_sizes_are_refused_in_words(networks: tuple[Backbone, Backbone]) -> None:
    larger = replace(networks[1], preprocess=replace(networks[1].preprocess, size=48))
    views = [(View("one"), networks[0]), (View("two"), larger)]
    assert why_not_one_graph(views) == "it reads pictures at 32 and 48 pixels, and a bundle reads them at one size"
    with pytest.raises(ModelError, match="cannot be a bundle"):
        composite_graph(views, [100, 100], all_columns, 3)
