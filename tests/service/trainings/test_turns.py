"""When trainings begin and end: by the pace of those that run and what earlier ones took."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from onelook.service.trainings.record import Training, new_training, run_of
from onelook.service.trainings.turns import Turn, turns

NUMBERS = iter(range(1000))


def add(root: Path, state: str, began: float = 0, took: float | None = None, **more: Any) -> Training:
    """Return a training that began some seconds ago and took so many."""
    now = time.time()
    ended = None if took is None else now - began + took
    facts = {"state": state, "started_at": now - began, "finished_at": ended, **more}
    return new_training(root, f"t{next(NUMBERS)}", "anna", facts.pop("kind", "training"), "d1", "x", None, **facts)


def test_nobody_waits_where_there_is_room(tmp_path: Path) -> None:
    waits = add(tmp_path, "waiting")

    assert turns(tmp_path, 1) == {waits.id: Turn(0, 0)}
    assert turns(tmp_path / "nothing", 1) == {}


def test_who_waits_begins_when_those_before_have_ended(tmp_path: Path) -> None:
    add(tmp_path, "done", 500, 100)
    add(tmp_path, "done", 900, 100)
    add(tmp_path, "failed", 900, 1)
    add(tmp_path, "done", 900, 4, kind="forecast")
    running = add(tmp_path, "running", 30)
    waiting = [add(tmp_path, "waiting") for _ in range(2)]
    forecast = add(tmp_path, "waiting", kind="forecast")

    alone, both = turns(tmp_path, 1), turns(tmp_path, 2)

    assert alone[running.id].ends == pytest.approx(70, abs=2)
    assert [alone[each.id].begins for each in (*waiting, forecast)] == pytest.approx([70, 170, 270], abs=2)
    assert alone[forecast.id].ends == pytest.approx(274, abs=2)
    assert [both[each.id].begins for each in (*waiting, forecast)] == pytest.approx([0, 70, 100], abs=2)


def test_one_that_runs_is_known_by_its_own_pace(tmp_path: Path) -> None:
    running = add(tmp_path, "running", 30)
    run_of(tmp_path, running).mkdir()
    lines = [{"kind": "step", "step": step, "time": step * 2.0} for step in range(1, 11)]
    (run_of(tmp_path, running) / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run_of(tmp_path, running) / "settings.toml").write_text("max_batches = 60\n")

    assert turns(tmp_path, 1)[running.id] == Turn(0, 100)


def test_one_beyond_the_usual_is_taken_for_half_done(tmp_path: Path) -> None:
    add(tmp_path, "done", 500, 10)
    running = add(tmp_path, "running", 40)

    assert turns(tmp_path, 0)[running.id].ends == pytest.approx(40, abs=2)
