"""What a missing part of petmood makes it say: a line that works for the way in which this petmood was installed."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from petmood.errors import EXTRAS, TORCH, MissingExtraError, install_line, is_there, require_extra


def installed(folder: Path, origin: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put metadata of a petmood before those of the real one."""
    info = folder / "petmood-9.9.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.4",
        "Name: petmood",
        "Version: 9.9",
        "Provides-Extra: labels",
        "Requires-Dist: numpy>=2",
        'Requires-Dist: cleanlab>=2.9; extra == "labels"',
        'Requires-Dist: torch>=2.9; extra == "train"',
        "Requires-Dist: optuna>=4.5; extra == 'train'",
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(folder)


def words(extra: str) -> list[str]:
    return shlex.split(install_line(extra))


def test_from_an_index_the_name_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, None, monkeypatch)
    assert words("labels") == ["pip", "install", "petmood[labels]"]
    assert words("train") == ["pip", "install", TORCH, "petmood[train]"]


@pytest.mark.parametrize("name", ["petmood", "pet mood", "pêt'mood$(x)"])
@pytest.mark.parametrize("editable", [True, False])
def test_from_a_checkout_its_path_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, editable: bool
) -> None:
    checkout = tmp_path / name
    checkout.mkdir()
    installed(tmp_path / "site", {"url": checkout.as_uri(), "dir_info": {"editable": editable}}, monkeypatch)
    assert words("web") == ["pip", "install", *(["-e"] if editable else []), f"{checkout}[web]"]


def test_from_a_repository_or_a_file_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://example.org/petmood.git"
    with monkeypatch.context() as patch:
        installed(tmp_path / "a", {"url": url, "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}, patch)
        assert words("web")[-1] == f"petmood[web] @ git+{url}"
        Requirement(words("web")[-1])
    gone = (tmp_path / "petmood-9.9-py3-none-any.whl").as_uri()
    installed(tmp_path / "b", {"url": gone, "archive_info": {}}, monkeypatch)
    assert words("labels") == ["pip", "install", "cleanlab>=2.9"]
    assert words("train") == ["pip", "install", TORCH, "optuna>=4.5"]


def test_sources_that_were_never_installed_name_themselves(repository: Path) -> None:
    program = "from petmood.errors import install_line; print(install_line('labels'))"
    # -S: without the installed packages, and so without petmood's metadata
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(repository / 'src')!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shlex.split(done.stdout) == ["pip", "install", "-e", f"{repository}[labels]"]


def test_on_windows_the_line_is_quoted_for_its_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, None, monkeypatch)
    assert install_line("web", windows=True) == 'pip install "petmood[web]"'


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_package_is_named_at_once_and_nothing_is_imported(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for missing in EXTRAS[extra]:
        with monkeypatch.context() as patch:
            patch.setattr(
                "petmood.errors.find_spec", lambda name, missing=missing: None if name == missing else object()
            )
            with pytest.raises(MissingExtraError, match=rf"^Doing this needs the package '{missing}'.*\[{extra}\]"):
                require_extra("Doing this", extra)
    loaded = set(sys.modules)
    with suppress(MissingExtraError):
        require_extra("Doing this", extra)
    assert {name.partition(".")[0] for name in set(sys.modules) - loaded} & set(EXTRAS[extra]) == set()


def test_what_hides_a_package_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "half", type(sys)("half"))  # loaded, without a specification
    assert not is_there("half")
    assert not is_there("nowhere.to.be.found")
    assert is_there("json.decoder")


def test_extras_are_those_of_the_project(repository: Path) -> None:
    declared = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    offered = declared["optional-dependencies"]
    assert set(EXTRAS) == set(offered) - {"dev"}
    for extra, packages in EXTRAS.items():
        # mlflow-skinny is mlflow without its server
        named = {Requirement(line).name.removesuffix("-skinny").replace("-", "_") for line in offered[extra]}
        assert set(packages) <= named, extra
    pins = (repository / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert TORCH in pins
