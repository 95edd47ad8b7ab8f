"""What a run did, held against what its plan asked."""

import json
from pathlib import Path

import pytest

from onelook.experiments.proof import differences
from onelook.experiments.request import DataChoice, NetworkChoice, Request


def asked(epochs: float) -> Request:
    settings = {"epochs": epochs, "batch": 4, "seed": 0}
    return Request("a", NetworkChoice("net", "net"), DataChoice("d", Path("d")), 0, {}, settings)


def write_run(folder: Path, steps: int, images: int = 205) -> Path:
    """Write a run of batch 4 that has made some of its steps."""
    folder.mkdir()
    (folder / "settings.toml").write_text(f"batch = 4\nseed = 0\nmax_batches = {steps}\n")
    line = {"kind": "step", "step": 10, "epoch": 40 / images}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return folder


@pytest.mark.parametrize(
    ("epochs", "steps", "good"),
    [
        (1, 52, True),
        (1, 51, True),  # as runs that were begun before epochs were rounded up: they go on
        (5, 257, True),
        (5, 256, True),
        (5, 258, False),
        (5, 255, False),
        (10, 52, False),
    ],
)
def test_the_steps_of_a_run_are_those_of_its_epochs(tmp_path: Path, epochs: float, steps: int, good: bool) -> None:
    found = differences(asked(epochs), write_run(tmp_path / "run", steps))

    assert (not found) == good
    assert all(line.startswith(f"epochs: expected {epochs:g} as the plan has it, got ") for line in found)
