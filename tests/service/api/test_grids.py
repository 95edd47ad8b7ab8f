"""Grids of the command line over HTTP: for administrators alone, read and never written, their reports without scripts."""

import json
from pathlib import Path

import pytest
from tests.experiments.report.known_grids import outcome
from tests.experiments.test_overview import make_grid
from tests.service.api.conftest import Api, Start, problem

from onelook.experiments.outcome import row_path, write_outcome


@pytest.fixture
def grids(tmp_path: Path) -> Path:
    return tmp_path / "grids of mine"


@pytest.fixture
def served(start: Start, grids: Path) -> Api:
    """Return an API that shows a grid, one of whose runs has a report."""
    make_grid(grids / "blood & smears")
    run = grids / "blood & smears" / "runs" / "tiny-4-5-0"
    run.mkdir(parents=True)
    (run / "report.html").write_text("<script>alert(1)</script><h1>run</h1>")
    return start(grids=grids)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_grids_are_listed_with_their_counts_and_their_best(served: Api) -> None:
    (told,) = served.ask("GET", "/v1/grids", "admin").json()["grids"]

    counts = {key: told[key] for key in ("name", "runs", "done", "failed", "left", "pruned")}
    assert counts == {"name": "blood & smears", "runs": 39, "done": 32, "failed": 4, "left": 2, "pruned": 1}
    assert told["best"]["state"] == "done"
    assert told["best"]["axes"]["network"] == "large"


def test_a_grid_tells_every_run_the_best_first_and_follows_its_folder(served: Api, grids: Path) -> None:
    path = "/v1/grids/blood%20%26%20smears"
    told = served.ask("GET", path, "admin").json()
    assert [run["name"] for run in told["table"]].index("tiny-4-5-0") >= 0
    assert told["table"][0] == told["best"]
    assert [run["report"] for run in told["table"]].count(True) == 1
    assert {"failed", "out_of_memory", "pruned"} <= {run["state"] for run in told["table"]}

    write_outcome(grids / "blood & smears", outcome(batch=8, epochs=1, seed=9, result={"ap50": 0.99}))

    assert served.ask("GET", path, "admin").json()["best"]["name"] == "tiny-8-1-9"


def test_the_report_is_made_of_the_rows_without_scripts_and_nothing_is_written(served: Api, grids: Path) -> None:
    folder = grids / "blood & smears"
    (folder / "report").mkdir()
    (folder / "report" / "report.html").write_text("<script>alert(1)</script>")
    before = files(folder)

    answer = served.ask("GET", "/v1/grids/blood%20%26%20smears/report.html", "admin")

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Best settings" in answer.text
    assert "blood &amp; smears" in answer.text
    assert "<script" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert files(folder) == before


def test_the_report_of_one_run_is_shown_as_a_page_in_which_no_script_runs(served: Api) -> None:
    answer = served.ask("GET", "/v1/grids/blood%20%26%20smears/runs/tiny-4-5-0/report.html", "admin")

    assert answer.text.endswith("<h1>run</h1>")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    problem(served.ask("GET", "/v1/grids/blood%20%26%20smears/runs/failed/report.html", "admin"), 404, "no_report")


def test_a_row_that_leads_out_of_the_grid_s_folder_is_refused(served: Api, grids: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "report.html").write_text("secret")
    path = row_path(grids / "blood & smears", "pruned")
    path.write_text(json.dumps({**json.loads(path.read_text()), "run": "../../outside"}))

    answer = served.ask("GET", "/v1/grids/blood%20%26%20smears/runs/pruned/report.html", "admin")

    problem(answer, 422, "invalid")


def test_a_row_that_is_broken_is_a_failed_run_with_its_cause(served: Api, grids: Path) -> None:
    row_path(grids / "blood & smears", "pruned").write_text("{")

    table = served.ask("GET", "/v1/grids/blood%20%26%20smears", "admin").json()["table"]

    (broken,) = (run for run in table if run["name"] == "pruned")
    assert broken["state"] == "failed"
    assert "expected a row of a grid" in broken["cause"]


@pytest.mark.parametrize("path", ["", "/blood%20%26%20smears", "/blood%20%26%20smears/report.html"])
def test_only_administrators_see_grids(served: Api, path: str) -> None:
    problem(served.ask("GET", f"/v1/grids{path}", "anna"), 403, "no_admin")
    assert served.http.get(f"/v1/grids{path}").status_code == 401


@pytest.mark.parametrize("name", ["absent", "..", "%2e%2e", "notes"])
def test_what_is_no_grid_is_not_there(served: Api, grids: Path, name: str) -> None:
    (grids / "notes").mkdir()

    assert served.ask("GET", f"/v1/grids/{name}", "admin").status_code == 404


def test_no_folder_has_no_grids(start: Start, tmp_path: Path) -> None:
    assert start(grids=tmp_path / "absent").ask("GET", "/v1/grids", "admin").json() == {"grids": []}
