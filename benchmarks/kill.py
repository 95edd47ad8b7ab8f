"""Kills a run outright at random moments and resumes it, again and again: are its final weights those of a run never killed?

    .venv/bin/python benchmarks/kill.py [--kills 20] [--steps 100]

The network is small and the data generated; what is killed is the real thing: `onelook.train` with a loader's worker, dropout,
multi-scale, mosaics, accumulation, evaluations and checkpoints, in a process of its own that is forked from one that has loaded
torch already, since starting would take most of the time. Every moment is drawn, and counts from the first sign of life; the kill
takes the process and its worker. (That the supervisor of the command line tells of a kill is tests/training/test_train.py's.)
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.process import BaseProcess
from pathlib import Path

CFG = """
[net]
batch=4
width=96
height=96
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[dropout]
probability=.1
[convolutional]
batch_normalize=1
filters=32
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=16
size=1
activation=linear
[yolo]
mask=0,1
anchors=14,14, 30,30
classes=3
num=2
"""


def main() -> None:
    """Run once through, then with kills, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    from record import record

    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), chosen.kills, chosen.steps, chosen.seed)
    record("kill", load, measured)
    if not measured["bit_equal"]:
        sys.exit(1)


def measure(folder: Path, kills: int, steps: int, seed: int) -> dict[str, object]:
    """Return how often runs were killed, at which steps and in which phases, and whether they ended as one never killed did.

    A run that reaches its end before there were kills enough is followed by another, which is killed in its turn.
    """
    from onelook.datasets.generated import make_blood

    (folder / "tiny.cfg").write_text(CFG)
    make_blood(folder / "data", {"train": 24, "val": 8}, seed, (160, 120))
    began = time.monotonic()
    import onelook.training.train  # noqa: F401 - so that the processes forked from this one need not load it

    finish(start(folder, "whole", steps, resume=False))
    whole_seconds = time.monotonic() - began
    rng, moments, names = random.Random(seed), [], ["killed-1"]
    while len(moments) < kills:
        moment = killed_once(folder, names[-1], steps, rng)
        if moment is not None:
            moments.append(moment)
        else:
            names.append(f"killed-{len(names) + 1}")
    if (folder / names[-1]).exists():
        finish(start(folder, names[-1], steps, resume=True))
    else:
        names.pop()
    whole, others = state_of(folder / "whole"), [state_of(folder / name) for name in names]
    return {
        "kills": len(moments),
        "runs": len(names),
        "steps_a_run": steps,
        "moments": moments,
        "deaths_told": sum(len(deaths(folder / name)) for name in names),
        "tensors_compared": len(whole),
        "bit_equal": all(other == whole for other in others),
        "metrics_equal": all(metrics_of(folder / name) == metrics_of(folder / "whole") for name in names),
        "seconds_of_the_whole_run": round(whole_seconds, 1),
    }


def killed_once(folder: Path, name: str, steps: int, rng: random.Random) -> dict[str, object] | None:
    """Start a run, or resume it, kill it at a random moment, and return what it was at; None when it came to its end."""
    run = folder / name
    process = start(folder, name, steps, resume=(run / "last" / "state.safetensors").exists())
    alive = run / "last" / "alive.json"
    while process.is_alive() and read_beat(alive).get("pid") != process.pid:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 3))
    beat = read_beat(alive)
    if not process.is_alive() or not beat:
        finish(process)
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    return {"step": beat["step"], "phase": beat["phase"]}


def start(folder: Path, name: str, steps: int, resume: bool) -> BaseProcess:
    """Return a process, first of its own group, that begins or resumes a run."""
    process = multiprocessing.get_context("fork").Process(target=train_here, args=(folder, name, steps, resume))
    process.start()
    return process


def train_here(folder: Path, name: str, steps: int, resume: bool) -> None:
    """Train to the end, or until killed, telling into a file."""
    from onelook.training.train import train

    os.setsid()
    options = {
        "max_batches": steps,
        "batch": 4,
        "subdivisions": 2,
        "workers": 1,
        "threads": 1,
        "eval_every": 4,
        "random": 1.3,
    }
    with (folder / f"{name}.log").open("a") as log, redirect_stdout(log), redirect_stderr(log):
        train(
            folder / "tiny.cfg", folder / "data", out=folder / name, settings=None if resume else options, resume=resume
        )


def finish(process: BaseProcess) -> None:
    """Wait for a run that is to end by itself."""
    process.join()
    if process.exitcode:
        raise SystemExit(f"the run ended with {process.exitcode}")


def read_beat(alive: Path) -> dict[str, object]:
    """Return the sign of life, empty without one."""
    try:
        return dict(json.loads(alive.read_text()))
    except (OSError, ValueError):
        return {}


def state_of(run: Path) -> dict[str, tuple[str, bytes]]:
    """Return the bytes of every tensor of the newest checkpoint."""
    from safetensors.numpy import load_file

    tensors = load_file(run / "last" / "state.safetensors")
    return {name: (str(array.dtype), array.tobytes()) for name, array in tensors.items()}


def metrics_of(run: Path) -> list[dict[str, object]]:
    """Return the lines of metrics without what depends on the clock."""
    from onelook.training.run import Run

    clock = ("time", "images_per_second", "waiting")
    return [{key: value for key, value in line.items() if key not in clock} for line in Run(run).read_metrics()]


def deaths(run: Path) -> list[dict[str, object]]:
    """Return the deaths that the run told of."""
    from onelook.training.run import Run

    return [event for event in Run(run).read_events() if event["kind"] == "death"]


if __name__ == "__main__":
    main()
