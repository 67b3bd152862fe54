"""Cluster first, label after: sheets to look at, names to give, labels.csv that a run accepts."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from typer.testing import CliRunner

from drawing import jpeg, write_tree
from petmood.cli.main import app
from petmood.cluster.naming import METHODS, group
from petmood.config import RunSettings
from petmood.dataset import dataset, models, open_dataset
from petmood.errors import ConfigError, DataError
from petmood.jobs.cluster_naming import cluster, name_clusters
from petmood.records import FeatureTable, Manifest

SETTINGS = RunSettings(folds=2)


def blobs(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three clear groups of 50%, 30% and 20% of n points."""
    rng = np.random.default_rng(seed)
    which = np.repeat([0, 1, 2], [n // 2, n * 3 // 10, n - n // 2 - n * 3 // 10])
    return (rng.normal(size=(n, 20)) + 8 * np.eye(20)[which]).astype(np.float32), which


@pytest.fixture
def fake_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features in place of a network: a photo `a3.jpg` lies in group a."""

    def extract(manifest: Manifest, *rest: object, **options: object) -> FeatureTable:
        which = ["abc".index(Path(r.path).name[0]) for r in manifest.records]
        noise = np.random.default_rng(0).normal(size=(len(which), 5))
        return FeatureTable("drawn", (noise + 20 * np.eye(5)[which]).astype(np.float32), None, "drawn")

    class Named:
        name = key = "drawn"

    monkeypatch.setattr(dataset, "extract_features", extract)
    for module in (dataset, models):
        monkeypatch.setattr(module, "backbone_named", lambda name: Named())


def pictures(labelled: bool) -> dict[str, bytes]:
    files, seed = {}, 500
    for kind, count, label in (("a", 8, "happy"), ("b", 6, "Sad"), ("c", 4, "Angry")):
        for i in range(count):
            files[f"{label}/{kind}{i}.jpg" if labelled else f"{kind}{i}.jpg"] = jpeg(seed := seed + 1)
    return files


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_clusters_is_found_and_the_largest_comes_first(method: str) -> None:
    vectors, which = blobs(60)
    found = group(vectors, method=method, seed=1)
    assert found.k == 3
    assert max(found.silhouettes, key=lambda k: found.silhouettes[k]) == 3
    assert (found.clusters == which).all()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_a_photo_between_two_clusters_is_doubtful() -> None:
    vectors, which = blobs(40)
    vectors[0] = (vectors[which == 0].mean(0) + vectors[which == 1].mean(0)) / 2
    found = group(vectors, k=3)
    assert found.confidence.argmin() == 0
    assert found.confidence[0] < 0.2 < np.median(found.confidence)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "dbscan"}, "unknown method 'dbscan'"),
        ({"k": 1}, "k must be from 2"),
        ({"k": 40}, "k must be from 2"),
    ],
)
def test_what_cannot_be_clustered_is_said(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        group(blobs(40)[0], **options)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="needs 4 photos"):
        group(blobs(40)[0][:3])


def test_unlabelled_photos_become_a_labelled_data_set(fake_features: None, tmp_path: Path) -> None:
    data = write_tree(tmp_path / "Fotos für später", pictures(labelled=False))
    facts = cluster(data, tmp_path / "out", SETTINGS)
    assert (facts.k, facts.sizes, facts.composition) == (3, (8, 6, 4), ())
    assert (tmp_path / "out" / "names.csv").read_text() == "cluster,name\n1,\n2,\n3,\n"
    page = (tmp_path / "out" / "clusters.html").read_text()
    assert page.count("<img") == 18
    assert page.count("<h2") == 3
    with pytest.raises(DataError, match="no cluster has a name"):
        name_clusters(data, tmp_path / "out", SETTINGS)
    (tmp_path / "out" / "names.csv").write_text("cluster,name\n1,calm\n2,tense\n3,not-a-pet\n")
    named = name_clusters(data, tmp_path / "out", SETTINGS)
    assert (named.labelled, named.excluded, named.by_class) == (14, 4, {"calm": 8, "tense": 6})
    assert named.agreement is None
    assert named.accuracy == 1.0
    with open_dataset(data, labels=tmp_path / "out" / "labels.csv") as opened:
        assert Counter(r.class_name for r in opened.records) == {"calm": 8, "tense": 6}
    # naming survives clustering again
    cluster(data, tmp_path / "out", SETTINGS)
    assert "calm" in (tmp_path / "out" / "names.csv").read_text()


def test_names_are_compared_with_the_original_labels(fake_features: None, tmp_path: Path) -> None:
    data = write_tree(tmp_path / "pets", pictures(labelled=True))
    facts = cluster(data, tmp_path / "out", SETTINGS, method="agglomerative", k=3)
    assert facts.composition[1] == {"Angry": 0, "happy": 0, "Sad": 6}
    names = tmp_path / "names.csv"
    names.write_text("cluster,name\n1,Happy\n2,sad\n3,happy\n")
    named = name_clusters(data, tmp_path / "out", SETTINGS, names=names)
    assert named.by_class == {"happy": 12, "Sad": 6}
    assert named.agreement is not None
    original = ["Angry"] * 4 + ["happy"] * 8 + ["Sad"] * 6
    given = ["happy"] * 12 + ["Sad"] * 6
    assert named.agreement.kappa == pytest.approx(cohen_kappa_score(original, given))
    assert named.agreement.kappa_ci[0] < named.agreement.kappa < named.agreement.kappa_ci[1]
    assert named.agreement.confusion == ((0, 4, 0), (0, 8, 0), (0, 0, 6))
    assert 0.5 < named.agreement.trained.accuracy <= 14 / 18
    assert named.agreement.trained.n == 18
    sure = name_clusters(data, tmp_path / "out", SETTINGS, names=names, confidence=0.5)
    with (tmp_path / "out" / "clusters.csv").open() as handle:
        assert sure.labelled == sum(float(row["confidence"]) >= 0.5 for row in csv.DictReader(handle))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cluster,name\n9,happy\n", "line 2: there is no cluster '9'"),
        ("cluster,name\n1,happy\n1,Sad\n", "line 3: cluster 1 is named twice"),
        ("a,b\n", "line 1: the columns must be cluster,name"),
    ],
)
def test_names_that_do_not_fit_are_refused(fake_features: None, tmp_path: Path, text: str, message: str) -> None:
    data = write_tree(tmp_path / "pets", pictures(labelled=True))
    cluster(data, tmp_path / "out", SETTINGS, k=3)
    names = tmp_path / "names.csv"
    names.write_text(text)
    with pytest.raises(DataError, match=message):
        name_clusters(data, tmp_path / "out", SETTINGS, names=names)


def test_the_commands_print_their_facts(fake_features: None, tmp_path: Path) -> None:
    data, out = write_tree(tmp_path / "pets", pictures(labelled=True)), tmp_path / "out"
    run = CliRunner().invoke
    made = json.loads(run(app, ["cluster", str(data), "-o", str(out), "--json"], catch_exceptions=False).stdout)
    assert made["k"] == 3
    (out / "names.csv").write_text("cluster,name\n1,happy\n2,Sad\n3,Angry\n")
    told = run(app, ["name-clusters", str(data), str(out), "--folds", "2"], catch_exceptions=False).stdout
    assert "kappa 1.000" in told
