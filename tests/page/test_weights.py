"""What a page holds of a model: rounded within its bound, unpacked to the same bytes, equal for equal models."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

import numpy as np
import onnxruntime as ort
from hypothesis import given
from hypothesis import strategies as st

from bundle_fixtures import Trained
from petmood.bundle.folder import read
from petmood.jobs.export import export
from petmood.page.site import MANTISSA, ort_script, packed, rounded, rounded_graph, wasm_asset


@given(
    st.lists(
        st.floats(
            width=32,
            allow_nan=False,
            allow_infinity=False,
            allow_subnormal=False,
            max_value=2.0**126,
            min_value=-(2.0**126),
        )
    )
)
def test_rounding_is_within_its_bound_and_done_once(values: list[float]) -> None:
    given_values = np.array(values, dtype=np.float32)
    found = rounded(given_values)
    assert (np.abs(found - given_values) <= np.abs(given_values) * 2.0 ** -(MANTISSA + 1) * 1.0001).all()
    np.testing.assert_array_equal(rounded(found), found)


@given(st.binary(max_size=200), st.booleans())
def test_what_is_packed_can_be_had_again(data: bytes, planes: bool) -> None:
    asset = packed(data, planes=planes)
    assert asset == packed(data, planes=planes)
    body = gzip.decompress(base64.b64decode("".join(asset.parts)))
    if planes:
        body = np.frombuffer(body, dtype=np.uint8).reshape(4, -1).T.tobytes()
    assert body[: asset.size] == data


def test_a_rounded_graph_answers_alike(trained: Trained) -> None:
    graph = read(trained.path).graph
    pixels = np.random.default_rng(3).integers(0, 256, (4, trained.bundle.size, trained.bundle.size, 3), dtype=np.uint8)
    session = ort.InferenceSession(rounded_graph(graph))
    (found,) = session.run(["probabilities"], {"pixels": pixels})
    np.testing.assert_allclose(found, trained.bundle.infer(pixels).probabilities, atol=2e-4)
    one, other = (len(gzip.compress(data, compresslevel=1)) for data in (rounded_graph(graph), graph))
    assert one < 0.9 * other


def test_the_weight_of_one_file_stands_in_the_documents(repository: Path, tmp_path: Path) -> None:
    export(Path("pets"), tmp_path / "one.html", "web", single=True)
    size = f"{(tmp_path / 'one.html').stat().st_size / 1e6:.1f} MB"
    runtime = f"{(len(ort_script()) + sum(len(part) for part in wasm_asset().parts)) / 1e6:.1f} MB"
    text = (repository / "docs" / "use-in-your-app.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| bytes \|.*$", text, re.M)
    assert row.endswith(f" {size} |")
    assert f"| of it the runtime | {runtime} | {runtime} |" in text
