"""Pictures -> features, and features or pictures -> moods, as estimators for scikit-learn's pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted, validate_data

from petmood.bundle.inputs import prepare
from petmood.features import Backbone, load_backbone
from petmood.features.extract import embed_batch, open_session
from petmood.records import FloatArray
from petmood.threads import in_streams
from petmood.training.classifier import fit_scaler


class FeatureExtractor(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Pictures -> features of a frozen backbone; nothing is learnt, so `fit` only loads the backbone.

    Pictures are a sequence of paths, bytes of image files, PIL images or (h, w, 3) uint8 arrays, or one (n, h, w, 3)
    array: what scikit-learn calls neither 2-D nor numeric, so its checks of tabular input do not apply.

    Attributes:
        n_features_out_: length of a feature vector.
    """

    n_features_out_: int

    def __init__(self, backbone: str = "efficientnet-lite0") -> None:
        self.backbone = backbone

    def fit(self, X: Sequence[Any], y: Any = None) -> Self:
        """Load the backbone.

        Raises:
            ConfigError: an unknown backbone.
            MissingExtraError: its first use on this machine needs the extra `train`.
        """
        self._open()
        return self

    def transform(self, X: Sequence[Any]) -> FloatArray:
        """(n, n_features_out_) float32 features of n pictures.

        Raises:
            ImageError: a picture cannot be read.
        """
        check_is_fitted(self)
        backbone, session = self._open()
        size = backbone.preprocess.size

        def vectors_of(pictures: Sequence[Any]) -> FloatArray:
            pixels = np.stack([prepare(picture, size).pixels for picture in pictures])
            return embed_batch(session, backbone, pixels)[0]

        none = np.empty((0, self.n_features_out_), dtype=np.float32)
        return np.concatenate([none, *(vectors for _, vectors in in_streams(X, vectors_of))])

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """(n_features_out_,) str: "efficientnet-lite0_0" and on."""
        check_is_fitted(self)
        return np.array([f"{self.backbone}_{i}" for i in range(self.n_features_out_)], dtype=object)

    def _open(self) -> tuple[Backbone, Any]:
        if getattr(self, "_name", None) != self.backbone:
            backbone = load_backbone(self.backbone)
            self._opened = backbone, open_session(backbone, 1)
            self._name = self.backbone
            width = self._opened[1].get_outputs()
            shapes = {output.name: output.shape for output in width}
            self.n_features_out_ = int(shapes[backbone.features][1])
        return self._opened

    def __getstate__(self) -> dict[str, Any]:
        # a session of ONNX Runtime cannot be copied to another process, and is opened anew there
        return {k: v for k, v in super().__getstate__().items() if k not in ("_opened", "_name")}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        tags.no_validation = True
        return tags


class MoodClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Features -> moods: standardised features and multinomial logistic regression, as `petmood train` fits them.

    The penalty follows from the number of features (C = 1 / dim) unless it is given; see
    `petmood.training.heads.LogisticHead`. Put it behind a `FeatureExtractor` in a pipeline to read pictures, and give
    families as `groups` to `cross_val_score` so that no photo stands on both sides of a split.

    Attributes:
        classes_: (n_classes,) the classes, sorted.
        n_features_in_: length of a feature vector.
    """

    classes_: NDArray[Any]
    n_features_in_: int

    def __init__(self, C: float | None = None, max_iter: int = 1000) -> None:  # noqa: N803  # its name everywhere
        self.C = C
        self.max_iter = max_iter

    def fit(self, X: NDArray[np.floating[Any]], y: NDArray[Any], sample_weight: Any = None) -> Self:
        """Learn from (n, dim) float features and their n classes, weighted if wished."""
        features, labels = validate_data(self, X, y, dtype=np.float64)
        self._scaler = fit_scaler(features, sample_weight)
        penalty = 1 / features.shape[1] if self.C is None else self.C
        self._model = LogisticRegression(C=penalty, max_iter=self.max_iter)
        self._model.fit(self._scaler.transform(features), labels, sample_weight=sample_weight)
        self.classes_ = self._model.classes_
        self.n_iter_ = self._model.n_iter_
        return self

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, n_classes) float64 probabilities; rows sum to 1."""
        check_is_fitted(self)
        features = validate_data(self, X, dtype=np.float64, reset=False)
        found: NDArray[np.float64] = self._model.predict_proba(self._scaler.transform(features))
        return found

    def decision_function(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, n_classes) float64 scores, or (n,) for two classes, as scikit-learn has it."""
        check_is_fitted(self)
        features = validate_data(self, X, dtype=np.float64, reset=False)
        found: NDArray[np.float64] = self._model.decision_function(self._scaler.transform(features))
        return found

    def predict(self, X: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """(n,) the most probable class of each row."""
        probabilities = self.predict_proba(X)
        best: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return best
