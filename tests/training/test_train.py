"""A run, whole, stopped, killed and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from onelook.structures.bundle import read_bundle
from onelook.structures.errors import UserError
from onelook.training.loop import StepResult
from onelook.training.run import Run
from onelook.training.session import Session
from onelook.training.settings import read_train_settings
from onelook.training.survival.heartbeat import read_heartbeat
from onelook.training.train import train

SETTINGS = {
    "max_batches": 24,
    "batch": 4,
    "learning_rate": 0.01,
    "eval_every": 2,
    "workers": 0,
    "threads": 1,
    "burn_in": 2,
}


def quiet(line: str) -> None:
    pass


def test_a_run_leaves_model_chart_report_and_metrics(network: Path, squares: Path, tmp_path: Path) -> None:
    told: list[str] = []
    result = train(str(network), squares, out=tmp_path / "run", settings=SETTINGS, say=told.append)

    assert "Healthy" in (result.run / "diagnosis.md").read_text()
    names = {path.name for path in result.run.iterdir()}
    kinds = [line["kind"] for line in Run(result.run).read_metrics()]
    bundle = read_bundle(result.run / "model")
    assert names >= {"settings.toml", "model", "last", "metrics.jsonl", "environment.json", "chart.png", "report.html"}
    assert kinds.count("eval") == 3
    assert bundle.names == ("red", "blue")
    assert bundle.cfg.net.integer("max_batches", 0) == 24
    assert bundle.settings.seen == bundle.metrics["step"] * bundle.cfg.net.integer("batch", 0) > 0
    assert result.evaluation is not None
    assert any(line.startswith("anchors:") for line in told)


def test_squares_are_found_after_a_minute_of_training(network: Path, squares: Path, tmp_path: Path) -> None:
    chosen = {**SETTINGS, "max_batches": 250, "eval_every": 20, "mosaic": 0, "hue": 0}
    result = train(str(network), squares, out=tmp_path / "run", settings=chosen, say=quiet)

    assert result.evaluation is not None
    assert (result.evaluation.ap50 or 0) > 0.8


def stopped_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run get SIGINT in the middle of step number `steps`."""
    note = Session._log

    def log(session: Session, result: StepResult) -> None:
        note(session, result)
        if result.step >= steps:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Session, "_log", log)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    chosen = {**SETTINGS, "workers": workers}
    whole = train(str(network), squares, out=tmp_path / "whole", settings=chosen, say=quiet)
    with monkeypatch.context() as patch:
        stopped_after(10, patch)
        first = train(str(network), squares, out=tmp_path / "parts", settings=chosen, say=quiet)
    second = train(str(network), squares, out=tmp_path / "parts", resume=True, say=quiet)

    assert not first.finished
    assert second.finished
    states = [load_file(run / "last" / "state.safetensors") for run in (whole.run, second.run)]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    steps = [[line["step"] for line in Run(run).read_metrics()] for run in (whole.run, second.run)]
    assert steps[0] == steps[1]


def started(network: Path, squares: Path, run: Path, **settings: object) -> subprocess.Popen[str]:
    """Return a run that was started from the command line in a session of its own, once it trains."""
    sets = [word for key, value in {**SETTINGS, **settings}.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "onelook", "train", str(network), str(squares), "--out", str(run), *sets]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    began = time.monotonic()
    while not (run / "last" / "alive.json").is_file() and process.poll() is None and time.monotonic() - began < 180:
        time.sleep(0.05)
    return process


def test_a_run_killed_outright_says_so_and_resumes(network: Path, squares: Path, tmp_path: Path) -> None:
    process = started(network, squares, tmp_path / "run", max_batches=2000)
    os.killpg(process.pid, signal.SIGKILL)  # the supervisor too
    process.communicate()

    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        stopped_after(0, patch)
        result = train(str(network), squares, out=tmp_path / "run", resume=True, say=told.append)
    assert not result.finished
    assert any("going on after step" in line for line in told)


def test_a_supervisor_tells_which_signal_killed_its_run_and_at_which_pictures(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    process = started(network, squares, tmp_path / "run", max_batches=5000)
    alive = tmp_path / "run" / "last" / "alive.json"
    while (beat := read_heartbeat(alive)) is None and process.poll() is None:
        time.sleep(0.02)
    assert beat is not None
    os.kill(beat["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=60)

    event = Run(tmp_path / "run").read_events()[-1]
    diagnosis = (tmp_path / "run" / "diagnosis.md").read_text()
    assert process.returncode == 128 + signal.SIGKILL
    assert "killed by SIGKILL" in err
    assert "go on with --resume" in err
    assert event["kind"] == "death"
    assert all(path.endswith(".png") for path in event["pictures"])
    assert "killed by SIGKILL" in diagnosis
    assert not alive.exists()


def test_sigterm_to_a_run_and_its_workers_saves_and_ends_with_130(network: Path, squares: Path, tmp_path: Path) -> None:
    process = started(network, squares, tmp_path / "run", max_batches=5000, workers=1)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=120)

    assert process.returncode == 130, err
    assert "stopped after step" in out
    assert err == ""
    assert "stopped after step" in (tmp_path / "run" / "diagnosis.md").read_text()


def test_the_darknet_recipe_takes_rates_and_loss_from_the_cfg(network: Path, squares: Path, tmp_path: Path) -> None:
    text = network.read_text().replace("batch=4", "batch=4\nlearning_rate=.01\nburn_in=10\npolicy=poly\npower=2")
    network.write_text(text)
    chosen = {"recipe": "darknet", "max_batches": 40, "burn_in": 10, "workers": 0, "threads": 1, "anchors": "keep"}
    result = train(network, squares, out=tmp_path / "run", settings=chosen, say=quiet)

    lines = [line for line in Run(result.run).read_metrics() if line["kind"] == "step"]
    kept = read_train_settings(result.run / "settings.toml")
    assert (kept.policy, kept.optimizer, kept.loss.kind) == ("poly", "sgd", "darknet")
    assert [line["learning_rate"] for line in lines] == pytest.approx(
        [0.01 * (1 - n / 40) ** 2 for n in (10, 20, 30, 40)]
    )
    assert lines[-1]["loss"] < lines[0]["loss"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"width": 70}}, "width=70: expected a multiple of the network's stride 8, such as 72"),
        ({"weights": Path("absent.weights")}, "absent.weights: expected weights, got nothing there"),
        ({"settings": {"epoch": 1}}, "unknown setting 'epoch'; did you mean 'epochs'?"),
        ({"network": "yolov3-tny"}, "did you mean 'yolov3-tiny'?"),
        ({"resume": True}, "expected a run to resume"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    network: Path, squares: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    arguments: dict[str, object] = {
        "network": str(network),
        "data": squares,
        "out": tmp_path / "run",
        "say": quiet,
        **change,
    }

    with pytest.raises(UserError) as caught:
        train(**arguments)  # type: ignore[arg-type]

    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_written_over(network: Path, squares: Path, tmp_path: Path) -> None:
    train(str(network), squares, out=tmp_path / "run", settings={**SETTINGS, "max_batches": 2}, say=quiet)

    with pytest.raises(UserError, match="--resume goes on with it"):
        train(str(network), squares, out=tmp_path / "run", settings=SETTINGS, say=quiet)


def test_weights_of_a_run_start_another_for_other_classes(network: Path, squares: Path, tmp_path: Path) -> None:
    first = train(str(network), squares, out=tmp_path / "a", settings={**SETTINGS, "max_batches": 2}, say=quiet)
    told: list[str] = []
    names = squares.parent / "squares.names"
    names.write_text("blue\nred\ngreen\n")
    squares.write_text(squares.read_text().replace("classes=2", "classes=3"))

    train(
        str(network),
        squares,
        weights=first.run,
        out=tmp_path / "b",
        settings={**SETTINGS, "max_batches": 2},
        say=told.append,
    )

    assert any("filters: 14 -> 16" in line for line in told)
    assert any("3 of 3 layers below the heads" in line for line in told)


def test_resuming_with_other_data_is_refused(network: Path, squares: Path, tmp_path: Path) -> None:
    train(str(network), squares, out=tmp_path / "run", settings={**SETTINGS, "max_batches": 2}, say=quiet)
    label = squares.parent / "labels" / "train" / "00.txt"
    label.write_text("0 0.5 0.5 0.2 0.2\n")

    with pytest.raises(UserError, match=r"expected the data that .* was trained on"):
        train(str(network), squares, out=tmp_path / "run", resume=True, say=quiet)
