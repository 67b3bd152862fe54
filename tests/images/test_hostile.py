"""Every kind of hostile or odd picture is accepted or rejected with a reason, in bounded time and memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hostile_pictures
from drawing import split_files, write_tree
from hostile_pictures import Hostile, kinds, many_scans, resized_header
from petmood import images
from petmood.dataset import open_dataset
from petmood.errors import ImageError

QUICK = [kind for kind in kinds() if not kind.large or kind.accepted is False]
HEAVY = [kind for kind in kinds() if kind.large and kind.accepted is not False]


def test_there_are_many_kinds() -> None:
    names = [kind.name for kind in kinds()]
    assert len(set(names)) == len(names) >= 100


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_a_kind_is_accepted_or_rejected_with_a_reason(kind: Hostile, seed: int) -> None:
    data = kind.draw(seed)
    info, reason = verdict(data)
    if info is None:
        assert not kind.accepted, f"rejected: {reason}"
        assert reason.strip()
        assert "\n" not in reason
        assert kind.accepted is None or re.search(kind.says, reason)
        return
    assert kind.accepted is not False, "accepted"
    assert set(info.notes) <= set(images.NOTES)
    assert not kind.says or kind.says in info.notes
    assert images.decode(data, 32).shape == (32, 32, 3)
    assert images.decode_full(data).info == info


def verdict(data: bytes) -> tuple[images.ImageInfo | None, str]:
    """What the decoder says of a file, or why it refuses it."""
    try:
        return images.probe(data), ""
    except ImageError as error:
        return None, str(error)


_MEASURE = """
import json, re, sys, time
sys.path[:0] = [{tests!r}]
import hostile_pictures
from petmood import images
from petmood.dataset import open_dataset
from petmood.errors import ImageError

def status(key):
    return int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

images.decode(hostile_pictures.kinds()[3].draw(0), 32)
for kind in hostile_pictures.kinds():
    if kind.name not in {names!r}:
        continue
    data = kind.draw(0)
    open("/proc/self/clear_refs", "w").write("5")
    before = status("VmRSS")
    clock = time.process_time()
    try:
        images.decode(data, 224)
        error = None
    except ImageError as found:
        error = str(found)
    print(json.dumps([kind.name, error, status("VmHWM") - before, time.process_time() - clock]), flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as Linux counts it")
def test_the_heaviest_pictures_stay_within_the_memory_of_the_largest_plain_one() -> None:
    tests = str(Path(hostile_pictures.__file__).parent)
    code = _MEASURE.format(tests=tests, names=[kind.name for kind in HEAVY])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rows = {name: rest for name, *rest in map(json.loads, done.stdout.splitlines())}
    assert set(rows) == {kind.name for kind in HEAVY}
    for kind in HEAVY:
        error, mebibytes, seconds = rows[kind.name]
        assert error is None or kind.accepted is None, f"{kind.name}: {error}"
        assert mebibytes < 850, kind.name
        assert seconds < 60, kind.name  # of the processor: twice the deadline and more


def test_scans_are_held_against_the_size_of_the_picture() -> None:
    assert images.decode(many_scans(200, 200, 60), 16).shape == (16, 16, 3)
    with pytest.raises(ImageError, match="too much work"):
        images.decode(resized_header(many_scans(300, 300, 60), 9000, 9000), 16)


def test_a_decoder_is_ended_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.images.limits.DECODE_SECONDS", 0.0)
    for fmt in ("JPEG", "PNG", "BMP", "GIF"):
        with pytest.raises(ImageError, match="processor time"):
            images.decode(hostile_pictures.saved(hostile_pictures.picture(hostile_pictures.Random(1)), fmt), 32)


def test_memory_that_the_machine_lacks_says_nothing_about_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*ignored: object) -> None:
        raise MemoryError

    monkeypatch.setenv("PETMOOD_CACHE", str(tmp_path / "cache"))  # what is known there is not decoded again
    data = write_tree(tmp_path / "data", split_files(2))
    photo = next(data.rglob("*.jpg")).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("petmood.images.colour.to_rgb", greedy)
        with pytest.raises(ImageError, match="more memory than it needs"):  # there was enough
            images.decode(photo, 32)
        patch.setattr("petmood.images.decoding.bytearray", greedy, raising=False)
        for read in (images.probe, images.thumbnail, images.open_rgb):
            with pytest.raises(MemoryError):
                read(photo)
        with pytest.raises(MemoryError):
            open_dataset(data, families="names")
    with open_dataset(data, families="names") as opened:  # and nothing of it was kept
        assert not opened.manifest.rejected
