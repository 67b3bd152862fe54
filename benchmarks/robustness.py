"""Everything hostile that is known, against every command that can meet it -> docs/robustness.md.

python benchmarks/robustness.py [--only KIND] [--load SECONDS] [--workers N] [--keep] [--no-page]

Each case runs in a process of its own, forked from one that has imported what commands import, so that hundreds take
minutes. Checked is: no traceback; an exit code that is right; an error is one line and names what it is about; accepted
+ rejected + ignored = found; no input changed; nothing half written stays; the time, and the peak memory.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "src"), str(REPOSITORY / "tests"), str(REPOSITORY / "benchmarks")]

from hostile_cases import Case, Result, corpus  # noqa: E402
from hostile_server import served  # noqa: E402

import killing  # noqa: E402

BUILD = REPOSITORY / "build" / "robustness"
ROWS = REPOSITORY / "build" / "robustness.json"
PAGE = REPOSITORY / "docs" / "robustness.md"
_NOT_NOW = tuple(f"petmood.{part}" for part in ("__main__", "training", "build", "methods", "study", "web", "page"))
_HEAD = ("| kind | cases | failed | longest | most memory |", "|---|---:|---:|---|---|")
_PATIENCE = 4
"""A case may take so many times its seconds of processor time on the clock, where the machine is busy."""

MEMORY = 2500
"""Megabytes that no case may take."""


def main() -> int:
    """Run; 0 if nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="kinds that begin so, apart by commas")
    parser.add_argument("--load", type=float, default=60, help="seconds of mixed load on the server")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--keep", action="store_true", help="keep the folders of what failed")
    parser.add_argument("--no-page", action="store_true", help="do not write docs/robustness.md")
    given = parser.parse_args()
    begun = time.monotonic()
    _remove(BUILD)
    BUILD.mkdir(parents=True)
    (BUILD / ".gitignore").write_text("*\n")
    os.environ |= {"PETMOOD_CACHE": str(BUILD / "cache"), "COLUMNS": "100", "PYTHONUTF8": "1"}
    os.environ["PYTHONPATH"] = str(REPOSITORY / "src")
    only = tuple(given.only.split(","))
    cases = [case for case in corpus() if case.kind.startswith(only)]
    warm_up()
    results = [*tried(cases, given.workers, given.keep)]
    if "servers".startswith(only):
        results += served(BUILD, given.load)
    seconds, usage = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    table = as_table(results)
    print(f"\n{table}\n")
    failed = [result for result in results if result.wrong]
    for result in failed:
        print(f"FAILED {result.case.kind}: {result.case.name}: {result.wrong}")
    if not given.no_page:
        write_page(results)
    busy = (usage.ru_utime + usage.ru_stime) / 60
    print(f"{seconds / 60:.1f} minutes, {busy:.1f} of processor time")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def warm_up() -> None:
    """Import here what each child would import, but nothing that starts threads or takes long."""
    import petmood

    names = ["cv2", "numpy", "onnxruntime", "PIL.Image", "scipy.stats", "sklearn.linear_model"]
    names += [found.name for found in pkgutil.walk_packages(petmood.__path__, "petmood.", onerror=print)]
    for name in names:
        if not name.startswith(_NOT_NOW):
            importlib.import_module(name)


# --- one case -----------------------------------------------------------------------------------------------------


def tried(cases: list[Case], workers: int, keep: bool) -> Iterator[Result]:
    """The results of all cases, as they end."""
    waiting = list(enumerate(cases))[::-1]
    running: dict[int, tuple[Case, Path, dict[str, str], float]] = {}
    done = 0
    while waiting or running:
        while waiting and len(running) < workers:
            at, case = waiting.pop()
            root = BUILD / f"{at:04d}"
            root.mkdir()
            (root / "in").mkdir()
            case.prepare(root)
            before = inputs(root)
            child = os.fork()
            if child == 0:
                _child(case, root)
            running[child] = (case, root, before, time.monotonic())
        child, status, usage = os.wait4(-1, os.WNOHANG)
        if child not in running:
            for pid, (case, _, _, start) in running.items():
                if time.monotonic() - start > _PATIENCE * case.limit or _resident(pid) > 2 * MEMORY:
                    os.killpg(pid, signal.SIGKILL)
            time.sleep(0.02)
            continue
        case, root, before, start = running.pop(child)
        seconds = time.monotonic() - start
        work = max(usage.ru_utime + usage.ru_stime, seconds / _PATIENCE)
        wrong = judged(case, root, before, os.waitstatus_to_exitcode(status), work, usage.ru_maxrss / 1024)
        if not (wrong and keep):
            _remove(root)
        done += 1
        if wrong or done % 50 == 0:
            print(f"[{done}/{len(cases)}] {case.kind}: {case.name}: {wrong[:400] or 'passed'}", flush=True)
        yield Result(case, seconds, usage.ru_maxrss / 1024, wrong)


def _resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return 0.0


def inputs(root: Path) -> dict[str, str]:
    """Every input with a digest; of what is no file, its kind."""
    if len(list((root / "in").glob("data/d"))):  # too deep for paths
        return {}
    return killing.picture_of(root / "in")


def judged(case: Case, root: Path, before: dict[str, str], code: int, seconds: float, megabytes: float) -> str:
    """What is wrong with how a case ended; nothing, if nothing is."""
    out, err = ((root / name).read_text("utf-8", "replace") if (root / name).exists() else "" for name in "12")
    if seconds > case.limit:
        return f"took more than {case.limit:g} s"
    if case.hook[0] == "interrupt" and _before_petmood(err):
        return ""
    if case.hook[0] == "interrupt" and code == 130 and err.strip() and err.count("petmood: interrupted") != 1:
        return "not one line: " + err.strip()[-400:]
    if "Traceback" in err + out or "Exception ignored" in err:
        return "a traceback: " + " | ".join(err.strip().splitlines()[-3:])[-500:]
    if code not in case.codes:
        return f"exit code {code}: {err.strip()[-400:]}"
    if megabytes > MEMORY:
        return f"took {megabytes:.0f} MB"
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    if case.streams == ("", "") and code == 2 and len(told) != 1 and "Usage: " not in err:
        return f"{len(told)} lines of error: {err[-300:]}"
    if told and len(told[0]) > 6500:
        return f"an error of {len(told[0])} letters"
    if code and case.says and case.says not in err:
        return f"does not name {case.says}: {err[-300:]}"
    if re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", out + err)):
        return "control characters reach the terminal"
    after = inputs(root)
    if case.words[-1].startswith("in/") and case.name.startswith(("--out", "--quality")):
        after = {path: digest for path, digest in after.items() if path in before}  # what is written stands beside
    if case.hook[0] not in ("vanish", "swap") and after != before:
        return "an input changed"
    if (root / "evil").exists() or (root.parent / "evil.jpg").exists():
        return "something was written or run that should not"
    if (root / "wrong").exists():
        return (root / "wrong").read_text()
    if left := [p.name for p in root.glob("out*/**/*") if re.search(r"\.part$|\.old$|petmood-new-", p.name)]:
        return f"left behind: {left[:3]}"
    return ""


def _before_petmood(err: str) -> bool:
    """Whether Ctrl-C came while Python itself started, in the first hundredths of a second."""
    files = re.findall(r'File "([^"]+)"', err)
    own = os.sep + "petmood" + os.sep
    return "KeyboardInterrupt" in err and all(
        own not in file or file.endswith(f"src{own}__init__.py") for file in files
    )


def _remove(root: Path) -> None:
    # `rm` goes as deep as it must
    subprocess.run(["rm", "-rf", str(root)], check=False)


def _child(case: Case, root: Path) -> None:
    """Be the command; never returns."""
    code: Any = 99
    try:
        os.setsid()
        os.chdir(root)
        os.environ |= case.environment
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        name, n = case.hook
        if name == "interrupt":
            code = _interrupted(case, root, n)
        else:
            if name == "kill":
                _killed(case, root, n)
            if name == "twice":
                _also(case, root)
            _attach(case, root)
            if name in ("disk", "files"):
                which = resource.RLIMIT_FSIZE if name == "disk" else resource.RLIMIT_NOFILE
                resource.setrlimit(which, (n, resource.getrlimit(which)[1]))
            if name in ("vanish", "swap"):
                _while_reading(root / "in", name, n)
            code = _run(case.words)
            if name == "twice":
                _compare(code, root)
            if code == 0 and case.data:
                _count(case.data)
    except BaseException:  # noqa: BLE001 - whatever it is, the case says so
        with Path(root / "2").open("a") as told:
            traceback.print_exc(file=told)
    finally:
        if case.hook[0] == "disk":  # what passes the streams on ends with them
            os.closerange(0, 3)
            with suppress(ChildProcessError):
                while True:
                    os.wait()
        os._exit(code if 0 <= code < 128 or code == 130 else 98)


def _attach(case: Case, root: Path) -> None:
    for number, (name, kind) in enumerate(zip(("stdout", "stderr"), case.streams, strict=True), 1):
        if kind == "closed":
            os.close(number)
            setattr(sys, name, None)
            continue
        path = "/dev/full" if kind == "full" else str(root / str(number))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if case.hook[0] == "disk":
            handle = _passed_on(handle)
        os.dup2(handle, number)
        os.close(handle)
        encoding = kind if kind not in ("", "full") else "utf-8"
        setattr(sys, name, open(number, "w", encoding=encoding, errors="strict", buffering=1, closefd=False))  # noqa: SIM115


def _passed_on(handle: int) -> int:
    """A pipe whose bytes another process writes, one for which the disk is not full."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        while part := os.read(reading, 65536):
            os.write(handle, part)
        os._exit(0)
    os.close(reading)
    return writing


def _run(words: tuple[str, ...]) -> int:
    from petmood.cli.main import run

    sys.argv = ["petmood", *words]
    code: object = 0
    try:
        run()
    except SystemExit as stop:
        code = stop.code
    for stream in (sys.stdout, sys.stderr):  # as Python does at its end
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                return 120
    return code if isinstance(code, int) else 0 if code is None else 1


def _killed(case: Case, root: Path, n: int) -> None:
    child = os.fork()
    if child == 0:
        _attach(case, root)
        killing.stop_before(n, root)
        os._exit(_run(case.words))
    os.waitpid(child, 0)


def _also(case: Case, root: Path) -> None:
    """Be two from here on: the second one's streams and exit code go to a folder of its own."""
    (root / "second").mkdir()
    if os.fork() == 0:
        _attach(case, root / "second")
        code = _run(case.words)
        (root / "second" / "code").write_text(str(code))
        os._exit(0)


def _compare(code: int, root: Path) -> None:
    os.wait()
    codes = {code, int((root / "second" / "code").read_text())}
    told = (root / "2").read_text() + (root / "second" / "2").read_text()
    if 0 not in codes or (len(codes) > 1 and "another petmood command is writing to" not in told):
        Path("wrong").write_text(f"two at once ended with {sorted(codes)}: {told[-600:]}")


def _while_reading(data: Path, what: str, n: int) -> None:
    inside, count = os.fspath(data), 0

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            path = Path(os.fsdecode(arguments[0])).absolute()
            if os.fspath(path).startswith(inside) and path.is_file():
                count += 1
                if count == n and what == "vanish":
                    path.unlink()
                elif count == n:
                    next(p for p in sorted(data.rglob("*.jpg")) if p != path).replace(path)

    sys.addaudithook(look)


def _count(data: str) -> None:
    from petmood.dataset import open_dataset

    manifest = open_dataset(Path(data), families="names", labelled=False, splits=False).manifest
    if len(manifest.records) + len(manifest.rejected) + len(manifest.ignored) != manifest.found:
        Path("wrong").write_text("accepted + rejected + ignored is not what was found")


def _interrupted(case: Case, root: Path, ms: int) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else a run in the background passes "ignored" on
    with (root / "1").open("wb") as out, (root / "2").open("wb") as err:
        process = subprocess.Popen([sys.executable, "-m", "petmood", *case.words], stdout=out, stderr=err)
        time.sleep(ms / 1000)
        process.send_signal(signal.SIGINT)
        ended = process.wait(60)
    return 130 if ended == -signal.SIGINT else ended


# --- the page -----------------------------------------------------------------------------------------------------


def as_table(results: list[Result]) -> str:
    """A row a kind: cases, failures, and the worst of time and memory."""
    return "\n".join([*_HEAD, *(row for row, _, _ in rows_of(results).values())])


def rows_of(results: list[Result]) -> dict[str, tuple[str, int, int]]:
    """Kind -> its row, its number of cases, and how many of them failed."""
    rows = {}
    for kind in dict.fromkeys(result.case.kind for result in results):
        some = [result for result in results if result.case.kind == kind]
        slow = max(some, key=lambda result: result.seconds)
        big = max(some, key=lambda result: result.megabytes)
        failed = sum(bool(result.wrong) for result in some)
        row = (
            f"| {kind} | {len(some)} | {failed} | {slow.seconds:.1f} s ({_shown(slow)}) "
            f"| {big.megabytes:.0f} MB ({_shown(big)}) |"
        )
        rows[kind] = row, len(some), failed
    return rows


def _shown(result: Result) -> str:
    return result.case.name.replace("|", "\\|").replace("*", "\\*").replace("'", "&#39;")


def write_page(results: list[Result]) -> None:
    """docs/robustness.md; a run of some kinds changes their rows and leaves those of the last run of the others."""
    rows = json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.exists() else {}
    rows |= {kind: list(row) for kind, row in rows_of(results).items()}
    ROWS.write_text(json.dumps(rows), encoding="utf-8")
    table = "\n".join([*_HEAD, *(row for row, _, _ in rows.values())])
    n, failed = (sum(row[i] for row in rows.values()) for i in (1, 2))
    PAGE.write_text(page(table, n, failed), encoding="utf-8")


def page(table: str, n: int, failed: int) -> str:
    """The text of the page."""
    cores = len(os.sched_getaffinity(0))
    return f"""# Hostile inputs

Written by `make robustness`, which draws every input that is known to be hostile and tries it with every command that
can meet it: pictures of every format damaged in many ways, bombs, archives, tables, annotation exports, names, bundles
and results of strangers, places that are no files, streams that take nothing, damaged caches, kills before the n-th
change to the disk, full disks, data that change or vanish while they are read, Ctrl-C, too few photos, and requests to
a server.

A case passes if there is no traceback, the exit code is one of those documented, an error is one line that names what
it is about, accepted + rejected + ignored = found, no input changed, nothing half written stays, and time and memory
are bounded. Cases run side by side on {cores} cores; time is that of the clock, and memory the peak of the process,
with what it shares. Ctrl-C in the first hundredths of a second, while Python itself starts, has Python's own words, and
is no failure of petmood's.

{table}

{n - failed} passed, {failed} failed.
"""


if __name__ == "__main__":
    sys.exit(main())
