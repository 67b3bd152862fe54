"""Columns are brought to mean 0 and deviation 1 under weights, and constant ones do no harm."""

from __future__ import annotations

import numpy as np

from petmood.training.classifier import fit_scaler


def test_columns_get_mean_0_and_deviation_1_under_weights() -> None:
    rng = np.random.default_rng(0)
    features, weights = rng.normal(3, 5, (40, 4)), rng.uniform(0.1, 2, 40)
    scaled = fit_scaler(features, weights).transform(features)
    np.testing.assert_allclose(np.average(scaled, axis=0, weights=weights), 0, atol=1e-12)
    np.testing.assert_allclose(np.average(scaled**2, axis=0, weights=weights), 1)


def test_a_constant_column_stays_finite_whatever_rounding_does() -> None:
    rng = np.random.default_rng(0)
    lost = 0
    for value in rng.uniform(0, 1, 200):
        features, weights = np.full((22, 1), value), rng.uniform(0.1, 2, 22)
        scaler = fit_scaler(features, weights)
        assert scaler.scale_[0] == 1
        assert abs(scaler.transform(features)).max() < 1e-6
        lost += scaler.var_[0] == 0
    assert lost
