"""The commands of the how-to pages are run, each on data of the kind that its page speaks of."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Petmood
from drawing import photo, saved, write_tree, write_zip
from test_docs_commands import ROOT, blocks, steps

MOODS = ("Angry", "happy", "Other", "Sad")
Write = Callable[[Path], object]

ELSEWHERE = {
    "hf:": "needs a network; tests/ingest/test_tables.py has the libraries of hubs replaced",
    "kaggle:": "needs a network; tests/ingest/test_tables.py has the libraries of hubs replaced",
    "s3:": "needs a network; tests/scale has object stores in memory and a cluster on this machine",
    "--device cuda": "needs a GPU; tests/training/test_devices.py has what can be tried without",
    "petmood review": "asks a reader; tests/web/review/test_browser.py presses the keys",
    "consensus.csv": "needs readers; tests/review/test_readers.py has what they agreed on",
    "petmood serve": "runs on; the door for apps is typed in tests/test_docs_commands.py",
    "--detector": "needs a detector; tests/detection has small ones",
    "petmood regrade": "speaks of one data set; tests/jobs/test_regrade.py",
}
"""What is not run here, and where it is."""


def faces(pattern: str, count: int = 6, start: int = 0) -> dict[str, bytes]:
    """Pictures named by a pattern of class `c`, number `i` and animal `a`; two photos show one animal."""
    return {
        pattern.format(c=name, i=i, a=f"cat{10 * c + i // 2:02d}"): saved(photo(start + 100 * c + i, (160, 150)))
        for c, name in enumerate(MOODS)
        for i in range(count)
    }


def table(path: Path, *rows: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)


def with_splits(train: str, test: str, *more: str) -> Write:
    return lambda at: write_tree(
        at / "pets",
        {
            **faces(f"{train}/{{c}}/{{i}}.jpg", 10),
            **faces(f"{test}/{{c}}/{{i}}.jpg", 3, 40),
            **{name: saved(photo(999)) for name in more},
        },
    )


def notes(at: Path) -> None:
    files = faces("{c}_{i}.jpg")
    write_tree(at / "pictures", {f"img{i}.jpg": data for i, data in enumerate(files.values())})
    rows = [
        (f"img{i}.jpg", name.partition("_")[0], "train" if i % 3 else "test", str(i)) for i, name in enumerate(files)
    ]
    table(at / "notes.csv", ("filename", "mood", "set", "id"), *rows)


def parquet(path: Path, label: str = "label", animal: str = "animal") -> None:
    pl = pytest.importorskip("polars")
    path.parent.mkdir(exist_ok=True)
    rows = [(name.partition("/")[0], data) for name, data in faces("{c}/{i}.jpg").items()]
    columns = {"image": [{"bytes": data, "path": None} for _, data in rows], label: [mood for mood, _ in rows]}
    pl.DataFrame({**columns, animal: [f"a{i // 2}" for i in range(len(rows))]}).write_parquet(path)


def exported(at: Path) -> None:
    """As Roboflow exports for YOLO: a box in each picture."""
    data = faces("{c}_{i}.jpg")
    labels = {
        f"train/labels/{name[:-4]}.txt": f"{MOODS.index(name.partition('_')[0])} 0.5 0.5 0.6 0.6\n".encode()
        for name in data
    }
    names = f"train: train/images\nnc: {len(MOODS)}\nnames: {json.dumps(list(MOODS))}\n".encode()
    write_tree(
        at / "roboflow-export", {**{f"train/images/{n}": d for n, d in data.items()}, **labels, "data.yaml": names}
    )


def clips(at: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    for c, name in enumerate(MOODS):
        for i in range(2):
            (at / "clips" / name).mkdir(parents=True, exist_ok=True)
            made = cv2.VideoWriter(str(at / "clips" / name / f"{i}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 4, (96, 96))
            for k in range(8):
                made.write(cv2.resize(cv2.imread(str(one(at, 50 * c + 9 * i + k))), (96, 96)))
            made.release()


def one(at: Path, seed: int) -> Path:
    out = at / "frame.png"
    photo(seed, (96, 96)).save(out)
    return out


def japanese(at: Path) -> None:
    write_zip(
        at / "pets.zip", {f"{n.encode('shift_jis').decode('latin-1')}": d for n, d in faces("{c}/猫{i}.jpg").items()}
    )


def animals(at: Path) -> None:
    with_splits("train", "test")(at)
    table(
        at / "animals.csv",
        ("path", "animal"),
        *((f"train/{mood}/{i}.jpg", f"a{i // 2}") for mood in MOODS for i in range(6)),
    )


def plain(at: Path) -> None:
    """Data, more data, a model and a run: what most commands take for granted."""
    with_splits("train", "test")(at)
    shutil.copytree(at / "pets", at / "DATA")
    wrong = [("train/Sad/0.jpg", "Angry"), ("train/happy/1.jpg", "happy")]
    table(at / "labels.csv", ("path", "label"), *wrong)
    write_tree(
        at / "other",
        {
            k.replace("Other/", "relaxed/").replace("Angry/", "angry/"): v
            for k, v in faces("{c}/{i}.jpg", 5, 70).items()
        },
    )
    table(at / "preds.csv", ("path", "label"), *((f"test/{mood}/{i}.jpg", "happy") for mood in MOODS for i in range(3)))
    (at / "list.txt").write_text("train\n", encoding="utf-8")
    shutil.make_archive(str(at / "pictures"), "zip", at / "pets")
    write_tree(
        at / "dogs",
        {
            f"dog{k}".replace("dogOther/", "relaxed/").removeprefix("dog"): v
            for k, v in faces("{c}/{i}.jpg", 5, 20).items()
        },
    )
    write_tree(at / "more-pictures", {f"{i}.jpg": saved(photo(700 + i)) for i in range(6)})
    for k, name in enumerate(("PETS", "DOGS", "THREE")):
        write_tree(at / name, faces("{c}/{i}.jpg", 5, 300 + 40 * k))


QUESTION = ["run", "batches/", "-o", "out"]
DATA: dict[str, Write] = {
    "run batches/": lambda at: write_tree(
        at / "batches", {**faces("batch_a/{c}/{i}.jpg"), **faces("batch_b/{c}/{i}.jpg", 6, 50)}
    ),
    "--splits 'march": with_splits("march", "april", "old/happy/1.jpg"),
    "--table notes": notes,
    "00000-of": lambda at: parquet(at / "train-00000-of-00001.parquet"),
    "class=laune": lambda at: parquet(at / "pets" / "a.parquet", "laune", "wer"),
    "roboflow": exported,
    "{class}/{animal}": lambda at: write_tree(at / "pets", faces("{c}/{a}/{i}.jpg")),
    "group-by folder": lambda at: write_tree(at / "pets", faces("{c}/{a}/{i}.jpg")),
    "regex:": lambda at: write_tree(at / "pets", faces("{c}/{a}_{i}.jpg")),
    "animals.csv": animals,
    "clips/": clips,
    "shift_jis": japanese,
}
"""The data of a command that its page describes; others take `plain`."""

TOOLS = [
    step
    for page in ("data", "evaluate", "labels", "review", "scaling", "training", "travel", "serving", "use-in-your-app")
    for block in blocks(ROOT / "docs" / f"{page}.md")
    if block.language == "console"
    for step in steps(block.text)
    if step.command.startswith("petmood ")
]


def test_what_is_not_run_here_is_run_where_it_is_said() -> None:
    for reason in ELSEWHERE.values():
        named = [word.rstrip(",") for word in reason.split() if word.startswith("tests/")]
        assert all((ROOT / place).exists() for place in named), reason


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", [step.command for step in TOOLS])
def test_a_command_of_a_page_does_its_work(
    command: str, petmood: Petmood, trained_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why := next((why for part, why in ELSEWHERE.items() if part in command), None):
        pytest.skip(why)
    next((make for part, make in DATA.items() if part in command), plain)(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    prepare(words, petmood, trained_model)
    done = petmood(*words)
    if words == QUESTION:
        assert (done.returncode, "--layout" in done.stderr) == (2, True)
        return
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def prepare(words: list[str], petmood: Petmood, model: Path) -> None:
    """Put into the present folder what a command reads that other commands wrote; and make its search short."""
    if "RUN/labels.csv" in words:
        Path("RUN").mkdir()
        shutil.copy("labels.csv", "RUN")
    if "MODEL" in words:
        shutil.copytree(model, "MODEL")
    if words[0] in ("compare", "runs"):
        for name in ("RUN-A", "RUN-B"):
            assert petmood("evaluate", model, "other", "--out", name, "--map", "relaxed=Other").returncode == 0
        Path("RUNS").mkdir()
        shutil.copytree("RUN-A", "RUNS/RUN-A")
    if words[0] == "evaluate" and "--map" in words:
        words[words.index("DATA")] = "other"
    if words[0] == "name-clusters":
        assert petmood("cluster", "DATA", "--out", "CLUSTERS").returncode == 0
        table(Path("CLUSTERS/names.csv"), ("cluster", "name"), ("1", "happy"), ("2", "Sad"))
    if words[:2] == ["cluster", "vectors/"]:
        assert petmood("embed", "pets", "--out", "vectors").returncode == 0
        words[words.index("--k") + 1] = "4"
    if "--budget" in words:
        words[words.index("--budget") + 1] = "20s"


@pytest.fixture(scope="module")
def trained_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import petmood as library

    root = tmp_path_factory.mktemp("model")
    with_splits("train", "test")(root)
    return library.train(root / "pets", root / "model").path
