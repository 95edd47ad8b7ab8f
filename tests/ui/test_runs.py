"""Runs and grids in Chromium, as records that are laid down by hand: followed, judged, compared, by keyboard."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.experiments.report.known_grids import outcome
from tests.experiments.test_overview import make_grid
from tests.ui.conftest import Open, Served, keep_screen
from tests.ui.records import end_run, log_evaluation, log_steps, made_run

from onelook.experiments.outcome import write_outcome
from onelook.service.trainings.record import Training, change

pytestmark = pytest.mark.slow

UNSURE = {"class": "red", "index": 0, "score": 0.4, "box": [10, 10, 30, 30]}


@pytest.fixture(scope="module")
def done(served: Served) -> Training:
    """Return a run that is done and was evaluated twice."""
    training = made_run(served, "tdone", "running")
    log_steps(served, training, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    log_evaluation(served, training, 50, best=0.04)
    log_evaluation(served, training, 100, UNSURE, best=0.4)
    end_run(served, training)
    return training


@pytest.fixture(scope="module")
def grid(served: Served) -> Iterator[Path]:
    """Return a grid below the folder that the service shows; one of its runs has a report with a script."""
    folder = make_grid(served.folder / "grids" / "blood & smears")
    run = folder / "runs" / "large-4-5-0"
    run.mkdir(parents=True)
    (run / "report.html").write_text("<title>harmless</title><h1>run</h1><script>document.title = 'ran'</script>")
    return folder


def points(page: Any, chart: str) -> int:
    return int(page.locator(f"#{chart}").get_attribute("data-points"))


def wait_for_points(page: Any, chart: str, count: int) -> None:
    page.locator(f"#{chart}[data-points='{count}']").wait_for()


def test_without_server_sent_events_a_run_is_followed_by_asking(open_page: Open, served: Served) -> None:
    training = made_run(served, "tfollowed", "running")
    page = open_page("/session")
    refused: list[str] = []

    def refuse(route: Any) -> None:
        refused.append(route.request.url)
        route.abort()

    page.route("**/events", refuse)
    page.clock.install()
    page.goto(f"{served.address}/runs/{training.id}")
    wait_for_points(page, "loss", 1)
    log_steps(served, training, 20, 30)
    page.clock.run_for(2100)
    wait_for_points(page, "loss", 3)
    assert page.locator("#told").inner_text().startswith("Step 30 of 100.")
    log_evaluation(served, training, 30, best=0.04)
    page.clock.run_for(2100)
    wait_for_points(page, "score", 1)
    change(served.folder / "trainings", training, state="stopped")
    page.clock.run_for(2100)
    page.locator("#state.stopped").wait_for()

    assert refused
    assert page.get_by_role("button", name="Resume").is_visible()


def test_what_is_too_unsure_to_be_drawn_is_said_with_the_best_score(
    open_page: Open, served: Served, done: Training
) -> None:
    page = open_page(f"/runs/{done.id}")
    page.locator("#pictures .box").wait_for()
    assert page.locator("#pictures p").inner_text() == "1 seen of at least 0.10, 1 there"
    page.locator("#evaluation").focus()
    page.keyboard.press("ArrowLeft")

    assert page.locator("#pictures p").inner_text() == "none seen of at least 0.10, the best has 0.040; 1 there"
    assert page.locator("#pictures .box").count() == 0
    assert page.locator("h1").inner_text().startswith("Run: tiny.cfg")


def test_a_run_that_is_done_shows_its_confusions_and_its_worst_pictures(
    open_page: Open, served: Served, done: Training
) -> None:
    page = open_page(f"/runs/{done.id}")
    page.locator("#splits").wait_for()
    page.locator("#split").focus()
    page.keyboard.press("v")  # val
    page.locator("#worst li").nth(2).wait_for()

    rows = [row.split("\t") for row in page.locator("#matrix tr").all_inner_texts()]
    assert [cell.split() for cell in rows[1][1:]] == [["3", "60%"], ["1", "20%"], [], ["1", "20%"]]
    assert rows[0][-1] == "missed"
    assert rows[-1][0] == "nothing there"
    assert page.locator("#confusions tbody th").all_inner_texts() == [
        "red taken for white",
        "red missed",
        "<b> seen where there is none",
    ]
    worst = page.locator("#worst li").first
    assert worst.locator(".wrong .box").count() == worst.locator(".missed .box").count() == 1
    assert worst.locator("p").inner_text() == "cell1.jpg · 0 right, 1 wrong, 1 missed"
    assert worst.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 100


def test_a_grid_opens_by_keyboard_to_its_table_and_its_report(open_page: Open, served: Served, grid: Path) -> None:
    page = open_page("/runs")
    page.get_by_role("link", name="blood & smears").focus()
    page.keyboard.press("Enter")
    page.locator("#grid table").wait_for()
    assert "32 / 39" in page.locator("#grid dl").inner_text()
    first = page.locator("#grid tbody tr").first.inner_text()
    assert first.startswith("large-")
    page.get_by_role("link", name="Report", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Best settings").wait_for()
    keep_screen(page, "grid-report")
    page.go_back()
    page.get_by_role("link", name="large-4-5-0", exact=True).click()
    page.get_by_role("heading", name="run").wait_for()

    assert page.title() == "harmless", "a script of the folder does not run"


def test_a_grid_that_is_under_way_renews_itself(open_page: Open, served: Served, grid: Path) -> None:
    page = open_page("/session")
    page.clock.install()
    page.goto(f"{served.address}/runs/grids/blood%20%26%20smears")
    page.locator("#grid table").wait_for()
    write_outcome(grid, outcome(batch=8, epochs=1, seed=9, result={"ap50": 0.987}))
    page.clock.run_for(5500)

    page.get_by_text("0.987, tiny-8-1-9").wait_for()
    assert "33 / 40" in page.locator("#grid dl").inner_text()


def test_the_worst_pictures_lead_on_and_many_boxes_are_said_to_be_the_surest(open_page: Open, served: Served) -> None:
    training = made_run(served, "tlong", "running")
    end_run(served, training)
    page = open_page("/session")

    def first(route: Any) -> None:
        found = route.fetch().json()
        worst = found["worst"][:1] if "start=" not in route.request.url else found["worst"]
        route.fulfill(json={**found, "worst": worst})

    def many(route: Any) -> None:
        box = {"class": "red", "index": 0, "score": 0.5, "box": [10, 10, 30, 30]}
        image = {
            "file": "a.jpg",
            "width": 100,
            "height": 80,
            "truth": [box],
            "detections": [box] * 50,
            "best": 0.5,
            "classes": [],
        }
        told = {"least": 0.1, "most": 50, "evaluations": [{"step": 10, "epoch": 1.0, "images": [image]}]}
        route.fulfill(body=json.dumps(told), content_type="application/json")

    page.route("**/mistakes?*", first)
    page.route("**/samples", many)
    page.route("**/progress*", lambda route: route.fulfill(json={**route.fetch().json(), "evaluations": 1}))
    page.goto(f"{served.address}/runs/{training.id}")
    page.locator("#split").select_option("val")
    page.locator("#worst li").nth(0).wait_for()
    assert page.locator("#worst li").count() == 1
    page.get_by_role("button", name="Show more (2 left)").click()
    page.locator("#worst li").nth(2).wait_for()

    assert page.locator("#worst-more").is_hidden()
    assert page.locator("#worst li p").last.inner_text().startswith("cell3.jpg")
    page.get_by_text("the 50 surest of at least 0.10 are drawn, 1 there").wait_for()
    page.unroute_all(behavior="wait")
