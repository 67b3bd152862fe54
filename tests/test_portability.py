"""What only POSIX has is asked for before it is used: Windows cannot be tried here, so its traps are looked for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TEXTS = {
    "os": """
    O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown chroot confstr ctermid fchmod fchown fork forkpty
    getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getsid getuid kill killpg lchown lockf
    major makedev minor mkfifo mknod nice openpty pathconf posix_fadvise posix_fallocate posix_spawn pread pwrite
    register_at_fork sched_getaffinity sched_setaffinity sched_yield sendfile setegid seteuid setgid setpgid
    setpriority setsid setuid statvfs sync sysconf tcgetpgrp ttyname umask uname wait wait3 wait4 waitid waitpid
    """,
    "signal": """
    SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 alarm getitimer pause
    pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait
    """,
    "socket": "AF_UNIX SO_REUSEPORT",
    "time": "clock_gettime pthread_getcpuclockid tzset",
    "ctypes": "CDLL",
    "": "crypt curses fcntl grp nis posix pty pwd readline resource syslog termios tty uvloop",
}
"""What of these modules, and which modules, are missing on Windows or do something else: os.kill ends the process."""

ATTRIBUTES = {module: set(names.split()) for module, names in TEXTS.items()}
MODULES = ATTRIBUTES.pop("")
ANY = set().union(*ATTRIBUTES.values())

ASKED = ("os.name", "sys.platform", "platform.system", "hasattr", "find_spec", "is_there")
"""What a condition mentions that asks for a system or for a part of it."""

Found = list[tuple[int, str]]


def dotted(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


def traps(tree: ast.Module) -> Found:
    """Line and name of all that Windows lacks, asked for or not; and of texts in the system's own encoding."""
    found: Found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ANY and node.attr in ATTRIBUTES.get(dotted(node.value), ()):
            found.append((node.lineno, dotted(node)))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = {alias.name for alias in node.names} & ATTRIBUTES.get(node.module or "", set())
            found += [(node.lineno, f"{node.module}.{name}") for name in sorted(names)]
            found += [(node.lineno, node.module)] if node.module in MODULES else []
        elif isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("read_text", "write_text") and "encoding" not in {k.arg for k in node.keywords}:
                owner = dotted(node.func.value)
                # an open folder of petmood's, and the text of a distribution, are no files of the system
                if len(node.args) < 2 and not owner.endswith(("petmood", "folder", "source")):
                    found.append((node.lineno, f"{node.func.attr} without an encoding"))
        elif isinstance(node, ast.With):
            read = [i for i in node.items if isinstance(i.context_expr, ast.Call) and "'rb'" in ast.unparse(i)]
            if read and any(dotted(n.func) == "os.fsync" for n in ast.walk(node) if isinstance(n, ast.Call)):
                found.append((node.lineno, "fsync of a file opened for reading"))
    return found


def scopes(tree: ast.Module) -> Iterator[tuple[int, int, list[int]]]:
    """First and last line of each function, with the lines of its conditions that ask."""
    asking = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.If | ast.IfExp | ast.BoolOp)
        and any(name in ast.unparse(getattr(node, "test", node)) for name in ASKED)
    ]
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            first, last = scope.lineno, scope.end_lineno or scope.lineno
            yield first, last, [line for line in asking if first <= line <= last]


def unguarded(source: str) -> Found:
    """What is used without its function having asked for it before."""
    tree = ast.parse(source)
    found = traps(tree)
    guards = list(scopes(tree)) if found else []
    return [
        (line, name)
        for line, name in found
        if not any(first <= line <= last and any(at <= line for at in asking) for first, last, asking in guards)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import fcntl", ["fcntl"]),
        ("import os\nos.sync()", ["os.sync"]),
        ("from os import fork", ["os.fork"]),
        ("import signal\nsignal.signal(signal.SIGKILL, f)", ["signal.SIGKILL"]),
        ("def f():\n    import resource", ["resource"]),
        ("def f():\n    if hasattr(os, 'sync'):\n        os.sync()", []),
        ("def f():\n    if os.name == 'nt':\n        return\n    os.sync()", []),
        ("def f():\n    os.sync()\n    if os.name == 'nt':\n        return", ["os.sync"]),
        ("def f():\n    return os.getuid() if hasattr(os, 'getuid') else 0", []),
        ("path.read_text()", ["read_text without an encoding"]),
        ("path.write_text(text, encoding='utf-8')", []),
        ("with p.open('rb') as h:\n    os.fsync(h.fileno())", ["fsync of a file opened for reading"]),
    ],
)
def test_traps_are_found_and_guards_are_seen(source: str, expected: list[str]) -> None:
    assert [name for _, name in unguarded(source)] == expected


def test_the_package_uses_nothing_of_posix_without_asking(repository: Path) -> None:
    root = repository / "src" / "petmood"
    found = {
        f"{path.relative_to(root).as_posix()}:{line}: {name}"
        for path in sorted(root.rglob("*.py"))
        for line, name in unguarded(path.read_text(encoding="utf-8"))
    }
    assert found == set()
