"""Each head that can be a part of a bundle gives, as ONNX operators, the probabilities that it gives in training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest

from needs import needs
from petmood.bundle.composite import GraphRows
from petmood.bundle.ops import OPSET, Operators
from petmood.contract import Classifier
from petmood.errors import ModelError
from petmood.training.compose import ColumnSubset, Distilled, SelfTraining
from petmood.training.heads import LogisticHead
from petmood.training.onnx_heads import answer, as_head, why_no_operators
from petmood.training.recipes import Recipe
from petmood.training.shallow import ShallowHead
from petmood.training.species import SpeciesConditional, SpeciesOnly, SpeciesRemoved

onnx = needs("onnx")

FEATURES, LOGITS = 24, 1000
OF_FEATURES, OF_LOGITS = np.arange(FEATURES), np.arange(FEATURES, FEATURES + LOGITS)


def rows_of(n: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features that tell the class a little, then scores of ImageNet's classes that favour dogs, cats or neither."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    features = rng.standard_normal((n, FEATURES)) * 2 + 3 + 1.5 * np.eye(classes, FEATURES)[labels]
    logits = rng.standard_normal((n, LOGITS))
    for i, first in enumerate((151, 281, 100)):
        logits[i::3, first : first + 10] += 6
    return np.concatenate([features, logits], axis=1).astype(np.float32), np.array(["x", "a", "m"])[labels]


def run(model: Classifier, X: np.ndarray) -> np.ndarray:
    """The probabilities that the head's operators give of two blocks: features and scores."""
    ops = Operators()
    blocks = ((lambda: "features", FEATURES), (lambda: "logits", LOGITS))
    ops.call("found", answer(model, GraphRows(ops, blocks)))
    value = onnx.helper.make_tensor_value_info
    ops.graph.input.extend(value(name, onnx.TensorProto.FLOAT, ["n", None]) for name in ("features", "logits"))
    ops.graph.output.append(value("found", onnx.TensorProto.FLOAT, ["n", None]))
    ops.graph.name = "head"
    whole = onnx.helper.make_model(ops.graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(whole)
    session = ort.InferenceSession(whole.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["found"], {"features": X[:, OF_FEATURES], "logits": X[:, OF_LOGITS]})[0]


def logistic() -> Classifier:
    return ShallowHead("logistic", C=0.1)


def on_features(kind: str, **settings: float) -> Callable[[], Classifier]:
    return lambda: ColumnSubset(lambda: ShallowHead(kind, **settings), OF_FEATURES)


UNLABELLED = rows_of(60, 3, 7)[0]
HEADS: dict[str, Callable[[], Classifier]] = {
    "logistic": on_features("logistic", C=0.1),
    **{kind: on_features(kind) for kind in ("svm", "knn", "lda")},
    "linear svm": lambda: ColumnSubset(lambda: ShallowHead("svm", kernel="linear"), OF_FEATURES),
    "all columns": lambda: ShallowHead("svm"),
    "some columns": lambda: ColumnSubset(lambda: ShallowHead("logistic", C=0.1), np.array([3, 1, 30])),
    "components": on_features("logistic", components=5),
    "penalty by width": lambda: ColumnSubset(LogisticHead, OF_FEATURES),
    "self-training": lambda: SelfTraining(on_features("logistic"), UNLABELLED),
    "distilled": lambda: Distilled(on_features("svm"), on_features("logistic"), folds=3),
    "species-only": lambda: SpeciesOnly(logistic, OF_LOGITS),
    "species-conditional": lambda: SpeciesConditional(lambda: ShallowHead("svm"), OF_LOGITS, OF_FEATURES),
    "species-removed": lambda: SpeciesRemoved(logistic, OF_LOGITS, OF_FEATURES),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", HEADS)
def test_operators_agree_with_the_head(name: str, classes: int) -> None:
    X, y = rows_of(90, classes, 0)
    model = HEADS[name]().fit(X, y, groups=np.arange(90) // 2, sample_weight=np.linspace(0.5, 1.5, 90))
    new, _ = rows_of(50, classes, 1)
    expected = model.predict_proba(new)
    assert np.ptp(expected, axis=0).max() > 0.02, "the head tells rows apart, so that agreement means something"
    assert np.abs(run(model, new) - expected).max() < 1e-4


def test_columns_come_in_the_order_of_the_bundle() -> None:
    X, y = rows_of(60, 3, 0)
    model = LogisticHead().fit(X, y)
    ops = Operators()
    rows = GraphRows(ops, ((lambda: "features", FEATURES), (lambda: "logits", LOGITS)))
    name = as_head(model, ("x", "a", "m"))(rows)
    [last] = [node for node in ops.graph.node if node.output[0] == name]
    [order] = [onnx.numpy_helper.to_array(t) for t in ops.graph.initializer if t.name == last.input[1]]
    assert [model.classes_[i] for i in order] == ["x", "a", "m"]


def test_a_block_that_nobody_reads_is_not_made() -> None:
    made: list[str] = []

    def making(name: str) -> Callable[[], str]:
        return lambda: made.append(name) or name  # type: ignore[func-returns-value]

    X, y = rows_of(60, 3, 0)
    model = ColumnSubset(LogisticHead, OF_FEATURES).fit(X, y)
    answer(model, GraphRows(Operators(), ((making("features"), FEATURES), (making("logits"), LOGITS))))
    assert made == ["features"]


def test_what_has_no_operators_says_so() -> None:
    kind = "boosting"
    assert why_no_operators(Recipe("distilled", members=(Recipe("svm"), Recipe(kind)))) is not None
    assert why_no_operators(Recipe("distilled", members=(Recipe("svm"), Recipe("knn")))) is None
    X, y = rows_of(60, 2, 0)
    model = ShallowHead(kind, rounds=2).fit(X[:, :4], y)
    with pytest.raises(ModelError, match=f"'{kind}' cannot be a part of a bundle"):
        answer(model, GraphRows(Operators(), ((lambda: "features", 4),)))
