"""docs/first-hour.md, walked: the demo, the address that it prints, and what the page then asks one to do.

The walk is made with a training of seconds. `ONELOOK_FIRST_HOUR=FOLDER` walks over a whole demo that was made in FOLDER, and writes
the pictures of the document.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.ui.conftest import ROOT, SCREENS

from onelook.service.pages.texts import texts
from onelook.service.serving import WELCOME

DEMO = os.environ.get("ONELOOK_FIRST_HOUR")
SMALL = """
import sys
from pathlib import Path
from onelook.cli import demo
demo.IMAGES = {"train": 4, "val": 2, "test": 2}
demo.TRAINING = {"width": 96, "height": 96, "max_batches": 2, "batch": 2, "workers": 0}
demo.demo(Path("demo"), seed=0, serve=True, as_json=False)
"""
SERVE_AGAIN = """
from pathlib import Path
from onelook.cli import demo
demo.SERVICE = "service-of-test"
demo.become_the_service(demo.Road(quiet_stdout=False), Path({folder!r}))
"""
PAGE = (ROOT / "docs" / "first-hour.md").read_text()


@dataclass
class Walked:
    """A demo that ended in a served page: what it printed, and the address that signs in."""

    printed: str
    welcome: str


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    """Give a demo that serves."""
    folder = tmp_path_factory.mktemp("first-hour")
    program = SMALL if DEMO is None else SERVE_AGAIN.format(folder=str(Path(DEMO).resolve()))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("http://"):
            break
    printed = "".join(lines)
    found = re.search(r"signed in.*: (http://127\.0\.0\.1:\d+/session\S+)", printed)
    assert found, printed + (folder / "log").read_text()
    yield Walked(printed, found[1])
    process.terminate()
    process.wait(30)
    process.stdout.close()


def keep(page: Any, name: str) -> None:
    """Keep a picture of what the reader sees; of a whole demo it is the document's."""
    folder = SCREENS if DEMO is None else ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"first-hour-{name}.jpg", type="jpeg", quality=80)


@pytest.mark.slow
def test_the_first_hour_goes_as_it_is_written(chromium: Any, walked: Walked) -> None:
    assert "Ctrl-C stops it; the same command starts it again." in walked.printed
    context = chromium.new_context(viewport={"width": 1280, "height": 1300}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(walked.welcome)
    page.locator('input[name="model"][value="demo"]:checked').wait_for()
    press(page, "Sample: blood cells")
    page.locator('.panel[aria-busy="false"]').wait_for()
    page.locator(".panel img").evaluate("image => image.decode()")
    keep(page, "try")
    assert page.locator(".panel .mistake").inner_text() == ""
    boxes = page.locator(".box").count()
    page.locator("#score").fill("99")
    assert page.locator(".box").count() <= boxes
    with page.expect_download() as waiting:
        press(page, "CSV")
    assert Path(waiting.value.path()).read_text().startswith("file,class,score,x1,y1,x2,y2\n")
    context.close()


def test_the_document_names_what_the_pages_and_the_command_say() -> None:
    assert WELCOME in PAGE
    assert texts("en")["try.sample_cells"] in PAGE


def press(page: Any, name: str) -> None:
    """Press a button that the document names."""
    assert f"**{name}**" in PAGE, name
    page.get_by_role("button", name=name).click()
