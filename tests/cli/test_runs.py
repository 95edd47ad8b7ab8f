"""`onelook runs`, `onelook report` on many and `onelook train --from`, as a user types them."""

import json
from pathlib import Path

import pytest
from tests.experiments.made_runs import make_run
from tests.experiments.report.known_grids import grid_outcomes
from typer.testing import CliRunner, Result

from onelook.cli.main import build_app
from onelook.experiments.outcome import write_outcome
from onelook.structures.errors import UserError


def onelook(*words: object) -> Result:
    return CliRunner().invoke(build_app(), [str(word) for word in words])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with two runs."""
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "a", 0.4, batch=4)
    make_run(tmp_path / "runs" / "b", 0.6, batch=8)
    return tmp_path


def test_list_prints_a_table_or_one_object(home: Path) -> None:
    told = json.loads(onelook("runs", "list", "--sort", "accuracy", "--json").stdout)["runs"]

    assert [run["run"] for run in told] == ["runs/b", "runs/a"]
    assert told[0]["accuracy"] == 0.6
    assert "runs/a" in onelook("runs", "list").stdout
    assert onelook("runs", "list", "--tag", "x").stdout == "no runs\n"


def test_compare_prints_what_differs_and_every_figure(home: Path) -> None:
    told = json.loads(onelook("runs", "compare", "runs/a", "runs/b", "--json").stdout)

    assert told["settings"] == {"batch": [4, 8]}
    assert told["figures"]["accuracy"] == ["0.400", "0.600"]
    assert "Settings that differ" in onelook("runs", "compare", "runs/a", "runs/b").stdout
    assert "two runs or more" in str(onelook("runs", "compare", "runs/a").exception)


def test_runs_of_two_grids_are_told_apart_by_their_folders(home: Path) -> None:
    for grid in ("one", "two"):
        for outcome in list(grid_outcomes())[:1]:
            write_outcome(home / "grids" / grid, outcome)

    told = json.loads(onelook("runs", "compare", "grids/one", "grids/two", "--json").stdout)

    assert told["runs"] == ["one/large-4-1-0", "two/large-4-1-0"]


def test_tags_are_given_and_taken(home: Path) -> None:
    assert onelook("runs", "tag", "runs/a", "runs/b", "--add", "cells").stdout == "runs/a: cells\nruns/b: cells\n"
    assert onelook("runs", "tag", "runs/a", "--remove", "cells").stdout == "runs/a: no tags\n"
    assert json.loads(onelook("runs", "tag", "runs/b", "--json").stdout) == {"tags": {"runs/b": ["cells"]}}


def test_delete_asks_or_is_told_and_checks_all_before_any(home: Path) -> None:
    assert "--yes deletes without asking" in str(onelook("runs", "delete", "runs/a").exception)
    assert isinstance(onelook("runs", "delete", "runs/a", "runs", "--yes").exception, UserError)
    assert (home / "runs" / "a").is_dir()

    assert onelook("runs", "delete", "runs/a", "--yes").stdout == "runs/a: deleted\n"
    assert [path.name for path in (home / "runs").iterdir()] == ["b"]


def test_export_knows_mlflow_alone(home: Path) -> None:
    assert "--to: expected mlflow, got 'wandb'" in str(onelook("runs", "export", "runs/a", "--to", "wandb").exception)


def test_several_runs_make_one_report(home: Path) -> None:
    told = json.loads(onelook("report", "runs/a", "runs/b", "--json").stdout)["reports"]

    assert told[0] == "report/report.html"
    assert "batch 8" in (home / "report" / "report.html").read_text()
    assert not (home / "runs" / "a" / "report.html").exists()


def test_one_run_alone_has_its_own_page_and_with_out_a_report(home: Path) -> None:
    assert onelook("report", "runs/a").stdout == "runs/a/report.html\n"
    assert "one/report.html" in onelook("report", "runs/a", "--out", "one").stdout


def test_a_grid_has_its_report_within(home: Path) -> None:
    for outcome in grid_outcomes():
        write_outcome(home / "grids" / "g", outcome)

    assert "grids/g/report/report.html" in onelook("report", "grids/g").stdout
    assert "32 done" in (home / "grids" / "g" / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "runs/a", "--resume"), "--from and --resume: expected one of the two"),
        (("net.cfg", "--from", "runs/a"), "--from: expected both NETWORK and DATA"),
        (("--from", "runs/a"), "an older onelook made this run"),
        (("--from", "runs"), "runs: expected a run's folder"),
        ((), "expected NETWORK and DATA, or --from RUN"),
    ],
)
def test_from_is_refused_in_one_line_where_it_cannot_be(home: Path, words: tuple[str, ...], said: str) -> None:
    assert said in str(onelook("train", *words).exception)
