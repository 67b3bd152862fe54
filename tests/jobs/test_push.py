"""A model goes to a hub on this machine and comes back the same, with a card whose figures are the model's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import petmood as library
from bundle_fixtures import Trained
from command import Petmood
from drawing import jpeg
from hub_stand_in import Hub, hub
from needs import needs
from petmood.bundle import Bundle
from petmood.errors import ConfigError, ModelError
from petmood.jobs.export import push

hf = needs("huggingface_hub")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, which its library takes for the only one, and a cache of its own."""
    with hub() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.address)
        monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        yield made


@pytest.mark.filterwarnings("ignore")
def test_it_comes_back_as_it_went(petmood: Petmood, trained: Trained, there: Hub, tmp_path: Path) -> None:
    done = petmood("push", trained.path, "hub:owner/mood", "--private", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["model"], said["url"]) == ("hub:owner/mood", f"{there.address}/owner/mood")
    assert there.private == {"owner/mood"}
    assert there.tokens == {"Bearer hf_test"}
    kept = there.repositories["owner/mood"]
    assert kept["model.onnx"] == (trained.path / "model.onnx").read_bytes()
    card = hf.ModelCard(kept["README.md"].decode())
    assert card.data.library_name == "petmood"
    assert card.text.strip().startswith("# ")
    described = Bundle.from_hub("owner/mood").description
    expected = {(f"{m.title}, {m.protocol}", round(m.accuracy, 6)) for m in described.evaluation}
    accuracies = [entry for entry in card.data.eval_results or () if entry.metric_type == "accuracy"]
    assert {(entry.dataset_config, entry.metric_value) for entry in accuracies} == expected
    assert card.data.to_dict()["model-index"][0]["name"] == "mood"
    (tmp_path / "p.jpg").write_bytes(jpeg(1))
    local, remote = (petmood("predict", m, tmp_path / "p.jpg", "--json") for m in (trained.path, "hub:owner/mood"))
    assert json.loads(local.stdout)["predictions"] == json.loads(remote.stdout)["predictions"]
    assert library.Bundle.from_hub("owner/mood").classes == library.load("hub:owner/mood").classes
    there.shutdown()
    there.server_close()  # without a network, what was fetched last is read
    again = petmood("predict", "hub:owner/mood", tmp_path / "p.jpg", "--json")
    assert json.loads(again.stdout)["predictions"] == json.loads(local.stdout)["predictions"]


@pytest.mark.filterwarnings("ignore")
def test_what_is_not_there_or_was_changed_is_one_line(petmood: Petmood, trained: Trained, there: Hub) -> None:
    for words in (
        ["predict", "hub:no/body", "x.jpg"],
        ["predict", "hub:a/b/c", "x.jpg"],
        ["export", "hub:", "--format", "web"],
    ):
        missing = petmood(*words)
        assert (missing.returncode, missing.stderr.count("\n")) == (2, 1), missing.stderr
    push(trained.path, "hub:owner/changed")
    there.repositories["owner/changed"]["model.onnx"] += b"x"
    with pytest.raises(ModelError, match="damaged"):
        Bundle.from_hub("owner/changed")


@pytest.mark.parametrize("to", ["owner/mood", "hub:mood", "hub:a/b/c", "hub:/b", "hf:a/b", "hub:a b/c?"])
def test_a_place_that_is_none(trained: Trained, there: Hub, to: str) -> None:
    with pytest.raises(ConfigError, match="Write hub:OWNER/NAME"):
        push(trained.path, to)
    assert there.repositories == {}


@pytest.mark.filterwarnings("ignore")
def test_photos_are_passed_on_only_when_asked_for(
    petmood: Petmood, tiny_data: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert petmood("train", tiny_data, "--out", tmp_path / "m.zip", "--thumbnails").returncode == 0
    there: Hub = request.getfixturevalue("there")  # only now: its cache is empty
    refused = petmood("push", tmp_path / "m.zip", "hub:owner/photos")
    assert (refused.returncode, "may not be yours" in refused.stderr) == (2, True)
    assert there.repositories == {}
    assert petmood("push", tmp_path / "m.zip", "hub:owner/photos", "--photos").returncode == 0
    assert Bundle.from_hub("owner/photos").training_photos is not None
