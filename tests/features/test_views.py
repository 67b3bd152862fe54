"""Views do what their names say, and refuse what they cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from networks import network
from petmood.errors import ConfigError, ModelError
from petmood.features.views import MIRRORS, POOLINGS, View, output_of


def test_names_tell_views_apart() -> None:
    views = {View("b", pooling, mirror) for pooling in POOLINGS for mirror in MIRRORS}
    assert len({view.name for view in views}) == len(views)


@pytest.mark.parametrize("wrong", [{"pooling": "median"}, {"mirror": "twice"}])
def test_what_is_unknown_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        View("b", **wrong)


def test_a_network_without_a_head_has_no_scores(tmp_path: Path) -> None:
    made = replace(network(tmp_path / "n.onnx", 0, 17, imagenet=True, mean=120.0), logits=None)
    assert output_of(View("b"), made) == made.features
    with pytest.raises(ModelError, match="no logits"):
        output_of(View("b", "logits"), made)
