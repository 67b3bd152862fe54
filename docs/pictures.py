"""The two pictures of the README, of the demo set alone: the head of a report, and the page that has read a drawn face.

    python docs/pictures.py [--work FOLDER]

draws the demo set, runs petmood on it, exports its model as a page, and writes `report.png` and `page.png` into
`docs/images` as Chromium shows both. FOLDER keeps what was made, and what is there (`demo`, `run`) is not made again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = {"width": 1100, "height": 1000}


def petmood(work: Path, *arguments: str) -> None:
    """Run the command in a folder."""
    subprocess.run([sys.executable, "-m", "petmood", *arguments], cwd=work, check=True)


def prepare(work: Path) -> None:
    """`demo`, `run` and `page.html` in a folder."""
    if not (work / "demo").exists():
        petmood(work, "demo-data", "demo")
    if not (work / "run").exists():
        petmood(work, "run", "demo/data", "--out", "run")
    petmood(work, "export", "run/model", "--format", "web", "--single-file", "--out", "page.html")


def take(browser: Browser, work: Path, out: Path) -> None:
    """The head of the report, and the page once it has answered."""
    page = browser.new_page(viewport=SIZE, color_scheme="light")
    page.goto((work / "run" / "report.html").as_uri())
    page.screenshot(path=out / "report.png")
    page.goto((work / "page.html").as_uri())
    page.set_input_files("#file", min((work / "demo/data/test/happy").glob("*.*")))
    page.locator("#result").wait_for(timeout=120_000)
    page.wait_for_timeout(15_000)  # what follows the answer: maps, neighbours
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=out / "page.png")
    page.close()


def main() -> None:
    """Make what is lacking, and write the pictures, with few colours, so that they stay small."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--work", type=Path, help="folder for what is made")
    work = asked.parse_args().work or Path(tempfile.mkdtemp(prefix="petmood-pictures-"))
    work.mkdir(parents=True, exist_ok=True)
    prepare(work)
    names = ("chromium", "chromium-headless-shell", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(browser, work, IMAGES)
        browser.close()
    for name in ("report.png", "page.png"):
        with Image.open(IMAGES / name) as picture:
            small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
