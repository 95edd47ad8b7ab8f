"""Signals, signs of life, deaths and what is told of them; and what a run that goes on will not take."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from onelook.structures.errors import UserError
from onelook.training.guard.diagnosis import WAYS_OUT, record_death, write_diagnosis
from onelook.training.run import Run
from onelook.training.survival.heartbeat import Heartbeat, death, killed_for_memory, read_heartbeat, refuse_trained
from onelook.training.survival.interrupt import StopFlag, Stopped
from onelook.training.tasks.detection import DetectionTask
from onelook.training.tasks.task import Validation
from onelook.training.train import train

SETTINGS = {"max_batches": 12, "batch": 4, "eval_every": 1, "workers": 0, "threads": 1, "burn_in": 2}


def quiet(_: str) -> None:
    pass


@pytest.fixture(autouse=True)
def neither_proof_nor_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes long and says nothing here."""
    monkeypatch.setattr(DetectionTask, "prove", lambda *_: None)
    monkeypatch.setattr("onelook.training.session.draw_chart", lambda *_: None)


def test_a_signal_is_a_wish_and_two_within_a_second_are_one() -> None:
    with StopFlag() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

        assert stop.wished
        assert stop.signal == signal.SIGTERM


def test_a_signal_ends_at_once_what_need_not_be_finished() -> None:
    with StopFlag() as stop:
        with pytest.raises(Stopped), stop.at_once():
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped), stop.at_once():
            pytest.fail("a wish from before holds too")


def test_while_a_run_is_proved_its_sign_of_life_says_so_and_nobody_else_may_take_it(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(DetectionTask, "prove", lambda _task, run, *_: seen.append(read_heartbeat(run.alive)))

    train(network, squares, out=tmp_path / "run", settings={**SETTINGS, "max_batches": 2}, say=quiet)

    assert [(beat["phase"], beat["step"], beat["pid"]) for beat in seen] == [("being proved", 2, os.getpid())]
    assert not Run(tmp_path / "run").alive.exists()


def test_a_stop_in_an_evaluation_makes_it_later_and_ends_alike(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(network, squares, out=tmp_path / "whole", settings=SETTINGS, say=quiet)
    validate, calls = DetectionTask.validate, iter(range(99))

    def stopped(*arguments: Any) -> Validation:
        if next(calls) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return validate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(DetectionTask, "validate", stopped)
        first = train(network, squares, out=tmp_path / "parts", settings=SETTINGS, say=quiet)
    steps = [line["step"] for line in Run(first.run).read_metrics() if line["kind"] == "eval"]
    train(network, squares, out=tmp_path / "parts", resume=True, say=quiet)

    states = [load_file(run / "last" / "state.safetensors") for run in (whole.run, first.run)]
    evaluations = [
        [line for line in Run(run).read_metrics() if line["kind"] == "eval"] for run in (whole.run, first.run)
    ]
    assert not first.finished
    assert steps == [4]
    assert evaluations[0] == evaluations[1]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


def test_a_sign_of_life_tells_process_step_and_pictures(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "last" / "alive.json")
    heartbeat.beat(12345, "training", ["a long name of a picture.png"] * 9)
    heartbeat.beat(3, "evaluating", ["b.png"])

    beat = read_heartbeat(heartbeat.path)
    assert beat is not None
    assert (beat["pid"], beat["step"], beat["phase"], beat["pictures"]) == (os.getpid(), 3, "evaluating", ["b.png"])
    heartbeat.end()
    assert read_heartbeat(heartbeat.path) is None


def test_a_run_that_another_process_trains_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last" / "alive.json"
    program = (
        "import sys; from pathlib import Path; from onelook.training.survival.heartbeat import Heartbeat; "
        "h = Heartbeat(Path(sys.argv[1])); h.beat(1, 'training'); print('begun', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "begun\n"
    try:
        with pytest.raises(UserError, match=f"got one that process {other.pid} trains; wait for it"):
            refuse_trained(path)
    finally:
        other.kill()
        other.communicate()
    refuse_trained(path)


@pytest.mark.parametrize(
    ("change", "number", "cause", "words"),
    [
        ({}, None, "killed", "killed without a word"),
        ({}, signal.SIGSEGV, "killed", "killed by SIGSEGV"),
        ({"boot": "another"}, None, "machine went down", "power was lost"),
        ({"killed_for_memory": -1}, signal.SIGKILL, "out of memory", "memory ran out"),
        ({"killed_for_memory": -1}, signal.SIGTERM, "killed", "killed by SIGTERM"),
    ],
)
def test_a_death_has_a_cause(
    tmp_path: Path, change: dict[str, object], number: int | None, cause: str, words: str
) -> None:
    heartbeat = Heartbeat(tmp_path / "alive.json")
    heartbeat.beat(7, "training", ["a.png"])
    beat = read_heartbeat(heartbeat.path)
    assert beat is not None

    event = death({**beat, **change}, number)

    assert event["cause"] == cause
    assert words in event["what"]
    assert "at step 7" in event["what"]
    assert killed_for_memory() >= 0


def test_a_diagnosis_tells_a_death_with_its_pictures_and_the_way_out(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    event = {
        "kind": "death",
        "cause": "out of memory",
        "what": "killed",
        "step": 3,
        "pictures": ["x/a.png"],
        "time": 0.0,
    }

    record_death(run, event)

    text = run.diagnosis.read_text()
    assert "# run: died" in text
    assert "`a.png`" in text
    assert WAYS_OUT["out of memory"] in text


def test_a_healthy_run_has_a_diagnosis_that_says_so(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.folder.mkdir()

    write_diagnosis(run, "finished")

    assert "Healthy" in run.diagnosis.read_text()
    assert "What to do" not in run.diagnosis.read_text()


def test_what_is_raised_in_a_run_is_in_its_diagnosis(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("somebody's mistake")

    monkeypatch.setattr(DetectionTask, "validate", broken)
    with pytest.raises(ZeroDivisionError):
        train(network, squares, out=tmp_path / "run", settings=SETTINGS, say=quiet)

    text = (tmp_path / "run" / "diagnosis.md").read_text()
    assert "ZeroDivisionError: somebody's mistake" in text
    assert "it was evaluating, at step 4" in text
    assert read_heartbeat(tmp_path / "run" / "last" / "alive.json") is None


def test_a_run_killed_for_memory_goes_on_with_a_batch_cut_in_two(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(network, squares, out=tmp_path / "run", settings={**SETTINGS, "max_batches": 4}, say=quiet)
    run = Run(tmp_path / "run")
    heartbeat = Heartbeat(run.alive)
    heartbeat.beat(3, "training")
    beat = json.loads(run.alive.read_text())
    run.alive.write_text(json.dumps({**beat, "pid": 2**22 + 1, "killed_for_memory": -1}))
    told: list[str] = []

    train(network, squares, out=run.folder, resume=True, say=told.append)

    assert any("killed by the kernel: memory ran out" in line for line in told)
    assert any("goes on with 2 subdivisions" in line for line in told)


def test_settings_that_change_nothing_learnt_may_change_and_others_are_refused(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    train(network, squares, out=tmp_path / "run", settings={**SETTINGS, "max_batches": 4}, say=quiet)
    told: list[str] = []

    train(network, squares, out=tmp_path / "run", settings={"guard": "stop"}, resume=True, say=told.append)
    with pytest.raises(UserError, match=r"expected no other learning_rate, box_weight than .* has.*--weights"):
        train(
            network,
            squares,
            out=tmp_path / "run",
            settings={"learning_rate": 0.5, "box_weight": 9, "seed": 0},
            resume=True,
            say=quiet,
        )

    assert "guard: recover -> stop" in told
    assert 'guard = "stop"' in (tmp_path / "run" / "settings.toml").read_text()


def test_what_has_changed_of_the_data_is_said(network: Path, squares: Path, tmp_path: Path) -> None:
    train(network, squares, out=tmp_path / "run", settings={**SETTINGS, "max_batches": 4}, say=quiet)
    (squares.parent / "labels" / "train" / "00.txt").write_text("0 0.5 0.5 0.2 0.2\n")

    with pytest.raises(UserError, match=r"\(boxes of train 32 -> 31\); for this data begin a new run with --weights"):
        train(network, squares, out=tmp_path / "run", resume=True, say=quiet)


def test_a_folder_of_another_program_is_refused(network: Path, squares: Path, tmp_path: Path) -> None:
    (tmp_path / "run" / "last").mkdir(parents=True)
    (tmp_path / "run" / "settings.toml").write_text("epochs = 3\n")

    with pytest.raises(UserError, match="expected a checkpoint, got none"):
        train(network, squares, out=tmp_path / "run", resume=True, say=quiet)


def test_weights_that_are_not_finite_are_refused_before_anything_is_written(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    first = train(network, squares, out=tmp_path / "a", settings={**SETTINGS, "max_batches": 4}, say=quiet)
    path = first.run / "model" / "weights.safetensors"
    arrays = load_file(path)
    arrays["0.weights"][0] = np.nan
    save_file(arrays, path)
    bundle = first.run / "model" / "bundle.toml"
    kept = [line for line in bundle.read_text().splitlines() if not line.startswith("weights_sha256")]
    bundle.write_text("\n".join(kept))

    with pytest.raises(UserError, match=r"expected finite weights, got 27 others in 0.weights"):
        train(network, squares, weights=first.run, out=tmp_path / "b", settings=SETTINGS, say=quiet)
    assert not (tmp_path / "b").exists()
