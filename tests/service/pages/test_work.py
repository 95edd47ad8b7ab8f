"""The pages Train, Runs, Data and Service as the server writes them; what their scripts do is tried in tests/ui."""

import json
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.experiments.test_overview import make_grid
from tests.service.api.conftest import Api, Start
from tests.service.api.test_service import fail
from tests.service.api.test_trainings import blood, started, uploaded
from tests.service.api.test_watching import run_folder, step, write_lines
from tests.service.pages.conftest import browser_of
from tests.service.pages.test_session import sign_in

from onelook.service.pages import service
from onelook.service.pages.files import static_files, static_version
from onelook.service.pages.runs import HEIGHT, MOST_POINTS, WIDTH, sparkline
from onelook.service.trainings.record import new_training

__all__ = ["blood"]


@pytest.fixture
def anna(api: Api, browser: TestClient) -> TestClient:
    """Return a browser that has signed in."""
    sign_in(browser, api)
    return browser


@pytest.mark.parametrize(
    "path", ["/train", "/runs", "/runs/compare", "/runs/t1", "/runs/grids/g", "/data", "/data/d1", "/service"]
)
def test_who_has_not_signed_in_is_asked_to(browser: TestClient, path: str) -> None:
    page = browser.get(path)

    assert page.status_code == 401
    assert f'name="next" value="{path}"' in page.text


@pytest.mark.parametrize("path", ["/train", "/runs", "/runs/compare", "/data"])
def test_pages_with_nothing_to_show_say_so_in_place_and_name_files_that_are_there(anna: TestClient, path: str) -> None:
    page = anna.get(path)

    assert page.status_code == 200
    named = set(re.findall(rf'"/static/{static_version()}/([^"]+)"', page.text))
    assert {"styles/page.css", "styles/work.css"} <= named <= set(static_files())
    assert not re.search(r"<(script|link)[^>]*\b(src|href)=\"https?:", page.text)
    assert " style=" not in page.text, "the policy forbids styles in the page"


def test_runs_are_listed_with_their_curves_and_last_score(api: Api, anna: TestClient, blood: bytes) -> None:
    id_ = started(api, blood)
    lines = [step(10, 1.0), {**step(20, 2.0), "loss": 1.0}, {"kind": "eval", "step": 20, "ap50": 0.512}]
    write_lines(run_folder(api, id_) / "metrics.jsonl", *lines)
    forecast = started(api, blood, kind="forecast")

    page = anna.get("/runs").text

    assert f'href="/runs/{id_}">yolov3-tiny, smears' in page
    assert forecast not in page, "a forecast is no run"
    assert page.count("<polyline") == 1, "one evaluation is no curve yet"
    assert "0.512" in page
    assert "running" in page


def test_grids_are_shown_to_administrators_with_their_runs_and_the_way_to_the_report(
    start: Start, tmp_path: Path
) -> None:
    make_grid(tmp_path / "grids" / "blood & smears")
    api = start(grids=tmp_path / "grids")
    mine, theirs = browser_of(api), browser_of(api)
    sign_in(mine, api, "admin")
    sign_in(theirs, api)

    runs, grid = mine.get("/runs").text, mine.get("/runs/grids/blood%20%26%20smears")

    assert 'href="/runs/grids/blood%20%26%20smears">blood &amp; smears' in runs
    assert "32 / 39" in runs
    assert grid.status_code == 200
    assert 'href="/v1/grids/blood%20%26%20smears/report.html"' in grid.text
    assert 'hx-get="/runs/grids/blood%20%26%20smears"' in grid.text, "two runs are to do: the page renews itself"
    assert grid.text.count("<tr>") == 1 + 39
    assert "<code>batch</code>" in grid.text
    assert "out of memory" in grid.text
    assert " style=" not in grid.text
    assert "blood" not in theirs.get("/runs").text
    assert theirs.get("/runs/grids/blood%20%26%20smears").status_code == 403
    assert mine.get("/runs/grids/absent").status_code == 404


def test_compared_runs_show_the_settings_in_which_they_differ(api: Api, anna: TestClient, blood: bytes) -> None:
    ids = [started(api, blood, settings={"seed": seed, "batch": 4}) for seed in (1, 2)]

    page = anna.get("/runs/compare", params={"run": ids}).text

    assert [page.count(f'data-run="{id_}"') for id_ in ids] == [1, 1]
    assert "<code>seed</code>" in page
    assert "<code>batch</code>" not in page


def test_more_runs_than_can_be_told_apart_are_shown_in_parts_and_lost_ones_are_counted(
    api: Api, anna: TestClient, blood: bytes
) -> None:
    first = started(api, blood)
    root = api.backend.settings.http.trainings
    ids = [first]
    for number in range(7):
        made = new_training(root, f"t{first[1:8]}{number}", api.clients["anna"].id, "training", "d", "tiny", None)
        ids.append(made.id)

    page = anna.get("/runs/compare", params={"run": [*ids, "tgone"]})

    assert page.status_code == 200
    assert sum(page.text.count(f'data-run="{id_}"') for id_ in ids) == 6
    assert "6 of the 8 chosen runs are shown" in page.text
    assert "not here any more: 1." in page.text
    (others,) = re.findall(r'href="(/runs/compare\?[^"]*)">Show the others', page.text)
    rest = anna.get(others.replace("&amp;", "&")).text
    assert rest.count("data-run=") == 2
    assert ">Show the others" not in rest


def test_numbers_and_days_are_written_as_the_reader_does(api: Api, anna: TestClient, blood: bytes) -> None:
    id_ = started(api, blood)
    write_lines(run_folder(api, id_) / "metrics.jsonl", {"kind": "eval", "step": 20, "ap50": 0.512})

    page = anna.get("/runs", headers={"Accept-Language": "it"}).text

    assert "0,512" in page
    assert re.search(r"\d\d/\d\d/\d{4} \d\d:\d\d UTC", page)


def test_a_run_offers_what_its_reader_may_do(api: Api, anna: TestClient, blood: bytes) -> None:
    id_ = started(api, blood)

    mine = anna.get(f"/runs/{id_}").text

    assert f'href="/train?from={id_}"' in mine
    assert 'value="shared"' not in mine, "only administrators share"
    assert anna.get("/runs/t1").status_code == 404


def test_data_is_listed_and_opened_by_its_client_alone(api: Api, anna: TestClient, blood: bytes) -> None:
    id_, other = uploaded(api, blood), uploaded(api, blood, "bert")

    assert f'href="/data/{id_}">smears' in anna.get("/data").text
    assert other not in anna.get("/data").text
    assert f'data-id="{id_}"' in anna.get(f"/data/{id_}").text
    assert anna.get(f"/data/{other}").status_code == 404


def test_administrators_see_the_service_and_others_do_not(start: Start, picture: bytes) -> None:
    api = start()
    mine, theirs = browser_of(api), browser_of(api)
    sign_in(mine, api, "admin")
    sign_in(theirs, api)
    by_address = api.post("anna")
    fail(api, by_address)
    fail(api, api.post("anna", content=picture, headers={"Content-Type": "image/jpeg"}))
    api.post("anna")

    page = mine.get("/service").text

    assert '<dd id="waiting">1</dd>' in page
    assert "fetch_failed: no answer" in page
    assert re.findall(r'data-post="([^"]+)"', page) == [f"/v1/service/failed/{by_address}/retry"]
    assert "its upload was deleted" in page
    assert all(client.name in page for client in api.clients.values())
    assert theirs.get("/service").status_code == 403
    assert 'href="/service"' not in theirs.get("/").text


def test_failed_jobs_are_shown_page_by_page(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_FAILED", 2)
    api = start()
    mine = browser_of(api)
    sign_in(mine, api, "admin")
    ids = [api.post("anna") for _ in range(3)]
    for id_ in ids:
        fail(api, id_)

    first = mine.get("/service").text
    (older,) = re.findall(r'href="(/service\?before=[^"#]*)#failures"', first)
    second = mine.get(older).text

    def listed(page: str) -> list[str]:
        return re.findall(r'data-post="/v1/service/failed/(\w+)/retry"', page)

    assert listed(first) == ids[:0:-1]
    assert "2 are shown; there are older ones." in first
    assert listed(second) == ids[:1]
    assert "1 are shown" not in second
    assert 'href="/service#failures"' in second, "the way back"


def test_a_client_s_words_are_shown_as_text(api: Api, anna: TestClient, blood: bytes) -> None:
    name = {"name": "<script>alert(1)</script>"}
    headers = {"Content-Type": "application/zip"}
    id_ = api.ask("POST", "/v1/data", content=blood, headers=headers, params=name).json()["id"]
    run = api.ask("POST", "/v1/trainings", json={"data": id_, "network": "yolov3-tiny"}).json()["id"]

    for path in ("/data", f"/data/{id_}", "/runs", f"/runs/{run}"):
        page = anna.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_a_sparkline_goes_from_left_to_right_and_low_to_high() -> None:
    assert sparkline([]) == sparkline([1.0]) == ""
    assert sparkline([2.0, 1.0]) == f"0.0,2.0 {WIDTH:.1f},{HEIGHT - 2:.1f}"
    assert len(sparkline([0.0, 5.0] * 500).split()) == MOST_POINTS
    assert len(sparkline([3.0, 3.0, 3.0]).split()) == 3


def test_the_texts_of_a_page_travel_with_it(anna: TestClient) -> None:
    page = anna.get("/train", headers={"Accept-Language": "it"}).text

    texts = json.loads(re.findall(r'id="texts">(.*?)</script>', page)[0])
    assert texts["train.start"] == "Avvia l'addestramento"
    assert {key.partition(".")[0] for key in texts} == {"script", "train", "setting", "fault"}
