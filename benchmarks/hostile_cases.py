"""Draws what `robustness.py` tries: every case is a command line, what it meets, and which ends are right."""

from __future__ import annotations

import io
import json
import lzma
import os
import random
import socket
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import hostile_pictures
from bundle import test_hostile as bundles
from drawing import jpeg, photo, split_files, write_tree

Prepare = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One thing to try.

    Attributes:
        kind: group in the table.
        name: what is hostile about it.
        words: of the command, run in the case's folder; inputs are below `in`.
        prepare: makes the inputs.
        codes: exit codes that are right.
        says: what the error must name, if there is one.
        data: where the command reads a data set, whose counts are then checked.
        environment: variables to set.
        streams: what stdout and stderr are: "", "closed", "full" or an encoding.
        hook: what happens while the command works: ("kill", n), ("vanish", n), ("swap", n), ("interrupt", ms),
            ("disk", bytes that a file may have), ("files", how many may be open), ("twice", 0), ("", 0).
        limit: seconds of processor time that it may take, and a few times as many on the clock.
    """

    kind: str
    name: str
    words: tuple[str, ...]
    prepare: Prepare
    codes: tuple[int, ...] = (0, 2)
    says: str = ""
    data: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    streams: tuple[str, str] = ("", "")
    hook: tuple[str, int] = ("", 0)
    limit: float = 120.0


@dataclass(frozen=True)
class Result:
    """What a case came to: seconds, peak megabytes, and what was wrong, if anything."""

    case: Case
    seconds: float
    megabytes: float
    wrong: str = ""


def corpus() -> Iterator[Case]:
    """All cases, the same ones each time."""
    for draw in (archives, tables, exports, names, results, places, streams, caches):
        yield from draw()
    for draw in (kills, vanishing, short, twice, interrupts, folders, models, pictures, few):
        yield from draw()


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _sound(root: Path, per_class: int = 3) -> Path:
    return write_tree(root / "in" / "data", split_files(per_class, ("Angry", "happy")))


# --- pictures -----------------------------------------------------------------------------------------------------


def pictures() -> Iterator[Case]:
    """Each kind of picture, alone."""
    for kind in hostile_pictures.kinds():
        file = f"in/x{kind.suffix}"
        yield Case(
            "pictures, predict",
            kind.name,
            ("predict", file, "--json"),
            lambda root, kind=kind, file=file: _put(root / file, kind.draw(7)),
            codes=(0, 1, 2),
            says=f"x{kind.suffix}",
            limit=150,
        )


def folders() -> Iterator[Case]:
    """Pictures of many kinds in a data set."""
    kinds = [kind for kind in hostile_pictures.kinds() if not kind.large]
    for at in range(0, len(kinds), 8):
        some = kinds[at : at + 8]

        def prepare(root: Path, some: list[hostile_pictures.Hostile] = some) -> None:
            data = _sound(root)
            for i, kind in enumerate(some):
                _put(data / "train" / "happy" / f"{i}-{kind.name}{kind.suffix}", kind.draw(7))

        yield Case(
            "pictures, data sets",
            f"{some[0].name} to {some[-1].name}",
            ("export-data", "in/data", "--out", "out", "--to", "csv"),
            prepare,
            data="in/data",
        )


# --- archives -----------------------------------------------------------------------------------------------------


def _zip(draw: random.Random, method: int = zipfile.ZIP_DEFLATED, extra: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in {**split_files(2), **(extra or {})}.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    del draw
    return out.getvalue()


def _named(names: list[str]) -> Callable[[random.Random], bytes]:
    return lambda draw: _zip(draw, extra={name: jpeg(i + 900) for i, name in enumerate(names)})


def _flipped(method: int) -> Callable[[random.Random], bytes]:
    def make(draw: random.Random) -> bytes:
        data = bytearray(_zip(draw, method))
        for _ in range(12):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        return bytes(data)

    return make


def _bomb(draw: random.Random) -> bytes:
    return _zip(draw, extra={"train/happy/bomb.jpg": bytes(300 * 2**20)})


def _linked(draw: random.Random) -> bytes:
    out = io.BytesIO(_zip(draw))
    with zipfile.ZipFile(out, "a") as archive:
        entry = zipfile.ZipInfo("train/happy/link.jpg")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return out.getvalue()


def _many(draw: random.Random) -> bytes:
    out = io.BytesIO(_zip(draw))
    with zipfile.ZipFile(out, "a") as archive:
        for i in range(20_000):
            archive.writestr(f"train/happy/{i}.txt", b"")
    return out.getvalue()


def _encrypted(draw: random.Random) -> bytes:
    data = bytearray(_zip(draw))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(mark)
        data[start + at] |= 1
    return bytes(data)


def _claims(draw: random.Random) -> bytes:
    data = bytearray(_zip(draw))
    start = data.find(b"PK\x01\x02")
    data[start + 20 : start + 28] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    return bytes(data)


def _cut(share: float) -> Callable[[random.Random], bytes]:
    return lambda draw: (data := _zip(draw))[: int(len(data) * share)]


ZIPS: dict[str, Callable[[random.Random], bytes]] = {
    "names that climb": _named(["../../evil.jpg", "/etc/evil.jpg", "train/../../evil.jpg", "C:\\evil.jpg"]),
    "names of nothing": _named(["train/happy/", "train//happy//x.jpg", "train/happy/.jpg", "./././x.jpg"]),
    "names with controls": _named(["train/happy/a\nb.jpg", "train/happy/\x1b[31m.jpg", "train/happy/\u202eg.jpg"]),
    "names for Windows": _named(["train/happy/con.jpg", "train/happy/a:b.jpg", "train/happy/x .jpg"]),
    "a name of 60,000 letters": _named(["train/happy/" + "n" * 60_000 + ".jpg"]),
    "a name 2,000 deep": _named(["d/" * 2000 + "x.jpg"]),
    "the same name twice": lambda draw: _twice(),
    "a bomb": _bomb,
    "a zip in a zip": lambda draw: _zip(draw, extra={"train/happy/in.zip": _zip(draw)}),
    "links": _linked,
    "20,000 entries": _many,
    "encrypted": _encrypted,
    "sizes that are not so": _claims,
    "nothing": lambda draw: b"",
    "zeros": lambda draw: bytes(4096),
    "an end alone": lambda draw: b"PK\x05\x06" + bytes(18),
    "an end that points far": lambda draw: b"PK\x05\x06" + b"\xff" * 18,
    "junk before": lambda draw: b"junk" * 999 + _zip(draw),
    "junk behind": lambda draw: _zip(draw) + b"junk" * 999,
    "cut by a tenth": _cut(0.9),
    "cut by half": _cut(0.5),
    "LZMA alone": lambda draw: lzma.compress(_zip(draw)),
    **{
        f"bytes flipped, method {method}, {i}": _flipped(method)
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        for i in range(6)
    },
}


def _twice() -> bytes:
    import warnings

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in [*split_files(2).items()] * 2:
            archive.writestr(name, data)
    return out.getvalue()


def archives() -> Iterator[Case]:
    """Zips."""
    for name, make in ZIPS.items():
        yield Case(
            "archives",
            name,
            ("export-data", "in/d.zip", "--out", "out"),
            lambda root, make=make, name=name: _put(root / "in" / "d.zip", make(random.Random(name))),
            data="in/d.zip",
        )


# --- tables and annotation exports --------------------------------------------------------------------------------

_HEAD = "path,label,species,cluster,name,family,group\n"
_ROW = "train/happy/0.jpg,happy,cat,0,a,f,g\n"
TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "blank lines": b"\n\n\n",
    "a head alone": _HEAD.encode(),
    "NUL": (_HEAD + _ROW).encode() + b"\0\0\0",
    "UTF-16": (_HEAD + _ROW).encode("utf-16"),
    "no Unicode": _HEAD.encode() + b"train/happy/0.jpg,h\xff\xe9ppy\n",
    "a quote without end": _HEAD.encode() + b'"train/happy/0.jpg,happy\n' * 50,
    "a line of 5 MB": _HEAD.encode() + b"x" * 5_000_000 + b",happy\n",
    "200,000 columns": b"path,label" + b",c" * 200_000 + b"\n",
    "the same head twice": b"path,path,label,label\na,b,c,d\n",
    "paths that climb": (_HEAD + "../../x.jpg,happy,cat,0,a,f,g\n/etc/passwd,happy,cat,0,a,f,g\n").encode(),
    "labels that climb": (_HEAD + "train/happy/0.jpg,../../x,cat,0,a,f,g\n").encode(),
    "labels that are paths": (_HEAD + "train/happy/0.jpg,/tmp/evil,cat,0,a,f,g\n").encode(),
    "formulas": (_HEAD + "train/happy/0.jpg,=cmd|' /C calc'!A0,cat,0,a,f,g\n").encode(),
    "escapes": (_HEAD + "train/happy/0.jpg,\x1b]0;x\x07,cat,0,a,f,g\n").encode(),
    "markup": (_HEAD + "train/happy/0.jpg,[red]<script>alert(1)</script>,cat,0,a,f,g\n").encode(),
    "the same row with two labels": (_HEAD + _ROW + _ROW.replace("happy,cat", "Angry,cat")).encode(),
    "a binary file": bytes(range(256)) * 40,
    "JSON": b'{"a": NaN}',
    "deep JSON": b"[" * 100_000,
    "one column": b"path\nx\n",
    "semicolons": (_HEAD + _ROW).replace(",", ";").encode(),
    "rows of any length": _HEAD.encode() + b"a\nb,c,d,e,f,g,h,i,j,k\n,,,\n",
    "a Parquet file cut short": b"PAR1" + bytes(40),
}


def _table_uses() -> dict[str, tuple[str, ...]]:
    return {
        "--labels": ("export-data", "in/data", "--labels", "in/t.csv", "--out", "out"),
        "--table": ("export-data", "in/data", "--table", "in/t.csv", "--out", "out"),
        "--groups": ("audit", "in/data", "--groups", "in/t.csv", "--families", "names"),
        "--predictions": ("evaluate", "in/data", "--predictions", "in/t.csv"),
        "grade": ("grade", "in/t.csv", "--data", "in/data", "--train-list", "in/t.csv"),
    }


def tables() -> Iterator[Case]:
    """Tables, in every place where one can be given."""
    for use, words in _table_uses().items():
        for name, text in TEXTS.items():

            def prepare(root: Path, text: bytes = text) -> None:
                _sound(root)
                _put(root / "in" / "t.csv", text)

            yield Case("tables", f"{use}: {name}", words, prepare)
    for suffix in ("jsonl", "tsv", "parquet", "json"):
        for name in ("nothing", "JSON", "deep JSON", "a binary file", "a Parquet file cut short", "no Unicode"):

            def other(root: Path, text: bytes = TEXTS[name], suffix: str = suffix) -> None:
                _sound(root)
                _put(root / "in" / f"t.{suffix}", text)

            words = ("export-data", "in/data", "--table", f"in/t.{suffix}", "--out", "out")
            yield Case("tables", f"{suffix}: {name}", words, other)


_LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12))
    + b"]><annotation><filename>&m;</filename></annotation>"
)
EXPORTS: dict[str, tuple[str, bytes]] = {
    **{f"COCO: {name}": ("_annotations.coco.json", text) for name, text in TEXTS.items() if len(text) < 10**6},
    "COCO: ids that are no numbers": (
        "_annotations.coco.json",
        json.dumps({"images": [{"id": [], "file_name": {}}], "annotations": [{"bbox": "x"}], "categories": 3}).encode(),
    ),
    "COCO: boxes without end": (
        "_annotations.coco.json",
        (b'{"images":[{"id":1,"file_name":"train/happy/0.jpg"}],"categories":[{"id":1,"name":"a"}],'
        b'"annotations":[{"image_id":1,"category_id":1,"bbox":[-1e308,NaN,Infinity,1e999]}]}'),
    ),
    "YAML of Python": ("data.yaml", b"names: !!python/object/apply:os.system ['touch evil']\n"),
    "YAML that grows": ("data.yaml", b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)) + b"names: *j\n"),
    "YAML of nothing": ("data.yaml", b"\0"),
    "VOC that grows": ("train/happy/0.xml", _LAUGHS),
    "VOC of another file": (
        "train/happy/0.xml",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>',
    ),
    "VOC cut short": ("train/happy/0.xml", b"<annotation><object><name>happy"),
    "CVAT of nothing": ("annotations.xml", b"<annotations/>"),
    "metadata of nothing": ("metadata.csv", b""),
    "metadata of paths that climb": ("metadata.csv", b"file_name,label\n../../../etc/passwd,a\n"),
}  # fmt: skip


def exports() -> Iterator[Case]:
    """Annotation exports."""
    for name, (file, text) in EXPORTS.items():

        def prepare(root: Path, file: str = file, text: bytes = text) -> None:
            _put(_sound(root) / file, text)

        yield Case("annotations", name, ("export-data", "in/data", "--out", "out"), prepare, data="in/data")


# --- names --------------------------------------------------------------------------------------------------------

NAMES: dict[str, bytes] = {
    "a line end": b"a\nb",
    "an escape": b"\x1b[2J",
    "a carriage return": b"a\rb",
    "markup": b"[red]<b>&amp;",
    "a formula": b"=1+1",
    "a dash": b"--help",
    "no Unicode": b"\xff\xfe\xe9",
    "255 bytes": b"n" * 250,
    "right to left": "\u202e\u05d0b".encode(),
    "nothing to see": "\u200b\u2060".encode(),
    "two forms of one": "e\u0301".encode(),
    "an emoji": "\U0001f436\u200d".encode(),
    "dots": b"...",
    "spaces": b"  a  ",
    "a quote": b"'\"`$(touch evil)",
    "a device": b"con",
    "a backslash": b"..\\..\\x",
    "percent": b"%2e%2e%2f",
    "braces": b"{0}{split}",
    "a glob": b"*?[a]",
}


def names() -> Iterator[Case]:
    """Names of classes and files."""
    for name, text in NAMES.items():

        def prepare(root: Path, text: bytes = text) -> None:
            data = _sound(root)
            made = data / "train" / os.fsdecode(text)
            made.mkdir()
            for i in range(2):
                (made / os.fsdecode(text[:200] + b"%d.jpg" % i)).write_bytes(jpeg(i + 500))

        for words in (("export-data", "in/data", "--out", "out"), ("audit", "in/data", "--families", "names")):
            yield Case("names", f"{words[0]}: {name}", words, prepare, data="in/data")

    def deep(root: Path) -> None:
        here = os.open(_sound(root), os.O_RDONLY)
        for _ in range(1200):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)

    for words in (("export-data", "in/data", "--out", "out"), ("audit", "in/data"), ("predict", "in/data")):
        yield Case("names", f"{words[0]}: 1,200 deep", words, deep, codes=(0, 1, 2))


# --- models and results of strangers ------------------------------------------------------------------------------


def models() -> Iterator[Case]:
    """Bundles of strangers."""
    made: dict[str, Prepare] = {}
    for name, facts in bundles.DESCRIPTIONS.items():
        made[f"description: {name}"] = lambda to, facts=facts: bundles.write(to, *facts())
    for name, graph in bundles.GRAPHS.items():
        made[f"graph: {name}"] = lambda to, graph=graph: bundles.write(to, bundles.GOOD, graph())
    for name, text in bundles.TEXTS.items():
        made[f"model.json: {name}"] = lambda to, text=text: bundles.write(to, bundles.GOOD, bundles.graph(), text=text)
    for name, (kept, facts) in bundles.NEIGHBOURS.items():
        made[f"neighbours: {name}"] = lambda to, kept=kept, facts=facts: bundles.write(
            to, bundles.GOOD | ({"neighbours": facts} if facts else {}), bundles.graph(), kept
        )
    for name, make in made.items():

        def prepare(root: Path, make: Prepare = make) -> None:
            _put(root / "in" / "x.jpg", jpeg(1))
            make(root / "in" / "m")

        yield Case("bundles", name, ("predict", "in/m", "in/x.jpg"), prepare, codes=(2,))
    for command in ("serve", "export", "evaluate", "compare"):
        for name in ("description: schema=2", "graph: loop", "model.json: deep", "neighbours: cut short"):
            make = made.get(name) or next(iter(made.values()))

            def again(root: Path, make: Prepare = make) -> None:
                _sound(root)
                make(root / "in" / "m")

            words = {
                "serve": ("serve", "in/m", "--port", "0", "--no-open"),
                "export": ("export", "in/m", "--out", "out", "--format", "web"),
                "evaluate": ("evaluate", "in/m", "in/data"),
                "compare": ("compare", "in/m", "in/m"),
            }[command]
            yield Case("bundles", f"{command}: {name}", words, again, codes=(2,) if command == "serve" else (0, 2))


def results() -> Iterator[Case]:
    """Run folders of strangers."""
    texts = {name: text for name, text in {**TEXTS, **bundles.TEXTS}.items() if len(text) < 10**7}
    for command in ("compare", "review", "runs"):
        for name, text in texts.items():

            def prepare(root: Path, text: bytes = text) -> None:
                _put(root / "in" / "run" / "results.json", text)
                _put(root / "in" / "run" / "manifest.parquet", text[:1000])
                _put(root / "in" / "run" / "source.json", text)

            words = {
                "compare": ("compare", "in/run", "in/run"),
                "review": ("review", "in/run", "--json"),
                "runs": ("runs", "list", "in"),
            }[command]
            yield Case("results", f"{command}: {name}", words, prepare)


# --- places that are no files -------------------------------------------------------------------------------------


def _socket(path: Path) -> None:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as made:
        # the address of a socket is short
        here = Path.cwd()
        os.chdir(path.parent)
        made.bind(path.name)
        os.chdir(here)


PLACES: dict[str, tuple[str, Prepare]] = {
    "''": ("", lambda to: None),
    "not there": ("in/nowhere", lambda to: None),
    "a FIFO": ("in/fifo", lambda to: os.mkfifo(to)),
    "a link to itself": ("in/loop", lambda to: to.symlink_to(to.name)),
    "a link to nothing": ("in/dangling", lambda to: to.symlink_to("nowhere")),
    "a socket": ("in/socket", _socket),
    "/dev/null": ("/dev/null", lambda to: None),
    "/dev/full": ("/dev/full", lambda to: None),
    "/dev/zero": ("/dev/zero", lambda to: None),
    "a folder of nothing": ("in/empty", lambda to: to.mkdir()),
    "a file of nothing": ("in/nothing.zip", lambda to: to.write_bytes(b"")),
    "a name of 300 letters": ("in/" + "n" * 300, lambda to: None),
    "a path of 5,000 letters": ("in/" + "n/" * 2500, lambda to: None),
    "a name of two lines": ("in/a\nb", lambda to: None),
    "a name that is not Unicode": ("in/\udcff", lambda to: None),
    "a folder that links to itself": ("in/round", lambda to: (to.mkdir(), (to / "again").symlink_to(to.name))),
    "a folder of FIFOs": ("in/pipes", lambda to: (to.mkdir(), os.mkfifo(to / "a.jpg"))),
}
_X = "{}"
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run", _X, "--out", "out"),
    "train": ("train", _X, "--out", "out"),
    "predict": ("predict", _X),
    "predict model": ("predict", _X, "in/x.jpg"),
    "evaluate": ("evaluate", "pets", _X),
    "evaluate model": ("evaluate", _X, "in/data"),
    "audit": ("audit", _X),
    "labels": ("labels", _X),
    "cluster": ("cluster", _X, "--out", "out"),
    "embed": ("embed", _X, "--out", "out"),
    "export-data": ("export-data", _X, "--out", "out"),
    "export": ("export", _X, "--out", "out", "--format", "web"),
    "quantise": ("quantise", _X, "--out", "out.onnx"),
    "species": ("species", _X),
    "leakage": ("leakage", _X),
    "serve": ("serve", _X, "--port", "0", "--no-open"),
    "review": ("review", _X, "--json"),
    "name-clusters": ("name-clusters", "in/data", _X),
    "regrade": ("regrade", _X),
    "study": ("study", _X, "--out", "out"),
    "leaderboard": ("leaderboard", _X),
    "tune": ("tune", _X, "--out", "out"),
    "pretrain": ("pretrain", _X, "--for", "in/data", "--out", "out"),
    "compare": ("compare", _X, _X),
    "runs": ("runs", "list", _X),
    "--labels": ("export-data", "in/data", "--labels", _X, "--out", "out"),
    "--groups": ("audit", "in/data", "--families", "names", "--groups", _X),
    "--table": ("export-data", "in/data", "--table", _X, "--out", "out"),
    "--species": ("species", "in/data", "--species", _X),
    "grade": ("grade", _X, "--data", "in/data", "--train-list", _X),
    "--out": ("export-data", "in/data", "--out", _X),
    "--quality": ("audit", "in/data", "--families", "names", "--quality", _X),
}
_FINE = {("--out", "not there"), ("--out", "a folder of nothing"), ("--out", "a name of two lines")}


def places() -> Iterator[Case]:
    """What is no file, in every place where one can be named."""
    for command, words in COMMANDS.items():
        for name, (path, make) in PLACES.items():

            def prepare(root: Path, make: Prepare = make, path: str = path) -> None:
                _sound(root, 2)
                _put(root / "in" / "x.jpg", jpeg(1))
                make(root / path)

            filled = tuple(path if word == _X else word for word in words)
            codes = (0, 1, 2) if command in ("predict", "predict model") else (0, 2)
            yield Case("places", f"{command}: {name}", filled, prepare, codes=codes, limit=60)


# --- streams, caches, kills ---------------------------------------------------------------------------------------

_SHOWN: dict[str, tuple[str, ...]] = {
    "--help": ("--help",),
    "--version": ("--version",),
    "models": ("models",),
    "cache": ("cache", "list"),
    "predict": ("predict", "in/x.jpg"),
    "predict --json": ("predict", "in/x.jpg", "--json"),
    "audit": ("audit", "in/data", "--families", "names"),
    "export-data": ("export-data", "in/data", "--out", "out"),
    "an error": ("audit", "in/nowh\u00e9re-\U0001f436"),
}


def streams() -> Iterator[Case]:
    """Streams that cannot take what is printed."""

    def prepare(root: Path) -> None:
        _sound(root, 2)
        _put(root / "in" / "x.jpg", jpeg(1))

    for command, words in _SHOWN.items():
        kinds = (("full", ""), ("", "full"), ("full", "full"), ("closed", ""), ("", "closed"), ("closed", "closed"))
        for kind in (*kinds, ("ascii", "ascii"), ("cp1252", "latin-1"), ("koi8-r", "utf-8")):
            shown = f"{command}: stdout {kind[0] or 'sound'}, stderr {kind[1] or 'sound'}"
            yield Case("streams", shown, words, prepare, streams=kind)


def _database(change: Callable[[bytearray], bytes]) -> Prepare:
    def prepare(root: Path) -> None:
        _sound(root, 2)
        _put(root / "in" / "x.jpg", jpeg(1))
        from petmood.cache import ContentCache

        (root / "cache").mkdir()
        with suppress(OSError):
            cache = ContentCache(root / "cache")
            for i in range(50):
                cache.put("tried", f"{i:064x}", bytes(1000))
        for file in (root / "cache").glob("*.sqlite"):
            file.write_bytes(change(bytearray(file.read_bytes())))

    return prepare


def _flip(data: bytearray) -> bytes:
    draw = random.Random(3)
    for _ in range(400):
        data[draw.randrange(100, len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


def _place(make: Prepare) -> Prepare:
    def prepare(root: Path) -> None:
        _sound(root, 2)
        _put(root / "in" / "x.jpg", jpeg(1))
        make(root / "cache")

    return prepare


CACHES: dict[str, Prepare] = {
    "cut by half": _database(lambda data: bytes(data[: len(data) // 2])),
    "cut to its head": _database(lambda data: bytes(data[:100])),
    "bytes flipped": _database(_flip),
    "zeros": _database(lambda data: bytes(len(data))),
    "nothing": _database(lambda data: b""),
    "a text": _database(lambda data: b"this is not a database\n" * 99),
    "another schema": _database(lambda data: bytes(data).replace(b"namespace", b"nomespace")),
    "a page of zeros": _database(lambda data: bytes(data[:4096]) + bytes(4096) + bytes(data[8192:])),
    "a folder at its name": _place(lambda to: (to / "content-v1.sqlite").mkdir(parents=True)),
    "a FIFO at its name": _place(lambda to: (to.mkdir(), os.mkfifo(to / "content-v1.sqlite"))),
    "a file at its folder": _place(lambda to: to.write_bytes(b"")),
    "/dev/full at its name": _place(lambda to: (to.mkdir(), (to / "content-v1.sqlite").symlink_to("/dev/full"))),
    "a link to itself": _place(lambda to: to.symlink_to(to.name)),
    "a link to nothing": _place(lambda to: to.symlink_to("nowhere/at/all")),
}


_OWN_CACHE = {"PETMOOD_CACHE": "cache"}


def caches() -> Iterator[Case]:
    """Caches that are damaged, or no place for one."""
    for name, prepare in CACHES.items():
        for words in (
            ("predict", "in/x.jpg"),
            ("export-data", "in/data", "--out", "out"),
            ("cache", "list"),
            ("cache", "prune", "--all"),
        ):
            codes = (0, 2) if words[0] == "cache" else (0,)
            shown = f"{' '.join(words[:2]) if words[0] == 'cache' else words[0]}: {name}"
            yield Case("caches", shown, words, prepare, codes=codes, environment=_OWN_CACHE)


def kills() -> Iterator[Case]:
    """Kills before the n-th change to the disk; the same command then has to work."""

    def prepare(root: Path) -> None:
        _sound(root, 2)

    for words, steps in (
        (("export-data", "in/data", "--out", "out"), range(1, 60, 4)),
        (("export-data", "in/data", "--out", "out", "--to", "csv"), range(1, 24, 2)),
        (("audit", "in/data", "--families", "names", "--quality", "out/q.csv"), range(1, 16)),
        (("export", "pets", "--out", "out", "--format", "web"), range(1, 60, 6)),
        (("embed", "in/data", "--out", "out"), range(1, 40, 4)),
        (("predict", "pets", "in/data", "--explain", "out"), range(1, 40, 5)),
    ):
        for n in steps:
            shown = f"{words[0]} {words[-1] if '--to' in words else ''}: before change {n}".replace(" :", ":")
            yield Case("kills", shown, words, prepare, codes=(0,), hook=("kill", n), limit=180)


def vanishing() -> Iterator[Case]:
    """Data that vanish or change while they are read."""

    def prepare(root: Path) -> None:
        _sound(root, 4)

    for hook in ("vanish", "swap"):
        for n in (1, 3, 8, 20, 30, 50):
            for words in (
                ("export-data", "in/data", "--out", "out"),
                ("audit", "in/data", "--families", "names"),
                ("embed", "in/data", "--out", "out"),
                ("predict", "in/data"),
            ):
                yield Case("data that change", f"{words[0]}: {hook} at {n}", words, prepare, (0, 1, 2), hook=(hook, n))


WRITING: tuple[tuple[str, ...], ...] = (
    ("export-data", "in/data", "--out", "out"),
    ("audit", "in/data", "--families", "names", "--quality", "out/q.csv"),
    ("export", "pets", "--out", "out", "--format", "web"),
    ("embed", "in/data", "--out", "out"),
    ("cluster", "in/data", "--out", "out"),
    ("train", "in/data", "--out", "out", "--model", "head"),
    ("evaluate", "pets", "in/data", "--out", "out"),
    ("predict", "pets", "in/data", "--explain", "out"),
    ("demo-data", "out"),
)


def short() -> Iterator[Case]:
    """A disk that is full before a file of n bytes is written, and a system that lets no more files be open."""

    def prepare(root: Path) -> None:
        _sound(root, 4)

    for words in WRITING:
        for n in (300, 70_000):
            shown = f"{words[0]}: full at {n:,} bytes"
            yield Case("full disks", shown, words, prepare, environment=_OWN_CACHE, hook=("disk", n), limit=180)
        for n in (16,):
            shown = f"{words[0]}: {n} open files"
            yield Case("full disks", shown, words, prepare, environment=_OWN_CACHE, hook=("files", n), limit=180)


def twice() -> Iterator[Case]:
    """The same command twice at once: one of them writes, the other too or is told why not."""

    def prepare(root: Path) -> None:
        _sound(root, 4)

    for words in WRITING:
        yield Case("two at once", words[0], words, prepare, hook=("twice", 0), limit=180)


def interrupts() -> Iterator[Case]:
    """Ctrl-C, from the start on."""
    for ms in (0, 5, 15, *range(20, 200, 15), *range(200, 1000, 50), *range(1000, 3001, 250)):
        yield Case(
            "Ctrl-C",
            f"after {ms} ms",
            ("audit", "in/data"),
            lambda root: _sound(root, 4),
            codes=(0, 130),
            hook=("interrupt", ms),
        )


def few() -> Iterator[Case]:
    """Too few photos, or one class of too few."""
    for counts in ((1, 1), (2, 1, 1, 1), (3, 3), (3, 3, 3, 3), (10, 10, 10, 10), (20, 20, 2)):

        def prepare(root: Path, counts: tuple[int, ...] = counts) -> None:
            for c, (mood, n) in enumerate(zip(("Angry", "happy", "Other", "Sad"), counts, strict=False)):
                for i in range(n):
                    out = io.BytesIO()
                    photo(1000 * c + i, (64, 64)).save(out, "JPEG")
                    _put(root / "in" / "data" / mood / f"{i}.jpg", out.getvalue())

        commands: list[tuple[str, ...]] = [
            ("run", "in/data", "--out", "out", "--no-cnn"),
            ("train", "in/data", "--out", "out", "--model", "head"),
        ]
        if sum(counts) < 10:
            commands += [("labels", "in/data"), ("evaluate", "pets", "in/data"), ("species", "in/data")]
        for words in commands:
            shown = f"{words[0]} on {' + '.join(map(str, counts))}"
            yield Case("few photos", shown, words, prepare, limit=400)
