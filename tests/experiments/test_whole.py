"""A plan from its file to the last row, by the stand-in for the trainer."""

import signal
from pathlib import Path

import pytest
from tests.experiments.grids import begun, use_fake, write_plan

from onelook.experiments import whole
from onelook.experiments.checking import Checked
from onelook.experiments.outcome import read_outcomes
from onelook.experiments.plan import expand
from onelook.experiments.plan_file import read_plan
from onelook.experiments.whole import foresee, run_grid
from onelook.structures.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be trained or measured: what that gives is test_checking's affair."""
    use_fake(monkeypatch)
    monkeypatch.setattr(
        whole,
        "in_a_process",
        lambda act, requests, where, forecast: Checked((), {each.name: 5400.0 for each in requests}),
    )


def test_a_grid_tells_how_long_it_takes_and_every_end(tmp_path: Path) -> None:
    told: list[str] = []
    plan = write_plan(tmp_path, '[limits]\ntime = "1h"\n[axes]\nbatch = [4, 8]')

    result = run_grid(plan, tmp_path / "out", say=told.append)

    assert result.good
    assert told[0] == "plan: 2 runs, about 3 h 00 min on this machine"
    assert told[1] == "limits.time=1h: 2 runs are expected to take longer and to be ended, good-batch4 the first"
    assert told[2].startswith("good-batch4: done  ap50 0.080  ")
    assert told[-1] == f"{tmp_path / 'out'}: 2 done"


def test_a_grid_that_is_done_runs_nothing(tmp_path: Path) -> None:
    plan, told = write_plan(tmp_path, "[axes]\nbatch = [4, 8]"), list[str]()
    run_grid(plan, tmp_path / "out", say=told.append)

    run_grid(plan, tmp_path / "out", say=told.append)

    assert "plan: 2 runs, 2 done: 0 to do" in told
    assert len(begun(tmp_path / "out")) == 2


def test_a_run_that_is_tried_again_is_one_to_do(tmp_path: Path) -> None:
    run_grid(write_plan(tmp_path, "[axes]\nbatch = [4]", "flaky"), tmp_path / "out", say=lambda _: None)
    told: list[str] = []

    run_grid(write_plan(tmp_path, "retries = 1\n[axes]\nbatch = [4, 8]", "flaky"), tmp_path / "out", say=told.append)

    assert told[0] == "plan: 2 runs, about 3 h 00 min on this machine"
    assert told[-1].endswith("out: 2 done")


def test_a_plan_is_foreseen_without_a_trace(tmp_path: Path) -> None:
    plan, told = write_plan(tmp_path, "[axes]\nbatch = [4, 8]"), list[str]()

    requests = foresee(plan, True, told.append)

    assert [each.name for each in requests] == ["good-batch4", "good-batch8"]
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


def test_an_unknown_engine_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--engine: expected local or ray, got 'rays'; did you mean 'ray'\?"):
        run_grid(write_plan(tmp_path, ""), engine="rays")


def test_a_search_finds_the_best_and_gives_up_the_hopeless(tmp_path: Path) -> None:
    plan = write_plan(
        tmp_path, "[axes]\nbatch = [1, 2, 4]\n[search]\ntrials = 3\nmin_epochs = 1\nreduction = 2", "pruned"
    )
    told: list[str] = []

    result = run_grid(plan, tmp_path / "out", say=told.append)

    batches = [row.axes["batch"] for row in result.rows]
    states = {row.axes["batch"]: row.state for row in result.rows}
    worse = [batch for number, batch in enumerate(batches) if any(other < batch for other in batches[:number])]
    assert sorted(batches) == [1, 2, 4], "no point is run twice"
    assert all(states[batch] == "pruned" for batch in worse)
    assert states[1] == "done"
    assert result.good


def test_a_search_goes_on_where_it_was_ended_and_proposes_the_same(tmp_path: Path) -> None:
    text = "[axes]\nbatch = [1, 2, 4, 8]\nlearning_rate = {low = 0.001, high = 0.01}\n[search]\ntrials = "
    whole_rows = run_grid(write_plan(tmp_path / "a", f"{text}4"), tmp_path / "a" / "out").rows
    run_grid(write_plan(tmp_path / "b", f"{text}2"), tmp_path / "b" / "out")

    rows = run_grid(write_plan(tmp_path / "b", f"{text}4"), tmp_path / "b" / "out").rows

    assert [row.axes for row in rows] == [row.axes for row in whole_rows]
    assert len(begun(tmp_path / "b" / "out")) == 4
    assert all(row.state == "done" for row in read_outcomes(tmp_path / "b" / "out"))


def test_a_search_with_repeats_is_refused_before_anything(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, "repeats = 2\n[axes]\nbatch = [1, 2]\n[search]\ntrials = 1")

    with pytest.raises(UserError, match=r"plan.toml: search: expected one seed, got 2"):
        foresee(plan, False, pytest.fail)


def test_a_search_is_not_mixed_with_one_of_other_settings(tmp_path: Path) -> None:
    text = "[axes]\nbatch = [1, 2, 4]\n[search]\ntrials = "
    run_grid(write_plan(tmp_path, f"{text}1"), tmp_path / "out")

    with pytest.raises(
        UserError, match=r"got one that runs t0000-good-batch\d with other settings; choose another --out"
    ):
        run_grid(write_plan(tmp_path, f"[settings]\nwidth = 64\n{text}2"), tmp_path / "out")


def test_a_trial_that_failed_is_tried_again_as_often_as_the_plan_says(tmp_path: Path) -> None:
    tables = "[axes]\nbatch = [4]\n[search]\ntrials = 1"
    failed = run_grid(write_plan(tmp_path, tables, "flaky"), tmp_path / "out").rows
    again = run_grid(write_plan(tmp_path, f"retries = 1\n{tables}", "flaky"), tmp_path / "out").rows

    assert [(row.state, row.attempts) for row in failed] == [("failed", 1)]
    assert [(row.state, row.attempts) for row in again] == [("done", 2)]


def test_a_search_whose_points_are_spent_ends_early(tmp_path: Path) -> None:
    rows = run_grid(write_plan(tmp_path, "[axes]\nbatch = [4, 8]\n[search]\ntrials = 9"), tmp_path / "out").rows

    assert sorted(row.axes["batch"] for row in rows) == [4, 8]


def test_runs_with_the_same_weights_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onelook.experiments.running.weights_digest", lambda run: "abc")
    told: list[str] = []

    run_grid(write_plan(tmp_path, "[axes]\nbatch = [4, 8]"), tmp_path / "out", say=told.append)

    assert any(
        "good-batch8 ended with the very weights of good-batch4 although they differ in batch" in line for line in told
    )


def test_the_examples_are_plans() -> None:
    full, reduced = (expand(read_plan(ROOT / "examples" / f"bccd-batch-epochs{end}.toml")) for end in ("", "-reduced"))

    assert (len(full), len(reduced)) == (32, 16)
    assert {each.settings["width"] for each in full} == {320}
    assert {(each.axes["batch"], each.axes["epochs"]) for each in full} == {
        (b, e) for b in (4, 8, 16, 32) for e in (1, 5, 10, 20)
    }


def test_signals_are_as_they_were_behind_a_grid(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)

    run_grid(write_plan(tmp_path, ""), tmp_path / "out")

    assert signal.getsignal(signal.SIGINT) is before
