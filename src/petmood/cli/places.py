"""Where results go that were given no place: a new folder in `runs/`, named after the data and the day."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path


def fresh(data: Path | str, command: str = "", file: str = "") -> Path:
    """A path at which nothing is yet, `runs/NAME-COMMAND-DATE`; in a folder that is itself data, beside that.

    Args:
        data: what the results are of: a path, or a name on a hub such as `hf:OWNER/NAME`.
        command: what makes them, where it is not a run.
        file: name of the file in it, where the result is not a folder.
    """
    from petmood.escaping import path_component

    given = Path(str(data))
    real = given.resolve() if given.exists() else given
    name = real.stem if real.suffix.lower() in (".zip", ".parquet") else real.name
    here = Path.cwd()
    inside = real.is_dir() and (here == real or real in here.parents)
    root = real.parent / "runs" if inside else Path("runs")
    day = datetime.now().astimezone().date().isoformat()
    stem = "-".join(part for part in (path_component(name.rpartition(":")[2] or "data"), command, day) if part)
    number, place = 1, root / stem
    while place.exists() or place.is_symlink():
        number += 1
        place = root / f"{stem}-{number}"
    return place / file if file else place
