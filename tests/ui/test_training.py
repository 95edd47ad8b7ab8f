"""Train and Runs in Chromium: from a zip to a model that detects, over a reload and a restart of the server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ui.conftest import SIZES, Served, keep_screen, serious_issues, serve, service_of, signed_in, stop
from tests.ui.uploads import bring

pytestmark = pytest.mark.slow

STEPS = 60


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
    page.set_default_timeout(180_000)
    page.goto(service.address + path)
    return page


def test_from_a_zip_over_a_restart_to_a_model_that_detects(chromium: Any, served: list[Served], uploads: Path) -> None:
    page = opened(chromium, served[0], "/train")
    page.locator("#form[data-ready]").wait_for()
    bring(page, uploads / "broken.zip")
    assert "truncated-image: 1" in page.locator("#check").inner_text()
    page.get_by_text("truncated-image: 1").click()
    page.locator("#check .gallery li").first.wait_for()
    keep_screen(page, "train-defects")
    page.reload()
    page.locator("#form[data-ready]").wait_for()
    bring(page, uploads / "cells.zip")
    page.locator("#cfg-file").set_input_files(uploads / "tiny.cfg")
    page.get_by_text("All hyperparameters").click()
    page.fill("#set-max_batches", str(STEPS))
    page.fill("#set-workers", "0")
    page.fill("#set-learning_rate", "0.02")  # so many boxes within so few steps
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
    assert page.locator("h1").inner_text() == "Run: tiny.cfg, cells"
    page.locator(f"#loss:not([data-points='{before}'])").wait_for()
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
    page.locator("#pictures .box").first.wait_for()
    page.locator("#confusions tbody tr").first.wait_for()
    page.locator("#worst img").first.evaluate("image => image.decode()")
    keep_screen(page, "run-done")
    assert serious_issues(page) == []
    page.get_by_role("button", name="Try this model").click()
    page.wait_for_url("**/?model=cells-*")
    page.locator("#choose").set_input_files(next((uploads / "blood" / "JPEGImages").iterdir()))
    page.locator('.panel[aria-busy="false"]').wait_for()
    assert page.locator(".panel .mistake").inner_text() == ""


def test_the_forecast_follows_the_form(chromium: Any, served: list[Served], uploads: Path) -> None:
    page = opened(chromium, served[0], "/train")
    page.locator("#form[data-ready]").wait_for()
    bring(page, uploads / "cells.zip")
    page.locator("#cfg-file").set_input_files(uploads / "tiny.cfg")
    page.get_by_text("All hyperparameters").click()
    page.fill("#set-workers", "0")
    page.fill("#set-batch", "4")
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.status == 202) as asked:
        page.fill("#set-max_batches", "100")
        assert page.locator("#quick").inner_text() == "100 steps: 400 pictures seen, of 12 to train on."
    page.fill("#set-max_batches", "90000")

    assert page.locator("#quick").inner_text() == "90,000 steps: 360,000 pictures seen, of 12 to train on."
    page.locator("#forecast dd").first.wait_for(timeout=120_000)
    assert page.locator("#forecast-told").inner_text() == "Measured with these settings:"
    keep_screen(page, "train-forecast")
    with service_of(served[0]) as api:
        measured = [str(each.settings["max_batches"]) for each in api.trainings("forecast", "done")]
        assert api.training(asked.value.json()["id"]).state == "stopped", "the older question is taken back"
    assert "90000" in measured
    assert "100" not in measured
    page.fill("#set-max_batches", "80000")
    assert page.locator("#forecast dd").count() == 0, "older numbers are of other settings"
