"""`onelook grid` as a user types it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.training.conftest import CFG, make_squares

from onelook.experiments.outcome import read_outcomes

PLAN = """
[networks]
tiny = "tiny.cfg"
[data]
squares = "squares/squares.data"
[settings]
workers = 0
threads = 1
epochs = 8
[axes]
batch = [4, 8]
"""


def onelook(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onelook", *map(str, words)], capture_output=True, text=True, cwd=folder
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tiny.cfg").write_text(CFG)
    make_squares(tmp_path / "squares")
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


def test_a_mistake_in_the_plan_is_one_line_and_nothing_is_begun(project: Path) -> None:
    (project / "plan.toml").write_text(PLAN.replace("batch =", "bach ="))

    done = onelook("grid", "plan.toml", folder=project)

    assert done.returncode == 2
    assert done.stderr.startswith("onelook: plan.toml: tiny-bach4: unknown setting 'bach'; did you mean 'batch'?")
    assert not (project / "grids").exists()


@pytest.mark.slow
def test_a_grid_that_is_killed_in_the_middle_of_a_run_goes_on_with_it(project: Path) -> None:
    words = [sys.executable, "-m", "onelook", "grid", "plan.toml", "--no-forecast"]
    process = subprocess.Popen(words, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = project / "grids" / "plan" / "runs" / "tiny-batch4" / "metrics.jsonl"
    deadline = time.monotonic() + 300
    while not (metrics.is_file() and '"eval"' in metrics.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()

    done = onelook("grid", "plan.toml", "--no-forecast", "--json", folder=project)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [row["state"] for row in told["runs"]] == ["done", "done"]
    rows = {row.id: row for row in read_outcomes(project / "grids" / "plan")}
    assert rows["tiny-batch4"].attempts == 2
    assert rows["tiny-batch8"].attempts == 1
    assert "going on after step" in (project / "grids/plan/logs/tiny-batch4.log").read_text()
    for row in rows.values():
        assert row.result["steps"] == 16 * 8 / row.axes["batch"]
        assert row.measured is not None
        assert row.measured.measuring_seconds is not None
        assert row.measured.user_seconds is not None
        assert row.environment["data"]["train"]
        assert os.cpu_count() == row.environment["cores"]


@pytest.mark.slow
def test_two_ray_workers_give_the_rows_of_this_machine(project: Path) -> None:
    pytest.importorskip("ray", reason="RAY ABSENT: this comparison was not made")
    (project / "plan.toml").write_text(PLAN.replace("epochs = 8", "epochs = 2"))
    for engine in ("local", "ray"):
        done = onelook(
            "grid", "plan.toml", "--no-forecast", "--engine", engine, "--out", engine, "--parallel", 2, folder=project
        )
        if "expected Ray to answer" in done.stderr:
            pytest.skip(f"RAY DID NOT START, so this comparison was not made: {done.stderr}")
        assert done.returncode == 0, done.stderr

    local, ray = (read_outcomes(project / engine) for engine in ("local", "ray"))
    assert [(row.id, row.state, row.axes, row.settings, row.result) for row in local] == [
        (row.id, row.state, row.axes, row.settings, row.result) for row in ray
    ]
    assert len(ray) == 2
