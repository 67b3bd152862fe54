from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from needs import needs
from petmood.errors import ConfigError, ModelError
from petmood.features import load_backbone
from petmood.features.extract import embed_batch, open_session
from petmood.features.maps import unscaled

torch = pytest.importorskip("torch")
onnx = needs("onnx")

STATED: dict[str, Any] = {"size": 32, "mean": [127.5] * 3, "std": [127.5] * 3, "features": "feat"}


class Tiny(torch.nn.Module):  # type: ignore[name-defined,misc]
    """Pooled features and scores; the feature map is an inner tensor, as in many published graphs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 5, 3, stride=4)
        self.head = torch.nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        pooled = torch.relu(self.conv(x)).mean(dim=(2, 3))
        return pooled, self.head(pooled)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("graph") / "tiny.onnx"
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that petmood uses is deprecated
        torch.onnx.export(
            Tiny().eval(),
            (torch.zeros(2, 3, 32, 32),),
            str(path),
            dynamo=False,
            input_names=["x"],
            output_names=["feat", "scores"],
            dynamic_axes={"x": {0: "n"}},
        )
    return path


@pytest.fixture
def written(graph: Path, tmp_path: Path) -> Path:
    shutil.copy(graph, tmp_path / "tiñy.onnx")
    (tmp_path / "tiñy.json").write_text(json.dumps({**STATED, "logits": "scores"}))
    return tmp_path / "tiñy.onnx"


def test_features_logits_and_the_inner_feature_map_are_read(written: Path, tmp_path: Path) -> None:
    backbone = load_backbone(f"onnx:{written}", tmp_path / "cache")
    assert (backbone.name, backbone.preprocess.size) == ("tiñy", 32)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    session = open_session(backbone)
    features, logits = embed_batch(session, backbone, pixels)
    assert backbone.map is not None
    (local,) = session.run([backbone.map], {"x": backbone.preprocess.apply(pixels)})
    assert features.shape == (3, 5)
    assert logits is not None
    assert logits.shape == (3, 2)
    assert local.ndim == 4
    np.testing.assert_allclose(local.mean(axis=(2, 3)), features, atol=1e-6)
    assert load_backbone(f"onnx:{written.with_suffix('.json')}", tmp_path / "cache") == backbone


def test_the_json_may_stand_apart_from_the_graph_and_name_the_backbone(graph: Path, tmp_path: Path) -> None:
    stated = tmp_path / "mine.json"
    stated.write_text(json.dumps({**STATED, "graph": str(graph), "name": "mobilenet"}))
    assert load_backbone(f"onnx:{stated}", tmp_path).name == "mobilenet"


def test_the_study_s_slip_is_another_preprocessing_with_another_key(written: Path, tmp_path: Path) -> None:
    backbone = load_backbone(f"onnx:{written}", tmp_path)
    slip = unscaled(backbone)
    pixels = np.full((1, 32, 32, 3), 255, dtype=np.uint8)
    assert slip.preprocess.apply(pixels).max() == 1.0
    assert backbone.preprocess.apply(pixels * 0).min() == -1.0
    assert slip.key != backbone.key


@pytest.mark.parametrize(
    ("stated", "error", "expected"),
    [
        (None, ModelError, "must say how to feed the graph"),
        ({**STATED, "featurs": "feat"}, ConfigError, "Did you mean 'features'"),
        ({**STATED, "features": "nope"}, ModelError, "has no output 'nope'; it has feat, scores"),
        ({**STATED, "map": "nope"}, ModelError, "has no tensor 'nope'"),
        ({**STATED, "graph": "gone.onnx"}, ModelError, "does not exist"),
        ({**STATED, "mean": [0.0]}, ConfigError, "setting 'mean"),
    ],
)
def test_what_is_wrong_is_said(
    graph: Path, tmp_path: Path, stated: dict[str, Any] | None, error: type[Exception], expected: str
) -> None:
    shutil.copy(graph, tmp_path / "tiny.onnx")
    if stated is not None:
        (tmp_path / "tiny.json").write_text(json.dumps(stated))
    with pytest.raises(error, match=expected):
        load_backbone(f"onnx:{tmp_path / 'tiny.onnx'}", tmp_path / "cache")


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    (tmp_path / "x.json").write_text(json.dumps(STATED))
    with pytest.raises(ModelError, match="not an ONNX file"):
        load_backbone(f"onnx:{tmp_path / 'x.onnx'}", tmp_path)


def test_a_loop_without_end_is_refused_before_it_is_loaded(written: Path, tmp_path: Path) -> None:
    model = onnx.load(str(written))
    known = onnx.helper.make_tensor_value_info
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["on"], ["again"])],
        "body",
        [known("i", onnx.TensorProto.INT64, []), known("on", onnx.TensorProto.BOOL, [])],
        [known("again", onnx.TensorProto.BOOL, [])],
    )
    model.graph.node.insert(0, onnx.helper.make_node("Loop", ["", ""], [], body=body))
    onnx.save(model, str(written))
    with pytest.raises(ModelError, match="a loop or a branch"):
        load_backbone(f"onnx:{written}", tmp_path / "cache")


@pytest.mark.realdata
def test_mobilenet_s_map_pools_to_the_features_of_its_own_graph(real_data: Path, tmp_path: Path) -> None:
    graph = real_data.parents[1] / "weights" / "mobilenet_v1_1.0_224" / "mobilenet_v1_1.0_224.onnx"
    if not graph.exists():
        pytest.skip(f"MobileNet's weights are not at {graph}")
    stated = {"name": "mobilenet", "graph": str(graph), **STATED, "size": 224, "logits": "logits"}
    (tmp_path / "mobilenet.json").write_text(json.dumps(stated))
    backbone = load_backbone(f"onnx:{tmp_path / 'mobilenet.json'}", tmp_path)
    from PIL import Image

    photo = Image.open(next((real_data / "test" / "happy").glob("*.jpg"))).convert("RGB")
    pixels = np.asarray(photo.resize((224, 224)))[np.newaxis]
    assert backbone.map is not None
    fed = backbone.preprocess.apply(pixels)
    local, features = open_session(backbone).run([backbone.map, "feat"], {"x": fed})
    import onnxruntime as ort

    (expected,) = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"]).run(["feat"], {"x": fed})
    assert local.shape == (1, 1024, 7, 7)
    assert np.abs(local.mean(axis=(2, 3)) - expected).max() < 1e-4
    assert np.abs(features - expected).max() < 1e-4
