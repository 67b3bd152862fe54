"""On the real photos: what is said of certainty holds on each source that was left out, or is not said."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def page(repository: Path) -> ModuleType:
    """docs/travel.py."""
    spec = importlib.util.spec_from_file_location("travel_page", repository / "docs" / "travel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.realdata
def test_certainty_holds_on_each_source_left_out(real_data: Path, page: ModuleType, tmp_path: Path) -> None:
    others = [real_data.parent / name for name in ("dog-moods-extra", "three-species")]
    if not all(path.is_dir() for path in others):
        pytest.skip(f"the further sources are not beside {real_data}")
    few = tmp_path / "dogs"  # a fifth of the dogs, so that the test takes a minute or two
    for path in sorted(others[0].glob("*/*"))[::5]:
        (few / path.parent.name).mkdir(parents=True, exist_ok=True)
        (few / path.parent.name / path.name).symlink_to(path)
    mapping = {"relaxed": "Other", "hungry": "Other"}
    of = page.material([real_data, few, others[1]], mapping, "efficientnet-lite0")
    assert len(of.union.copies()) >= 1  # one photo is in the pets set and, byte for byte, among the three species
    found = list(page.certainty(of, page.readers(of)[page.CHOSEN]))
    travelling = [c for c in found if c.how == "over sources left out"]
    usual = [c for c in found if c.how != "over sources left out"]
    assert len(travelling) == 3
    for c in travelling:
        assert c.held[0] / c.n >= 0.77
        assert c.held[1] / c.n >= 0.87
        assert c.sure == 0 or c.right / c.sure >= 0.8
    assert min(c.held[0] / c.n for c in usual) < 0.77  # what is calibrated as usual does not hold elsewhere
