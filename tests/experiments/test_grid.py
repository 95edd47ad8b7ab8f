"""A grid that is ended in the middle and opened again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.experiments.conftest import MakeRun
from tests.experiments.grids import begun, run_plan, use_fake, write_plan

from onelook.experiments.grid import PlanQueue, open_grid
from onelook.experiments.local import run_locally
from onelook.experiments.outcome import read_outcome, read_outcomes, row_path, write_outcome
from onelook.experiments.plan import expand
from onelook.experiments.plan_file import read_plan
from onelook.structures.errors import UserError
from onelook.training.survival.interrupt import StopFlag

PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
import pytest
from tests.experiments.grids import run_plan, use_fake
with pytest.MonkeyPatch.context() as patch:
    use_fake(patch)
    run_plan(Path({plan!r}), Path({out!r}))
"""


def wait_until(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_grid_that_is_killed_outright_goes_on_and_runs_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write_plan(tmp_path, '[[list]]\nname = "a"\nbatch = 4\n[[list]]\nname = "b"\nbatch = 8', "slow")
    out = tmp_path / "out"
    text = plan.read_text()
    plan.write_text(text)
    program = PROGRAM.format(paths=[str(Path(__file__).parents[2])], plan=str(plan), out=str(out))
    process = subprocess.Popen([sys.executable, "-c", program])
    wait_until(out / "runs" / "slow-a" / "under-way")

    process.kill()
    process.wait()
    child = int((out / "runs" / "slow-a" / "under-way").read_text())
    os.kill(child, signal.SIGTERM)  # what the kernel does where the real command is begun: see test_bound
    wait_until(out / "runs" / "slow-a" / "saved")
    after = read_outcome(row_path(out, "slow-a"))
    (out / "runs" / "slow-b").mkdir()
    (out / "runs" / "slow-b" / "half").write_text("a run that was killed before its first checkpoint")
    use_fake(monkeypatch)
    monkeypatch.setattr("tests.experiments.fake_train.slow", None, raising=False)
    (tmp_path / "out" / "runs" / "slow-b" / "saved").touch()
    with StopFlag() as stop, open_grid(read_plan(plan), out, expand(read_plan(plan))) as grid:
        queue = PlanQueue(grid, expand(read_plan(plan)))
        waiting = {name: row.state for name, row in queue.rows.items()}
        ends = run_locally(grid, queue, 1, [], stop)
        first = next(ends)
        ends.close()

    assert (after.state, after.attempts) == ("running", 1)
    assert waiting == {"slow-a": "waiting", "slow-b": "waiting"}
    assert (first.id, first.state, first.attempts) == ("slow-a", "done", 2)
    assert first.measured is not None
    assert begun(out)[:2] == ["slow-a", "slow-a --resume"]


def test_a_run_that_ended_while_nobody_wrote_its_row_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path, "[axes]\nbatch = [4, 8]"), tmp_path / "out"
    rows = run_plan(plan, out)
    write_outcome(out, replace(rows["good-batch4"], state="running", result={}))
    row_path(out, "good-batch8").unlink()

    again = run_plan(plan, out)

    assert begun(out) == ["good-batch4", "good-batch8"]
    assert [row.state for row in again.values()] == ["done", "done"]
    assert again["good-batch4"].result == rows["good-batch4"].result
    assert again["good-batch8"].result == rows["good-batch8"].result


def test_a_row_that_was_spoilt_by_hand_is_written_again_from_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path, "[axes]\nbatch = [4]"), tmp_path / "out"
    run_plan(plan, out)
    samples = [{"time": 5.0 * k, "cpu_run": 100.0, "memory": 7, "read": 0, "written": 0} for k in range(3)]
    text = "".join(json.dumps(sample) + "\n" for sample in samples)
    (out / "runs" / "good-batch4" / "resources.jsonl").write_text(text)
    row_path(out, "good-batch4").write_text("{")

    row = run_plan(plan, out)["good-batch4"]

    assert row.state == "done"
    assert row.measured is not None
    assert (row.measured.wall_seconds, row.measured.peak_memory_bytes) == (10.0, 7), "as the training sampled it itself"
    assert len(begun(out)) == 1


def test_a_run_folder_edited_by_hand_is_a_failed_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path, "[axes]\nbatch = [4]"), tmp_path / "out"
    run_plan(plan, out)
    row_path(out, "good-batch4").unlink()
    settings = out / "runs" / "good-batch4" / "settings.toml"
    settings.write_text(settings.read_text().replace("batch = 4", "batch = 5"))

    row = run_plan(plan, out)["good-batch4"]

    assert row.state == "failed"
    assert "batch: expected 4 as the plan has it, got 5" in str(row.cause)


def test_a_plan_may_grow_but_not_change_what_was_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake(monkeypatch)
    out = tmp_path / "out"
    run_plan(write_plan(tmp_path, "[axes]\nbatch = [4]"), out)

    grown = run_plan(write_plan(tmp_path, "[axes]\nbatch = [4, 8]"), out)
    with pytest.raises(UserError, match=r"got one that does not have it: good-batch4; choose another --out"):
        run_plan(write_plan(tmp_path, "[axes]\nbatch = [8]"), out)
    with pytest.raises(UserError, match=r"got one that runs it with other settings: good-batch4"):
        run_plan(write_plan(tmp_path, "[settings]\nwidth = 64\n[axes]\nbatch = [4, 8]"), out)

    assert begun(out) == ["good-batch4", "good-batch8"]
    assert len(grown) == len(read_outcomes(out)) == 2


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    plan, out = write_plan(tmp_path, ""), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")

    with pytest.raises(UserError, match=r"expected a new folder or a grid's"):
        run_plan(plan, out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_plan_of_the_users_own_in_the_folder_is_not_written_over(tmp_path: Path) -> None:
    plan, out = write_plan(tmp_path / "here", "[axes]\nbatch = [4]"), tmp_path / "out"
    out.mkdir()
    (out / "plan.toml").write_text("a plan of my own")

    with pytest.raises(UserError, match=r"out: expected a new folder or a grid's, got one that holds something else"):
        run_plan(plan, out)
    assert (out / "plan.toml").read_text() == "a plan of my own"


def test_a_grid_that_was_killed_before_its_first_row_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path / "here", "[axes]\nbatch = [4]"), tmp_path / "out"
    out.mkdir()
    (out / "plan.toml").write_text(plan.read_text())

    assert run_plan(plan, out)["good-batch4"].state == "done"


def test_a_place_where_no_folder_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match=r"file/out: cannot be written"):
        run_plan(write_plan(tmp_path / "here", ""), tmp_path / "file" / "out")


def test_a_grid_that_somebody_runs_is_refused(tmp_path: Path) -> None:
    plan, out = write_plan(tmp_path, ""), tmp_path / "out"
    requests = expand(read_plan(plan))

    with open_grid(read_plan(plan), out, requests), pytest.raises(UserError, match=r"another onelook is writing"):
        run_plan(plan, out)


def test_no_run_begins_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path, '[limits]\ndisk = "2GB"'), tmp_path / "out"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**9))

    with pytest.raises(UserError, match=r"expected 2GB free for the next run \(limits.disk\), got 1.0 GB"):
        run_plan(plan, out)
    assert begun(out) == []


def test_a_run_that_the_disk_had_no_room_for_goes_on_when_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path, "", "crowded"), tmp_path / "out"
    first = run_plan(plan, out)["crowded"]

    assert (first.state, first.attempts) == ("waiting", 1)
    assert str(first.cause).startswith("last: expected room on the disk, got No space left on device")
    assert run_plan(plan, out)["crowded"].state == "done"
    assert begun(out) == ["crowded", "crowded --resume"]


def test_a_stop_lets_runs_save_and_they_go_on_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path, "", "slow"), tmp_path / "out"
    requests = expand(read_plan(plan))
    with StopFlag() as stop, open_grid(read_plan(plan), out, requests) as grid:
        queue, running = PlanQueue(grid, requests), []
        ends = run_locally(grid, queue, 1, running, stop)
        stop.wished = True
        stop_at_once = list(ends)
        stop.wished = False
        ends = run_locally(grid, queue, 1, running, stop)

        def wish() -> None:
            wait_until(out / "runs" / "slow" / "under-way")
            stop.wished = True

        import threading

        thread = threading.Thread(target=wish)
        thread.start()
        stopped = list(ends)
        thread.join()

    again = run_plan(plan, out)["slow"]

    assert stop_at_once == []
    assert [(row.state, row.cause) for row in stopped] == [
        ("waiting", "stopped; it goes on when the grid is run again")
    ]
    assert (again.state, again.attempts) == ("done", 2)
    assert again.measured is not None
    assert stopped[0].measured is not None
    assert again.measured.wall_seconds > stopped[0].measured.wall_seconds, "both parts are counted"


def test_an_unfinished_run_of_another_kind_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_run: MakeRun
) -> None:
    use_fake(monkeypatch)
    plan, out = write_plan(tmp_path, "[axes]\nbatch = [4]"), tmp_path / "out"
    make_run(out / "runs" / "good-batch4", finished=False)
    (out / "plan.toml").write_text("")

    assert run_plan(plan, out)["good-batch4"].state == "done"
    assert begun(out) == ["good-batch4"], "it had no checkpoint to go on from"
