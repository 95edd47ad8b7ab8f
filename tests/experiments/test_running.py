"""Runs as processes, by a stand-in for the trainer that does as its network's name says."""

from pathlib import Path

import pytest
from tests.experiments.grids import begun, run_plan, use_fake, write_plan

from onelook.experiments.outcome import read_outcomes


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake(monkeypatch)


def test_every_run_of_a_plan_becomes_a_row_with_what_it_gave_and_took(tmp_path: Path) -> None:
    path = write_plan(tmp_path, "[axes]\nbatch = [4, 8]\nepochs = [1, 2]")

    rows = run_plan(path, tmp_path / "out")

    assert [row.state for row in rows.values()] == ["done"] * 4
    assert [row.result["ap50"] for row in rows.values()] == [4 / 50, 4 / 50, 8 / 50, 8 / 50]
    row = rows["good-batch8-epochs2"]
    assert (row.attempts, row.run, row.result["steps"], row.result["losses"]) == (
        1,
        f"runs/{row.id}",
        4,
        {"objectness": 1 / 8},
    )
    assert row.environment == {"cores": 2, "data": {"train": "d"}}
    assert row.measured is not None
    assert row.measured.user_seconds is not None
    assert 0 < row.measured.user_seconds + (row.measured.system_seconds or 0) < row.measured.wall_seconds + 0.1
    assert row.measured.peak_memory_bytes is not None
    assert row.measured.peak_memory_bytes > 1e6, "of a process of a fifth of a second, looked at as it began"
    assert row.measured.images_per_second == 10.0
    assert read_outcomes(tmp_path / "out") == sorted(rows.values(), key=lambda row: row.id)
    assert (tmp_path / "out" / "plan.toml").read_text() == path.read_text()


def test_a_run_that_takes_too_much_memory_is_killed_and_told_and_the_others_go_on(tmp_path: Path) -> None:
    path = write_plan(tmp_path, '[limits]\nmemory = "60MB"\n[axes]\nbatch = [4, 8]', "hungry")

    rows = run_plan(path, tmp_path / "out")

    assert [row.state for row in rows.values()] == ["out_of_memory"] * 2
    row = rows["hungry-batch4"]
    assert "memory: expected at most 60MB (limits.memory), got" in str(row.cause)
    assert row.measured is not None
    assert row.measured.peak_memory_bytes is not None
    assert 60e6 < row.measured.peak_memory_bytes < 200e6
    assert row.measured.wall_seconds < 20


def test_a_run_that_takes_too_long_is_ended_and_told(tmp_path: Path) -> None:
    path = write_plan(tmp_path, '[limits]\ntime = "1s"', "slow")

    row = run_plan(path, tmp_path / "out")["slow"]

    assert row.state == "out_of_time"
    assert "time: expected at most 1s (limits.time)" in str(row.cause)
    assert (tmp_path / "out" / "runs" / "slow" / "saved").is_file(), "it was asked to save"


@pytest.mark.parametrize(
    ("network", "state", "cause"),
    [
        ("refusing", "refused", "data: expected pictures, got none"),
        ("broken", "failed", "Traceback: something is wrong inside"),
        ("liar", "failed", "batch: expected 8 as the plan has it, got 3"),
        ("killed", "failed", "killed by SIGKILL; stopped after step 0"),
        ("diverging", "failed", "the loss is not finite"),
        ("scribbled", "failed", "metrics.jsonl:1: loss: expected a number, got 'much'"),
    ],
)
def test_a_run_that_does_not_do_as_asked_is_a_row_with_its_cause(
    tmp_path: Path, network: str, state: str, cause: str
) -> None:
    path = write_plan(tmp_path, "[axes]\nbatch = [8]", network)

    row = run_plan(path, tmp_path / "out")[f"{network}-batch8"]

    assert row.state == state
    assert cause in str(row.cause)
    assert "\n" not in str(row.cause)


def test_a_run_that_failed_is_tried_again_as_often_as_the_plan_says(tmp_path: Path) -> None:
    flaky = run_plan(write_plan(tmp_path / "a", "retries = 1", "flaky"), tmp_path / "a" / "out")["flaky"]
    broken = run_plan(write_plan(tmp_path / "b", "retries = 2", "broken"), tmp_path / "b" / "out")["broken"]
    refusing = run_plan(write_plan(tmp_path / "c", "retries = 2", "refusing"), tmp_path / "c" / "out")["refusing"]

    assert (flaky.state, flaky.attempts, flaky.cause) == ("done", 2, None)
    assert (broken.state, broken.attempts) == ("failed", 3)
    assert (refusing.state, refusing.attempts) == ("refused", 1), "the same words would be refused again"
    assert begun(tmp_path / "a" / "out") == ["flaky", "flaky --resume"]


def test_a_run_that_says_it_is_done_before_its_last_step_is_not(tmp_path: Path) -> None:
    path = write_plan(tmp_path, '[[list]]\nname = "one"\nbatch = 4', "good")
    path.write_text(path.read_text().replace('good = "good"', 'short = "good"'))

    row = run_plan(path, tmp_path / "out")["short-one"]

    assert row.state == "failed"
    assert "max_batches: expected 4 steps" in str(row.cause)
