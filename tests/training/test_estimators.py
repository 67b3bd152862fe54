"""The estimators stand in scikit-learn's own tests, pipelines and searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from bundle_fixtures import Trained
from petmood import FeatureExtractor, MoodClassifier
from petmood.errors import ConfigError, ImageError
from petmood.training.heads import LogisticHead


@parametrize_with_checks([MoodClassifier()])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_accepts_the_classifier(estimator: Any, check: Any) -> None:
    check(estimator)


def pictures(trained: Trained) -> tuple[list[Any], np.ndarray, np.ndarray]:
    records = trained.manifest.records
    paths = [trained.data / r.path for r in records]
    return paths, np.array([r.class_name for r in records]), trained.manifest.family_index


def test_the_extractor_gives_the_features_of_the_main_job(trained: Trained) -> None:
    paths, _, _ = pictures(trained)
    extractor = FeatureExtractor()
    found = extractor.fit_transform(paths[:5])
    np.testing.assert_allclose(found, trained.features.vectors[:5], atol=1e-3)
    assert found.shape == (5, extractor.n_features_out_) == (5, len(extractor.get_feature_names_out()))
    assert clone(extractor).get_params() == {"backbone": "efficientnet-lite0"}


def test_the_classifier_agrees_with_the_head(trained: Trained) -> None:
    labels = np.array([r.class_name for r in trained.manifest.records])
    vectors = trained.features.vectors
    ours = MoodClassifier().fit(vectors, labels)
    head = LogisticHead().fit(vectors, labels)
    np.testing.assert_allclose(ours.predict_proba(vectors), head.predict_proba(vectors), atol=1e-6)


def test_pictures_go_through_a_grouped_search_of_a_pipeline(trained: Trained, small_network: str) -> None:
    every = pictures(trained)
    paths, labels, families = every[0][::3], every[1][::3], every[2][::3]
    pipeline = make_pipeline(FeatureExtractor(small_network), MoodClassifier())
    scores = cross_val_score(pipeline, paths, labels, groups=families, cv=GroupKFold(2))
    assert len(scores) == 2
    assert np.isfinite(scores).all()
    search = GridSearchCV(pipeline, {"moodclassifier__C": [1e-4, 1e-2]}, cv=GroupKFold(2))
    search.fit(paths, labels, groups=families)
    assert search.best_params_["moodclassifier__C"] in (1e-4, 1e-2)
    assert search.predict(paths[:2]).shape == (2,)


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(ImageError, match="no such file"):
        FeatureExtractor().fit([]).transform(["missing.jpg"])
    with pytest.raises(ConfigError, match="Did you mean"):
        FeatureExtractor("efficientnet-light0").fit([])
