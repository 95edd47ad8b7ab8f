"""Folders as `onelook train` leaves them, without the training."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

MakeRun = Callable[..., Path]


@pytest.fixture
def make_run() -> MakeRun:
    """Return what writes a run's folder: settings, metrics, samples, and predictions where it is finished."""
    return write_run


def write_run(
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    ap50: float = 0.5,
    steps: int = 20,
    finished: bool = True,
    about: Mapping[str, Any] | None = None,
) -> Path:
    from onelook.structures.settings import to_toml

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.toml").write_text(to_toml({"batch": 4, "max_batches": steps, "seed": 3, **(settings or {})}))
    (folder / "environment.json").write_text(json.dumps({"cores": 2, "torch": "2.13.0"}))
    lines: list[dict[str, Any]] = [
        {"kind": "step", "step": step, "epoch": step / 4, "loss": 10 / step, "losses": {"objectness": 5 / step}}
        | {"images_per_second": 8.0, "waiting": 0.25}
        for step in range(10, steps + 1, 10)
    ]
    lines.append({"kind": "eval", "step": steps // 2, "ap": ap50 / 2, "ap50": ap50, "precision": 0.6, "recall": 0.7})
    lines.append({"kind": "eval", "step": steps, "ap": ap50 / 4, "ap50": ap50 / 2, "precision": 0.1, "recall": 0.1})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    samples = [
        {"time": 100.0 + 5 * k, "cpu_run": 150.0, "memory": 1000 + k, "read": 10, "written": 20, "sampling": 0.01 * k}
        for k in range(3)
    ]
    (folder / "resources.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    if finished:
        told = {"network": "nets/tiny.cfg", "data": "sets/cells", "seconds": 12.5, **(about or {})}
        envelope = {"about": told, "data": {"splits": {"train": {"digest": "d1"}}}, "names": ["a"], "splits": {}}
        (folder / "predictions.json").write_text(json.dumps(envelope))
    return folder
