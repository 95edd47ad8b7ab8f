"""SE-GoogLeNet, a block on each path, with its author's settings: it learns with batch normalisation; else the guard says why not.

    .venv/bin/python benchmarks/se_googlenet.py [--epochs 6] [--only imagenet-mini|cifar10|failing]

Marks: within minutes far above chance (0.1) on imagenet-mini's 400 validation images and cifar10-jpg-6000's 1,000 test images with
SGD, rate 0.1, momentum 0.9, decay 1e-4; the configuration that never left chance (no batch normalisation, no warm-up, the same
rate) is stopped within 200 steps, with its cause named. Pictures are 64 and 32 pixels wide, those of 64 with the published stem.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cifar import unpacked
from record import SHARED, record

SOURCE = ("optimizer=sgd", "learning_rate=0.1", "momentum=0.9", "decay=1e-4")
FAILING = (*SOURCE, "burn_in=0", "policy=constant", "ema=0", "guard=stop", "max_batches=200")
STEM, BATCH = "stem=standard", "batch=64"


def main() -> None:
    """Train each by the command line and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=float, default=6)
    parser.add_argument("--only", choices=["imagenet-mini", "cifar10", "failing"])
    chosen = parser.parse_args()
    load = os.getloadavg()
    parts: dict[str, Callable[[Path], dict[str, Any]]] = {
        "imagenet-mini": lambda folder: learnt(folder, imagenet_mini(), chosen.epochs, STEM),
        "cifar10": lambda folder: learnt(folder, unpacked(folder / "data"), chosen.epochs, "stem=small"),
        "failing": failing,
    }
    wanted = [chosen.only] if chosen.only else list(parts)
    with tempfile.TemporaryDirectory() as folder:
        measured = {name: parts[name](Path(folder) / name) for name in wanted}
    record("se_googlenet", load, measured)


def imagenet_mini() -> Path:
    """Return the ten classes of ImageNet at 64 x 64."""
    return SHARED / "data" / "imagenet-mini"


def learnt(folder: Path, data: Path, epochs: float, stem: str) -> dict[str, Any]:
    """Return how well the network with batch normalisation does on images that it was not trained on, and after how long."""
    run = folder / "run"
    trained = onelook(
        "train", "se_googlenet_paths", data, "--out", run, *sets(*SOURCE, BATCH, stem, f"epochs={epochs:g}")
    )
    tested = onelook("eval", run, data, "--split", "test" if data.parent == folder else "val")
    words = {word: tested[word] for word in ("images", "top1", "top1_interval", "top5", "chance")}
    return {"epochs": epochs, "minutes": trained["seconds"] / 60, **words}


def failing(folder: Path) -> dict[str, Any]:
    """Return at which step the guard ended the run, and what it said."""
    run = folder / "run"
    words = ["train", "se_googlenet_paths_plain", imagenet_mini(), "--out", run, *sets(*FAILING, BATCH, STEM)]
    done = subprocess.run(command(*words), capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in (run / "guard.jsonl").read_text().splitlines()]
    ended = [event for event in events if event.get("action") == "ended"]
    told = {key: ended[-1][key] for key in ("step", "cause", "what")} if ended else None
    return {"exit code": done.returncode, "stopped": told, "last line": done.stderr.strip().splitlines()[-1]}


def sets(*settings: str) -> list[str]:
    """Return the settings as the command takes them."""
    return [word for each in settings for word in ("--set", each)]


def onelook(*words: object) -> dict[str, Any]:
    """Return the JSON object that `onelook WORDS --json` prints."""
    done = subprocess.run(command(*words, "--json"), stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def command(*words: object) -> list[str]:
    """Return the command line of `onelook WORDS`."""
    return [sys.executable, "-m", "onelook", *map(str, words)]


if __name__ == "__main__":
    main()
