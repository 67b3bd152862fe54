"""Recipes build what they describe, and every registered method is well formed."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from petmood.errors import ConfigError
from petmood.training.catalog import FROZEN, METHODS, SPECIES_ONLY, choose
from petmood.training.recipes import Recipe, build

DIM = 4


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_builds_fits_and_predicts(method: object) -> None:
    from petmood.training.catalog import Method

    assert isinstance(method, Method)
    widths = [1000 if view.pooling == "logits" else DIM for view in method.views]
    ends = np.cumsum([0, *widths])
    blocks = [np.arange(a, b) for a, b in pairwise(ends)]
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((24, ends[-1])), np.array(["x", "y"])[np.arange(24) % 2]
    if any(word in json.dumps(method.recipe.described()) for word in ("boosting", "finetune")):
        pytest.skip("slow kinds are fitted in test_shallow.py and test_crown.py")
    model = build(method.recipe, blocks, seed=0).fit(X, y, groups=np.arange(24), sample_weight=np.ones(24))
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (24, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_names_are_unique_and_references_are_registered() -> None:
    names = [method.name for method in METHODS]
    assert len(set(names)) == len(names)
    assert {SPECIES_ONLY, FROZEN} <= set(names)


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'lite0-svm'"):
        choose(["lite0-svn"])


def test_recipes_with_unknown_settings_or_blocks_are_refused() -> None:
    with pytest.raises(ConfigError, match="does not know"):
        build(Recipe("distilled", {"colour": 1}, members=(Recipe("svm"), Recipe("svm"))), [], 0)
    with pytest.raises(ConfigError, match="reads block 3"):
        build(Recipe("logistic", blocks=(3,)), [np.arange(2)], 0)
