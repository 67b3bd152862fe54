"""Opening data: planted copies under any name are found, a leaking split is refused, all jobs count the same photos."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from drawing import jpeg, photo, saved, write_tree
from petmood.analyses.audit.compute import audit
from petmood.analyses.labels.compute import find_suspects
from petmood.analyses.leakage.compute import leakage
from petmood.analyses.species.compute import species
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_dataset
from petmood.errors import DataError, LeakageError
from petmood.jobs.cluster_naming import cluster
from petmood.jobs.export_data import export_data
from petmood.jobs.regrade import regrade
from petmood.jobs.run import run
from petmood.jobs.train import train
from petmood.jobs.tune import TuneSettings, tune
from petmood.methods.standings import LeaderboardSettings, leaderboard
from petmood.records import Manifest

PLANTED: dict[str, Callable[[Image.Image], bytes]] = {
    "exact": saved,
    "re-encoded": lambda im: saved(im, quality=60),
    "mirrored": lambda im: saved(ImageOps.mirror(im)),
    "cropped": lambda im: saved(im.crop((20, 30, 200, 210))),
}


def split_photos(*leaks: str) -> dict[str, bytes]:
    """`split/class` with six photos a class in train and two elsewhere, and copies of test photos planted in train."""
    files, seed = {}, 0
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        for name in ("Angry", "happy"):
            for i in range(count):
                files[f"{split}/{name}/{split}{i}.jpg"] = saved(photo(seed := seed + 1, (200, 220)))
    first = 17  # test/Angry/test0.jpg
    for i, leak in enumerate(leaks):
        files[f"train/happy/planted{i}.jpg"] = PLANTED[leak](photo(first + i, (200, 220)))
    return files


def opened(data: Path, families: str = "auto", groups: Path | None = None) -> Dataset:
    with open_dataset(data, families=families, groups=groups) as found:
        return found


@pytest.mark.parametrize("leak", PLANTED)
def test_a_run_refuses_a_planted_leak_before_it_computes_anything(leak: str, tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_photos(leak))
    with pytest.raises(LeakageError, match=r"1 of \d+ .*photos stands in train too"):
        run(data, tmp_path / "run", RunSettings(cnn=False))


def test_a_clean_set_without_telling_names_asks_pixels(tmp_path: Path) -> None:
    found = opened(write_tree(tmp_path / "data", split_photos()))
    assert found.manifest.family_source == "pixels"
    assert found.manifest.n_photos == len(found.manifest) == 20
    assert found.links.same == ()


def test_names_alone_do_not_see_what_pixels_see(tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_photos("mirrored", "exact"))
    assert opened(data, "names").manifest.n_photos == 21
    assert opened(data, "pixels").manifest.n_photos == 20


def test_groups_beside_the_images_are_read_by_all_and_an_option_goes_before_them(tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_photos() | {"groups.csv": b"path,group\n"})
    one = [f"train/Angry/train{i}.jpg" for i in (0, 1)]
    with pytest.raises(DataError, match=r"groups\.csv has no groups"):
        opened(data)
    (data / "groups.csv").write_text("path,group\n" + "".join(f"{path},tom\n" for path in one))
    found = opened(data)
    assert (found.found.n_photos, found.manifest.n_photos) == (20, 19)
    assert found.manifest.family_source == "groups, else pixels"
    other = tmp_path / "other.csv"
    other.write_text(f"path,group\n{one[0]},tom\n")
    assert opened(data, groups=other).manifest.n_photos == 20


def test_what_a_user_changed_is_told_and_known_by_content(tmp_path: Path) -> None:
    data = write_tree(tmp_path / "data", split_photos())
    assert (opened(data).origin.labels, opened(data).origin.groups) == (None, None)
    labels, groups = tmp_path / "labels.csv", tmp_path / "my groups.csv"
    labels.write_text("path,label\ntrain/Angry/train0.jpg,happy\ntrain/Angry/train1.jpg,Angry\n")
    groups.write_text("path,group\n" + "".join(f"train/happy/train{i}.jpg,tom\n" for i in (0, 1)))
    with open_dataset(data, labels=labels, groups=groups) as found:
        told = found.origin
        assert len(found.manifest) == 20
        assert found.manifest.n_photos == 19
    assert told.labels is not None
    assert (told.labels.given, told.labels.changed) == (2, 1)
    assert told.labels.sha256 == hashlib.sha256(labels.read_bytes()).hexdigest()
    assert told.groups is not None
    assert (told.groups.given, told.groups.changed) == (2, 1)


@pytest.mark.parametrize("option", ["labels", "groups", "species"])
def test_a_file_of_the_user_that_is_not_there_is_named_before_any_work(option: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"--{option} .*no.csv is not a file"):
        open_dataset(tmp_path / "nowhere", **{option: tmp_path / "no.csv"})


PHOTOS = 2 * (6 + 2 + 2)


@pytest.fixture(scope="module")
def scrambled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`PHOTOS` photos under names that say nothing, with copies of three of them planted beside them."""
    files, seed = {}, 0
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        for name in ("Angry", "happy"):
            for _ in range(count):
                picture = photo(seed := seed + 1, (96, 96))
                files[f"{split}/{name}/{hashlib.sha256(saved(picture)).hexdigest()[:12]}.jpg"] = saved(picture)
                if seed in (2, 9, 19):
                    files[f"{split}/{name}/{seed:012x}.jpg"] = saved(ImageOps.mirror(picture), quality=70)
    return write_tree(tmp_path_factory.mktemp("scrambled") / "data", files)


SETTINGS = RunSettings(cnn=False, folds=2, n_init=1)


def photos_of_leaderboard(data: Path, out: Path) -> int:
    return (
        leaderboard(data, LeaderboardSettings(only=("efficientnet-lite0+logistic",), folds=2, repeats=1)).methods[0].n
    )


def photos_of_tune(data: Path, out: Path) -> int:
    facts = tune(data, out, TuneSettings(trials=1, folds=2))
    return facts.n_held_out + facts.winner.n


def photos_of_corrected_copy(data: Path, out: Path) -> int:
    labels = out / "labels.csv"
    first = sorted((data / "train" / "happy").glob("0*.jpg"))[0]
    out.mkdir()
    labels.write_text(f"path,label\n{first.relative_to(data).as_posix()},Angry\n")
    outcome = export_data(data, out / "copy", labels)
    assert outcome.relabelled == 1
    moved = (out / "copy" / "changes.csv").read_text(encoding="utf-8").splitlines()[1:]
    return PHOTOS if len(moved) == 2 else 0  # the photo and its copy


def photos_of_run(data: Path, out: Path) -> int:
    """What a run goes on with; the rest of it is not waited for."""
    read: list[Manifest] = []

    def stopped(path: Path, manifest: Manifest) -> None:
        read.append(manifest)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("petmood.jobs.run.write_manifest", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(data, out, SETTINGS)
    (manifest,) = read
    return manifest.n_photos


COUNTS: dict[str, Callable[[Path, Path], int]] = {
    "audit": lambda data, out: audit(data, SETTINGS).photos,
    "run": photos_of_run,
    "train": lambda data, out: train(data, out, "head", SETTINGS).data.photos,
    "leakage": lambda data, out: next(f.n for f in leakage(data, SETTINGS).figures if f.split == "grouped-2-fold"),
    "regrade": lambda data, out: regrade(data, SETTINGS).claims[0].honest.n,
    "leaderboard": photos_of_leaderboard,
    "tune": photos_of_tune,
    "species": lambda data, out: species(data, SETTINGS)[0].n,
    "labels": lambda data, out: find_suspects(data, SETTINGS, ["efficientnet-lite0"]).facts.n,
    "cluster": lambda data, out: cluster(data, out, SETTINGS, k=2).n,
    "export-data": photos_of_corrected_copy,
}


@pytest.mark.parametrize("command", COUNTS)
def test_every_command_counts_the_same_photos(command: str, scrambled: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert COUNTS[command](scrambled, tmp_path / "out") == PHOTOS


def test_the_first_model_of_a_process_is_fitted_in_one_thread_too(tmp_path: Path) -> None:
    """Its libraries are loaded before they are told how many threads to take, so that sums are rounded alike."""
    code = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from petmood.dataset import open_dataset\n"
        "from petmood.dataset.models import thumbnails\n"
        "from petmood.evaluation.protocols import once_on_test\n"
        "plain = thumbnails()\n"
        "class Watched:\n"
        "    def fit(self, *args, **said):\n"
        "        from threadpoolctl import threadpool_info\n"
        "        self.model = plain.make().fit(*args, **said)\n"
        "        print(*(lib['num_threads'] for lib in threadpool_info() if lib['user_api'] == 'blas'))\n"
        "        return self.model\n"
        "def make():\n"
        "    plain.make()\n"
        "    return Watched()\n"
        "with open_dataset(sys.argv[1], families='names') as data:\n"
        "    assert 'sklearn' not in sys.modules\n"
        "    data.predictions(replace(plain, name='watched', make=make), once_on_test(data.manifest, 42))\n"
    )
    folders = [f"{split}/{mood}" for split in ("train", "valid", "test") for mood in ("sad", "happy")]
    files = {f"{folder}/{i}.jpg": jpeg(10 * n + i) for n, folder in enumerate(folders) for i in range(4)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(write_tree(tmp_path / "data", files))],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PETMOOD_CACHE": str(tmp_path / "cache")},
    )
    threads = done.stdout.split()
    assert len(threads) > 1  # numpy's and scipy's at least
    assert set(threads) == {"1"}
