"""build/bench/*.json -> benchmarks/results.md: all that the benchmarks found, on one page.

python benchmarks/report.py [--from FOLDER] [--to FILE] [--keep]

With `--keep`, parts that the folder has no sheet of stay on the page as they were measured before.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from sheet import OUT, REPOSITORY, Target, as_markdown
from suite import PARTS


def load(folder: Path) -> list[dict]:
    """The sheets of a folder, in the suite's order; sheets that the suite does not name come last."""
    order = {part.name: i for i, part in enumerate(PARTS)}
    sheets = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return sorted(sheets, key=lambda facts: order.get(facts["name"], len(order)))


def measured_before(text: str, without: set[str]) -> dict[str, tuple[list[str], str]]:
    """Rows of targets, and the section, of each part of an earlier page that was not measured again."""
    found = {}
    for section in re.finditer(r"^## (?:(?!^## ).)*?^\*(\w+)\.py, [^\n]*\*$", text, re.MULTILINE | re.DOTALL):
        rows = [line for line in text.splitlines() if line.startswith(f"| {section[1]} | ") and line.endswith(" |")]
        if section[1] not in without:
            found[section[1]] = [row for row in rows if row.count("|") == 6], section[0]
    return found


def page(sheets: list[dict], before: str = "") -> str:
    """The page: machine, all targets, then each sheet; parts that are only on the page before follow as they were."""
    kept = measured_before(before, {facts["name"] for facts in sheets})
    done = [facts for facts in sheets if "failed" not in facts]
    lines = [
        "# Measured speed",
        "",
        "Written by `make bench`; what is measured and how is in [the README](README.md), what limits each stage in",
        "[docs/performance.md](../docs/performance.md). Every ratio compares things that took turns in one run.",
        "",
    ]
    if done:
        where = done[0]["machine"]
        times = [facts["machine"]["at"] for facts in done]
        versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
        lines += [
            f"- Machine: {where['processor']}, {where['cores']} cores, {where['memory_gib']} GiB, {where['system']}",
            f"- Python {where['python']}; {versions}",
            f"- From {min(times)} to {max(times)}; load after the first part {where['load']}",
            "",
        ]
    lines += ["| part | target | measured | limit | |", "|---|---|---|---|---|"]
    for facts in done:
        for target in (Target(**t) for t in facts["targets"]):
            met = "met" if target.met else "**not met**"
            lines.append(
                f"| {facts['name']} | {target.claim} | {target.got:.3g}{target.unit} | {target.limit} | {met} |"
            )
    lines += [row for rows, _ in kept.values() for row in rows]
    lines.append("")
    for facts in sheets:
        if "failed" in facts:
            lines += [f"## {facts['name']}", "", f"**failed: {facts['failed']}**", ""]
        else:
            when, load = facts["machine"]["at"], facts["machine"]["load"]
            lines += [as_markdown(facts), f"*{facts['name']}.py, {facts['seconds']:.0f} s, {when}, load {load}*", ""]
    if kept:
        where = [line for line in before.splitlines() if line.startswith(("- Machine: ", "- Python ", "- From "))]
        lines += [f"The parts below were measured before: {', '.join(kept)}.", "", *where, ""]
    for _, section in kept.values():
        lines += [section, ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="folder", type=Path, default=OUT, help="folder of the sheets")
    parser.add_argument("--to", type=Path, default=REPOSITORY / "benchmarks" / "results.md", help="page to write")
    parser.add_argument("--keep", action="store_true", help="keep parts of the page that were not measured again")
    options = parser.parse_args()
    before = options.to.read_text(encoding="utf-8") if options.keep and options.to.is_file() else ""
    options.to.write_text(page(load(options.folder), before), encoding="utf-8")


if __name__ == "__main__":
    main()
