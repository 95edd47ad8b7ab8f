"""Train, Runs, Data and Service in Chromium: from a zip to a model that detects, over a reload and a restart of the server."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.ui.conftest import SIZES, Served, keep_screen, serious_issues, serve, signed_in, stop

from onelook.datasets.generated import make_blood

pytestmark = pytest.mark.slow

CFG = """[net]
width=64
height=64
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=24
size=1
activation=linear
[yolo]
mask=0,1,2
anchors=6,6, 12,12, 24,24
classes=3
num=3
"""
STEPS = 60


def write_zip(path: Path, files: Mapping[Path, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in sorted(files.items()):
            archive.writestr(str(name), data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with generated blood cells as a zip, another with a broken picture, and the .cfg of a tiny network."""
    made = tmp_path_factory.mktemp("training")
    make_blood(made / "blood", {"train": 12, "val": 4}, seed=1, size=(96, 72))
    files = {path.relative_to(made): path.read_bytes() for path in (made / "blood").rglob("*") if path.is_file()}
    write_zip(made / "cells.zip", files)
    broken = min(path for path in files if path.suffix == ".jpg")
    write_zip(made / "broken.zip", {**files, broken: files[broken][:-200]})
    (made / "tiny.cfg").write_text(CFG)
    return made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Served]]:
    """Give a service that trains, as the only entry of a list: a test that starts it anew puts the new one there."""
    services = [serve(tmp_path_factory.mktemp("trains"))]
    yield services
    stop(services[0])


def opened(chromium: Any, service: Served, path: str, size: str = "laptop", **options: Any) -> Any:
    """Return a page in a browser of its own that has signed in."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
    signed_in(context, service)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(service.address + path)
    return page


def bring(page: Any, path: Path) -> None:
    """Upload a zip on the page Train and wait for its check."""
    page.locator("#zip").set_input_files(path)
    page.locator('#check[aria-busy="false"] table').wait_for()


def test_from_a_zip_over_a_restart_to_a_model_that_detects(chromium: Any, served: list[Served], folder: Path) -> None:
    page = opened(chromium, served[0], "/train")
    page.locator("#form[data-ready]").wait_for()
    bring(page, folder / "broken.zip")
    assert "truncated-image: 1" in page.locator("#check").inner_text()
    page.get_by_text("truncated-image: 1").click()
    page.locator("#check .gallery li").first.wait_for()
    keep_screen(page, "train-defects")
    page.reload()
    page.locator("#form[data-ready]").wait_for()
    bring(page, folder / "cells.zip")
    page.locator("#cfg-file").set_input_files(folder / "tiny.cfg")
    page.get_by_text("All hyperparameters").click()
    page.fill("#set-max_batches", str(STEPS))
    page.fill("#set-workers", "0")
    page.fill("#set-batch", "-1")
    page.get_by_role("button", name="Start training").click()
    page.locator("#set-batch-mistake:not(:empty)").wait_for()
    assert "Expected 1 to 65536, got -1." in page.locator("#set-batch-mistake").inner_text()
    page.fill("#set-batch", "4")
    page.reload()
    page.locator("#form[data-ready]").wait_for()
    assert page.input_value("#set-max_batches") == str(STEPS), "nothing that was typed is lost"
    keep_screen(page, "train-form")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/runs/t*")
    path = page.url.removeprefix(served[0].address)
    page.locator("#loss[data-points]:not([data-points='0'])").wait_for()
    before = int(page.locator("#loss").get_attribute("data-points"))
    keep_screen(page, "run-under-way")

    stop(served[0])
    served[0] = serve(served[0].folder)
    page = opened(chromium, served[0], path)
    page.locator("#state.stopped, #state.done").wait_for()
    if page.locator("#resume").is_visible():
        page.get_by_role("button", name="Resume").click()
    page.locator("#state.done").wait_for(timeout=180_000)

    page.locator("#pictures li").nth(3).wait_for()
    assert int(page.locator("#loss").get_attribute("data-points")) >= max(before, STEPS // 10)
    assert int(page.locator("#score").get_attribute("data-points")) > 1
    keep_screen(page, "run-done")
    assert serious_issues(page) == []
    page.get_by_role("button", name="Try this model").click()
    page.wait_for_url("**/?model=cells-*")
    page.locator("#choose").set_input_files(next((folder / "blood" / "JPEGImages").iterdir()))
    page.locator('.panel[aria-busy="false"]').wait_for()
    assert page.locator(".panel .mistake").inner_text() == ""


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_pages_can_be_read_by_everybody(chromium: Any, served: list[Served], folder: Path, look: str) -> None:
    options = {"color_scheme": "dark"} if look == "dark" else {}
    page = opened(chromium, served[0], "/train", "phone" if look == "phone" else "laptop", **options)
    page.locator("#form[data-ready]").wait_for()
    if not page.locator("#data option").count() > 1:
        bring(page, folder / "cells.zip")
    data = page.locator("#data option").last.get_attribute("value")
    for path, ready in (
        ("/train", "#form[data-ready]"),
        ("/runs", "main h1"),
        ("/data", "main h1"),
        (f"/data/{data}", "#set[data-ready]"),
        ("/service", "#queues"),
    ):
        page.goto(served[0].address + path)
        page.locator(ready).wait_for()
        assert serious_issues(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} stands out of the window"
        keep_screen(page, f"{'data-set' if path.count('/') > 1 else path[1:]}-{look}")


def test_by_keyboard_alone_data_is_filtered(chromium: Any, served: list[Served], folder: Path) -> None:
    page = opened(chromium, served[0], "/train")
    page.locator("#form[data-ready]").wait_for()
    bring(page, folder / "cells.zip")
    page.goto(f"{served[0].address}/data/{page.input_value('#data')}")
    page.locator("#set[data-ready]").wait_for()
    page.locator("#by-class").focus()
    page.keyboard.press("w")  # white
    page.get_by_text("1 to 16 of 16").wait_for(state="detached")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.id") == "by-code"
    assert page.input_value("#by-class") == "white"
    assert "class=white" in page.url
