"""Runs and grids laid down by hand in the folder of a service: what the pages show of them needs no training."""

import json
import time
from pathlib import Path
from typing import Any

from tests.service.api.evaluated import SIZE, pictures, write_evaluated
from tests.ui.conftest import Served, service_of

from onelook.service.trainings.record import Training, change, find_training, new_training, run_of


def root_of(served: Served) -> Path:
    """Return where the service keeps its trainings."""
    return served.folder / "trainings"


def administrator(served: Served) -> str:
    """Return the id of the client that tests sign in as."""
    with service_of(served) as api:
        return api.whoami().client.id


def made_run(served: Served, id_: str, state: str) -> Training:
    """Return a run in that state, with one line of metrics, that is listed among the administrator's."""
    root = root_of(served)
    training = new_training(
        root, id_, administrator(served), "training", "cells", "tiny.cfg", "[net]\n", settings={"batch": 4}, state=state
    )
    run_of(root, training).mkdir()
    (run_of(root, training) / "settings.toml").write_text("max_batches = 100\n")
    log_steps(served, training, 10)
    return training


def log_steps(served: Served, training: Training, *steps: int) -> None:
    """Let a run get on."""
    with (run_of(root_of(served), training) / "metrics.jsonl").open("a") as file:
        for step in steps:
            line = {"kind": "step", "step": step, "epoch": step / 10, "loss": 20.0 / step, "learning_rate": 0.001}
            file.write(json.dumps({**line, "time": time.time()}) + "\n")


def log_evaluation(served: Served, training: Training, step: int, *seen: dict[str, Any], best: float) -> None:
    """Let a run be evaluated: its AP50, and what it saw on one picture with one object."""
    run = run_of(root_of(served), training)
    (file,) = pictures(run.parent / "pictures", 1)
    truth = [{"class": "red", "index": 0, "box": [10, 10, 30, 30]}]
    image = {"file": str(file), "width": SIZE[0], "height": SIZE[1], "truth": truth, "detections": seen, "best": best}
    with (run / "metrics.jsonl").open("a") as metrics:
        metrics.write(json.dumps({"kind": "eval", "step": step, "epoch": step / 10, "ap50": step / 100}) + "\n")
    with (run / "samples.jsonl").open("a") as samples:
        samples.write(json.dumps({"step": step, "epoch": step / 10, "images": [image]}) + "\n")


def end_run(served: Served, training: Training) -> None:
    """Let a run be done, and evaluated as `write_evaluated` has it."""
    root = root_of(served)
    write_evaluated(run_of(root, training), run_of(root, training).parent / "held-out")
    latest = find_training(root, training.client_id, training.id)
    assert latest is not None
    change(root, latest, state="done", finished_at=time.time())
