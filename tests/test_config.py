from __future__ import annotations

import pytest

from petmood.config import PRESETS, RunSettings, run_settings
from petmood.errors import ConfigError


def test_presets_and_overrides() -> None:
    assert run_settings("full").cnn_size == 224
    assert run_settings("quick", seed=7, folds=None).seed == 7
    assert run_settings("quick").folds == RunSettings().folds
    assert set(PRESETS) == {"quick", "full"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"sed": 1}, "Did you mean 'seed'"),
        ({"zzzzzz": 1}, "Choose one of: "),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"seed": "1"}, "valid integer"),
        ({"folds": 1}, "greater than or equal to 2"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, object], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        RunSettings.create(values)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'quick'"):
        run_settings("quik")
