"""A backbone whose answer can be computed by hand, and one Ray cluster for all tests that need one."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawing import jpeg, write_tree


@pytest.fixture(scope="session")
def means(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a backbone that gives the mean of each channel of 32 x 32 pixels, scaled to [-1, 1]."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"]),
        ],
        "means",
        [helper.make_tensor_value_info("pixels", floats, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("features", floats, ["n", 3])],
    )
    path = tmp_path_factory.mktemp("means") / "means.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    described = {"size": 32, "mean": [127.5] * 3, "std": [127.5] * 3, "features": "features"}
    path.with_suffix(".json").write_text(json.dumps(described))
    return f"onnx:{path}"


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 pictures, two of them equal; one file that is broken and one that is not a picture. Read it only."""
    files = {f"{name}/{i:03}.jpg": jpeg(60 * c + i) for c, name in enumerate(("Angry", "happy")) for i in range(60)}
    files["happy/041.jpg"] = files["Angry/007.jpg"]
    files["happy/brökén.jpg"] = files["happy/000.jpg"][:200]
    files["readme.txt"] = b"nothing to see"
    return write_tree(tmp_path_factory.mktemp("photos") / "data", files)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a Ray cluster on this machine with two processors; this process is connected to it."""
    ray = pytest.importorskip("ray")
    # the sockets below it have names of limited length, so pytest's own folders will not do
    folder = tempfile.mkdtemp(prefix="petmood-ray-")
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level="ERROR",
        _temp_dir=folder,
        _node_ip_address="127.0.0.1",
    )
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
