"""ResNet18 from scratch on cifar10-jpg-6000 within 25 minutes on two cores; mark: 70 % of its 1,000 test images.

    .venv/bin/python benchmarks/cifar.py [--minutes 24.5] [--set key=value ...]

Without --minutes the run has all its epochs, however long they take.

The tar's 500 images a class are parted into 490 to train on and 10 by which the best model is chosen; the 1,000 test images are
looked at once, at the end. The pictures are lossy, so published accuracies of CIFAR-10 do not transfer.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from record import SHARED, record

VAL = 10
"""Images of each class that are held out of training."""

SETTINGS = {
    "epochs": 23,
    "batch": 32,
    "precision": "bfloat16",
    "learning_rate": 0.05,
    "grow": 0.5,
    "label_smoothing": 0.1,
    "eval_every": 7,
    "ema": 0.995,
    "augment.aspect": 1.0,
}


def main() -> None:
    """Train by the command line, judge on the test images and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--set", action="append", default=[])
    chosen = parser.parse_args()
    load = os.getloadavg()
    sets = [*(f"{key}={value}" for key, value in SETTINGS.items()), *chosen.set]
    with tempfile.TemporaryDirectory() as folder:
        data, run = unpacked(Path(folder) / "data"), Path(folder) / "run"
        words = ["train", "resnet18", data, "--out", run]
        words += ["--time-budget", f"{chosen.minutes}m"] if chosen.minutes else []
        trained = answer(*words, *(word for each in sets for word in ("--set", each)))
        tested = answer("eval", run, data, "--split", "test")
    numbers = ("top1", "top1_interval", "top5", "mean_accuracy", "f1", "calibration_error", "per_class")
    measured = {"network": "resnet18", "settings": sets, "minutes": float(str(trained["seconds"])) / 60}
    record("cifar", load, {**measured, **{word: tested[word] for word in numbers}})


def unpacked(folder: Path) -> Path:
    """Write the tar's pictures as SPLIT/CLASS/ID.jpg and return the folder."""
    with tarfile.open(SHARED / "data" / "cifar10-jpg-6000" / "cifar10-6000.tar") as archive:
        seen: dict[str, int] = {}
        for member in sorted((each for each in archive if each.isfile()), key=lambda each: each.name):
            *_, split, name, file = member.name.split("/")
            if split == "train":
                seen[name] = seen.get(name, 0) + 1
                split = "val" if seen[name] <= VAL else "train"
            path = folder / split / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            assert content is not None
            path.write_bytes(content.read())
    return folder


def answer(*words: object) -> dict[str, object]:
    """Return the JSON object that `onelook WORDS --json` prints; what it tells beside goes to stderr."""
    command = [sys.executable, "-m", "onelook", *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main()
