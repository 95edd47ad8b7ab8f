"""Keeps what a benchmark measured, with the machine and its load, in benchmarks/results/NAME.json."""

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from onelook.training.run import describe_environment

RESULTS = Path(__file__).parent / "results"
SHARED = Path(__file__).resolve().parents[2] / "shared"


def record(name: str, load_before: tuple[float, float, float], measured: dict[str, Any]) -> Path:
    """Write and print the figures; `load_before` is os.getloadavg() from before the measurement."""
    facts = {
        "measured": measured,
        "date": time.strftime("%Y-%m-%d"),
        "load_before": [round(value, 2) for value in load_before],
        "load_after": [round(value, 2) for value in os.getloadavg()],
        "machine": {**describe_environment(), "node": platform.machine()},
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(measured, indent=2))
    print(f"written: {path}")
    return path
