"""Folders of runs as training leaves them, without training: settings, environment, and what was logged."""

import json
from pathlib import Path
from typing import Any


def make_run(
    folder: Path, ap50: float | None = 0.5, started: str = "2026-01-02T03:04:05+0000", **settings: Any
) -> Path:
    """Return the folder of a run that ended with this AP50, or that was stopped before its first evaluation."""
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    (folder / "environment.json").write_text(json.dumps({"started": started, "cores": 2}))
    steps = [
        {
            "kind": "step",
            "step": 10 * n,
            "epoch": n,
            "loss": 4.0 / n,
            "losses": {"box": 3.0 / n},
            "time": 1.7e9 + n,
            "images_per_second": 8.0,
            "waiting": 0.1,
            "learning_rate": 0.001,
        }
        for n in (1, 2)
    ]
    judged = [{"kind": "eval", "step": 20, "epoch": 2, "ap50": ap50, "ap": ap50 / 2}] if ap50 is not None else []
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*steps, *judged]))
    if ap50 is not None:
        about = {"network": "net.cfg", "data": "blood", "seconds": 12.0}
        envelope = {"about": about, "data": {}, "names": ["cell"], "splits": {}}
        (folder / "predictions.json").write_text(json.dumps(envelope))
    return folder
