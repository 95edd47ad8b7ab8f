"""`onelook forecast` as a user types it: one JSON object, or one line of what is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from onelook.datasets.generated import make_blood

TINY = """[net]
width=64
height=64
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=8
pad=1
activation=leaky
[convolutional]
filters=8
size=1
activation=linear
[yolo]
mask=0
anchors=10,10
classes=3
num=1
"""

QUICK = ("--set", "max_batches=30", "--set", "batch=2", "--set", "workers=0", "--set", "threads=1")


def onelook_forecast(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onelook", "forecast", "net.cfg", "blood", *QUICK, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=project)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "net.cfg").write_text(TINY)
    make_blood(tmp_path / "blood", {"train": 6, "val": 2}, 0, (80, 60))
    return tmp_path


def test_forecast_prints_one_object_and_leaves_nothing(project: Path) -> None:
    done = onelook_forecast(project, "--json")

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {"hours", "seconds", "low", "high", "images_per_second", "limit", "memory", "disk", "parts"} <= said.keys()
    assert said["steps"] == 30
    assert {path.name for path in project.iterdir()} == {"net.cfg", "blood"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "width=65"), "width=65: expected a multiple of the network's stride 8"),
        (("--set", "epoch=2"), "did you mean 'epochs'?"),
        (("--weights", "none.weights"), "none.weights"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(project: Path, words: tuple[str, ...], said: str) -> None:
    done = onelook_forecast(project, *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
