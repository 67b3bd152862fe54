"""Fine-tuning is judged in grouped folds within its budget, resumes, and its bundle answers as the network does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite_pytorch")

from drawing import split_files, write_tree
from petmood.build import finetuned as workflow
from petmood.build.finetuned import FinetunePlan, finetune_plan, save_finetuned
from petmood.bundle import load
from petmood.bundle.graph import network_graph
from petmood.config import RunSettings
from petmood.dataset import open_dataset
from petmood.errors import ConfigError, ModelError
from petmood.features import Preprocess
from petmood.features.augment import pixel_views
from petmood.jobs.train import train
from petmood.methods.settings import AutoSettings
from petmood.progress import Silent
from petmood.training.export import answers_onnx, load_start
from petmood.training.finetune import FineTunedHead
from petmood.training.settings import FINE_TUNING, FineTuneSettings

RUN = RunSettings(folds=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tune") / "data", split_files(6, ("Sad", "Angry")))


def test_a_budget_of_nothing_judges_one_fold_and_saves_what_agrees(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FinetunePlan(FineTuneSettings(**(FINE_TUNING | {"epochs": 1})), budget=1e-9)  # type: ignore[arg-type]
    with open_dataset(data) as opened:
        found = save_finetuned(tmp_path / "m", opened, RUN, settings, Silent())
        calls: list[int] = []
        real = workflow.cross_fit
        monkeypatch.setattr(workflow, "cross_fit", lambda *a, **k: calls.append(1) or real(*a, **k))  # type: ignore[func-returns-value]
        again = save_finetuned(tmp_path / "n", opened, RUN, settings, Silent())
    assert not calls, "a fold that is known is not trained again"
    tuned, baseline = (e for e in again.evaluation if e.protocol == "grouped-2-fold, 1 of the folds")
    assert tuned.photos == baseline.photos
    # half of the photos that may be fitted on: one fold of two
    assert tuned.n == found.data.fitted // 2
    assert found.evaluation[0].protocol == "official-test"
    answers = load(tmp_path / "m").predict(sorted((data / "test").rglob("*.jpg")))
    assert all(sum(a.probabilities.values()) == pytest.approx(1, abs=1e-5) for a in answers)
    assert load(tmp_path / "n").training_photos is not None


def test_the_whole_network_is_exported_as_it_answers(data: Path) -> None:
    with open_dataset(data) as opened:
        some = opened.manifest.subset(opened.manifest.photo_index[::3])
        views = pixel_views(some, opened.pictures, 64, 3)
        again = pixel_views(some, opened.pictures, 64, 3)
    assert views.shape == (len(some), 3, 64, 64, 3)
    np.testing.assert_array_equal(views, again)
    np.testing.assert_array_equal(views[:, 1], views[:, 0, :, ::-1])
    assert (views[:, 2] != views[:, 0]).any()
    settings = FineTuneSettings(epochs=1, batch_size=4, whole=True, cutmix=1.0)
    head = FineTunedHead(settings).fit(views, np.array(some.classes)[some.class_index])
    graph = network_graph(answers_onnx(head, 64, [1, 0]), Preprocess(64, (127.0,) * 3, (128.0,) * 3), 2)
    import onnxruntime as ort

    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    [found] = session.run(["probabilities"], {"pixels": views[:, 0]})
    assert np.abs(found - head.predict_proba(views)[:, ::-1]).max() < 1e-4


def test_presets_and_starts() -> None:
    quick, full = (finetune_plan(name, None, "auto", None) for name in ("quick", "full"))
    assert not quick.training.whole
    assert full.training.whole
    assert full.training.epochs > quick.training.epochs
    on_cpu = replace(quick, budget=60.0, training=replace(quick.training, device="cpu"))
    assert finetune_plan("quick", 60.0, "cpu", "efficientnet-lite0") == on_cpu
    assert finetune_plan("quick", None, "auto", "onnx:a/backbone.onnx").start == Path("a/backbone.onnx")
    with pytest.raises(ConfigError, match="starts from"):
        finetune_plan("quick", None, "auto", "mobilenet")
    with pytest.raises(ModelError, match="does not exist"):
        load_start(Path("nowhere/backbone.onnx"))


def test_what_is_of_a_search_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="searches for nothing"):
        train(data, tmp_path / "m", "finetune", RUN, auto=AutoSettings(distil=True))
