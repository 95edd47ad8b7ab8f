import json
import os
from pathlib import Path

import pytest
from tests.experiments.conftest import MakeRun

from onelook.experiments.past_run import cards, outcome_of_run, pace_of, result_of
from onelook.training.run import Run
from onelook.training.survival.heartbeat import Heartbeat


def test_a_finished_run_becomes_a_row(make_run: MakeRun, tmp_path: Path) -> None:
    row = outcome_of_run(make_run(tmp_path / "one", {"augment": {"flip": 0.5}}))

    assert (row.id, row.network, row.data, row.seed, row.state, row.cause) == ("one", "tiny", "cells", 3, "done", None)
    assert row.settings == {"batch": 4, "max_batches": 20, "seed": 3, "augment.flip": 0.5}
    assert row.result["ap50"] == 0.5, "of the best evaluation, not of the last"
    assert (row.result["best_step"], row.result["steps"], row.result["loss"]) == (10, 20, 0.5)
    assert row.result["losses"] == {"objectness": 0.25}
    assert row.environment["torch"] == "2.13.0"
    assert row.measured is not None
    assert (row.measured.wall_seconds, row.measured.peak_memory_bytes, row.measured.disk_written_bytes) == (
        12.5,
        1002,
        200,
    )
    assert (row.measured.images_per_second, row.measured.waiting_seconds) == (8.0, 2.5)
    assert row.measured.user_seconds is None, "nobody told"


def test_an_unfinished_run_says_how_it_ended(make_run: MakeRun, tmp_path: Path) -> None:
    stopped, short, died = (make_run(tmp_path / name, finished=False) for name in ("stopped", "short", "died"))
    for folder, cause in ((short, "out of memory"), (died, "killed")):
        (folder / "guard.jsonl").write_text(
            json.dumps({"kind": "death", "cause": cause, "what": f"{cause}, at 5"}) + "\n"
        )

    rows = [outcome_of_run(folder) for folder in (stopped, short, died)]

    assert [row.state for row in rows] == ["failed", "out_of_memory", "failed"]
    assert "stopped after step 20" in str(rows[0].cause)
    assert [row.cause for row in rows[1:]] == ["out of memory, at 5", "killed, at 5"]


def test_a_run_under_way_is_running_and_one_killed_a_moment_ago_is_not(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "one", finished=False)
    heart = Heartbeat(Run(folder).alive)
    heart.beat(3, "training")

    alive = outcome_of_run(folder)
    beat = json.loads(Run(folder).alive.read_text())
    Run(folder).alive.write_text(json.dumps({**beat, "process": beat["process"] - 1, "pid": os.getpid()}))

    assert alive.state == "running"
    assert outcome_of_run(folder).state == "failed"
    assert "killed" in str(outcome_of_run(folder).cause)


BROKEN = {
    "no run": lambda folder: (folder / "settings.toml").unlink(),
    "settings that are none": lambda folder: (folder / "settings.toml").write_text("batch = = 3"),
    "metrics that are none": lambda folder: (folder / "metrics.jsonl").write_text('what\n{"step": 1}\n'),
    "a metric without its step": lambda folder: (folder / "metrics.jsonl").write_text('{"kind": "eval"}\n'),
    "predictions cut short": lambda folder: (folder / "predictions.json").write_text('{"about":'),
    "words where numbers belong": lambda folder: (folder / "metrics.jsonl").write_text('{"step": 1, "loss": "much"}\n'),
    "losses that are none": lambda folder: (folder / "metrics.jsonl").write_text('{"step": 1, "losses": [1]}\n'),
    "metrics that are no text": lambda folder: (folder / "metrics.jsonl").write_bytes(b'\xff\xfe\n{"step": 1}\n'),
    "a seed in words": lambda folder: (folder / "settings.toml").write_text('seed = "one"'),
    "samples of words": lambda folder: (folder / "resources.jsonl").write_text('{"time": 1, "memory": "much"}\n'),
    "kernels that are none": lambda folder: (folder / "kernels.json").write_text("[]"),
    "an environment that is none": lambda folder: (folder / "environment.json").write_text("{"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_folder_edited_by_hand_is_a_failed_row(make_run: MakeRun, tmp_path: Path, what: str) -> None:
    folder = make_run(tmp_path / "one")
    BROKEN[what](folder)

    row = outcome_of_run(folder)

    assert row.state == "failed"
    assert str(folder) in str(row.cause)


def test_no_lines_give_no_figures() -> None:
    assert result_of([]) == {}
    assert pace_of([], 4) == (None, None)


def test_an_evaluation_between_two_lines_ends_no_stretch_of_steps() -> None:
    step = {"kind": "step", "images_per_second": 8.0, "waiting": 0.5}
    lines = [{**step, "step": 10}, {"kind": "eval", "step": 13, "ap": 0.1}, {**step, "step": 20}]

    assert pace_of(lines, 4) == (8.0, pytest.approx(0.5 * 20 * 4 / 8))


def test_a_pause_between_a_stop_and_its_resume_counts_for_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "one", finished=False)
    card = {"utilisation": 50.0, "memory": 5.0, "power": 100.0}
    times = (0.0, 5.0, 10.0, 50_010.0, 50_015.0)
    samples = [
        {"time": 1000.0 + time, "cpu_run": 100.0, "memory": 1, "read": 10, "written": 0, "sampling": 0.0, "gpu": [card]}
        for time in times
    ]
    (folder / "resources.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))

    measured = outcome_of_run(folder).measured

    assert measured is not None
    assert (measured.wall_seconds, measured.disk_read_bytes) == (16.0, 160)
    assert measured.cpu_percent == pytest.approx(100, abs=0.1)
    assert measured.gpu_energy_joules == pytest.approx(1600.0)


def test_a_classifiers_figures_are_those_of_its_best_evaluation() -> None:
    lines = [{"kind": "eval", "step": step, "top1": top1, "top5": 1.0} for step, top1 in ((5, 0.8), (10, 0.6))]

    assert result_of(lines) == {"top1": 0.8, "top5": 1.0, "best_step": 5}


def test_the_energy_of_the_cards_is_their_power_over_time() -> None:
    def gpu(watt: float) -> list[dict[str, float]]:
        return [
            {"power": watt, "memory": 10.0, "utilisation": 50.0},
            {"power": watt, "memory": 5.0, "utilisation": 70.0},
        ]

    told = cards([{"time": 10.0 * k, "gpu": gpu(100.0 + 100 * k)} for k in range(3)])

    assert told["gpu_energy_joules"] == pytest.approx(2 * (150 * 10 + 250 * 10))
    assert (told["gpu_memory_bytes"], told["gpu_utilisation"], told["gpu_power_watts"]) == (15, 60.0, 400.0)
    assert cards([{"time": 1.0, "gpu": []}]) == {}


def test_what_no_card_tells_is_not_told_as_nothing() -> None:
    silent = [{"power": None, "memory": None, "utilisation": None}, {}]
    samples = [{"time": 10.0 * k, "gpu": silent} for k in range(3)]
    half = [{"time": 10.0 * k, "gpu": [{"power": 50.0 if k else None}, {"power": None}]} for k in range(3)]

    assert set(cards(samples).values()) == {None}
    assert (cards(half)["gpu_power_watts"], cards(half)["gpu_energy_joules"]) == (50.0, 500.0)
    assert cards(half[:1] + half[2:])["gpu_energy_joules"] is None
    assert cards([{"time": 0.0, "gpu": [{"power": 50.0}]}])["gpu_energy_joules"] is None


def test_the_largest_kernel_is_told_where_somebody_looked(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "one")
    (folder / "kernels.json").write_text(
        '{"steps": 3, "kernel": "gemm", "calls": 9, "mean_seconds": 0.002, "share": 0.25, "seconds": 0.072}'
    )

    measured = outcome_of_run(folder).measured

    assert measured is not None
    assert (measured.gpu_kernel, measured.gpu_kernel_mean_seconds, measured.gpu_kernel_share) == ("gemm", 0.002, 0.25)
