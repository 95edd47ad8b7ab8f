"""Seconds an image of a training step of Tiny-YOLOv3 at 416, batch 8, by `onelook train`'s own loop; mark: 0.136.

    .venv/bin/python benchmarks/train_step.py [--ultralytics ENV/bin/python] [--darknet /usr/bin/darknet]

Each variant runs in a process of its own, as the allocator is told at the start: with and without onelook's thresholds of
malloc, with and without loading and augmenting real pictures (mosaics of generated ones). The peers that are named train on the
same pictures in the same run: Ultralytics in an environment of its own (loading included, as in `onelook with loader`), the
original Darknet as Debian has it (its own figure, without loading). The last result of each is kept.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

STEPS, WARM_UP, BATCH, SIDE = 20, 4, 8, 416
VARIANTS = {
    "onelook": [],
    "without malloc thresholds": ["--plain-malloc"],
    "onelook with loader": ["--loader"],
}


def main() -> None:
    """Measure every variant, or one in this process with `--here`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--here", action="store_true")
    parser.add_argument("--plain-malloc", action="store_true")
    parser.add_argument("--loader", action="store_true")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps that are measured")
    parser.add_argument("--ultralytics", type=Path, help="the python of an environment that has ultralytics")
    parser.add_argument("--darknet", help="the original's program")
    chosen = parser.parse_args()
    if chosen.here:
        print(json.dumps(measure(chosen.plain_malloc, chosen.loader, chosen.steps)))
        return
    from record import record

    load = os.getloadavg()
    measured: dict[str, Any] = {}
    for name, flags in VARIANTS.items():
        words = [sys.executable, __file__, "--here", "--steps", str(chosen.steps), *flags]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        measured[name] = json.loads(done.stdout.splitlines()[-1])
    measured |= peers(chosen.ultralytics, chosen.darknet, chosen.steps)
    for peer, own in (("ultralytics", "onelook with loader"), ("darknet", "onelook")):
        if peer in measured:
            ratio = measured[peer]["median_seconds_an_image"] / measured[own]["median_seconds_an_image"]
            measured[peer][f"times {own}"] = ratio
    record(
        "train_step", load, {"network": "yolov3-tiny", "side": SIDE, "batch": BATCH, "steps": chosen.steps, **measured}
    )


def peers(ultralytics: Path | None, darknet: str | None, steps: int) -> dict[str, Any]:
    """Return what the peers that are named need for the same."""
    import train_step_peers

    from onelook.datasets.generated import make_blood
    from onelook.datasets.reading import read

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        make_blood(Path(folder) / "data", {"train": (steps + WARM_UP) * BATCH, "val": BATCH}, 0, (640, 480))
        dataset = read(Path(folder) / "data")
        if ultralytics is not None:
            found["ultralytics"] = train_step_peers.ultralytics(
                ultralytics.absolute(), dataset, Path(folder), SIDE, BATCH, WARM_UP
            )
        if darknet is not None:
            found["darknet"] = train_step_peers.darknet(darknet, dataset, Path(folder), SIDE)
    return found


def measure(plain_malloc: bool, loader: bool, count: int) -> dict[str, float]:
    """Return median and best seconds an image over `count` steps."""
    from onelook.models.known import find_network
    from onelook.models.network import Network
    from onelook.training.guard.gradients import Gradients
    from onelook.training.guard.guard import Guard
    from onelook.training.loop import State, training_steps
    from onelook.training.memory import keep_memory
    from onelook.training.recipe.optimizer import MovingAverage, make_optimizer
    from onelook.training.recipe.schedule import learning_rate
    from onelook.training.settings import make_train_settings, resolve

    if not plain_malloc:
        keep_memory()
    cfg = find_network("yolov3-tiny")
    settings = resolve(make_train_settings({"max_batches": 1000, "batch": BATCH}, "benchmark"), cfg, 1000, 80)
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    network = Network(cfg, settings.loss).to(memory_format=torch.channels_last)
    guard = Guard(Gradients(network).layers)
    state = State(network, MovingAverage(network, settings.ema), make_optimizer(network, settings), guard)
    with tempfile.TemporaryDirectory() as folder:
        batches = loaded(Path(folder)) if loader else made()
        steps = training_steps(state, batches, settings, partial(learning_rate, settings), torch.device("cpu"))
        times = [time.perf_counter() for _ in itertools.islice(steps, count + WARM_UP)]
    seconds = [(b - a) / BATCH for a, b in itertools.pairwise(times)][WARM_UP - 1 :]
    return {"median_seconds_an_image": statistics.median(seconds), "best": min(seconds)}


def made() -> Iterator[object]:
    """Yield one random batch again and again: 15 boxes an image."""
    from onelook.datasets.loader import Batch

    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (BATCH, SIDE, SIDE, 3), dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)
    targets = torch.rand(BATCH * 15, 6, generator=generator)
    targets[:, 0] = torch.arange(BATCH * 15) % BATCH
    targets[:, 1] = (targets[:, 1] * 80).floor()
    targets[:, 2:4] *= SIDE * 0.7
    targets[:, 4:6] = targets[:, 2:4] + 16 + targets[:, 4:6] * 100
    while True:
        yield Batch(images, targets, torch.arange(BATCH))


def loaded(folder: Path) -> Iterator[object]:
    """Yield batches as a run gets them: mosaics of generated pictures, made by one worker."""
    from onelook.datasets.augment import AugmentSettings
    from onelook.datasets.generated import make_blood
    from onelook.datasets.loader import train_batches
    from onelook.datasets.reading import read

    make_blood(folder / "data", {"train": 40}, 0, (640, 480))
    dataset = read(folder / "data").split("train")
    return train_batches(dataset, AugmentSettings(letterbox=False), plan, BATCH, 0, 1, 0, 1000)


def plan(_: int) -> object:
    """Return what every batch is like."""
    from onelook.datasets.loader import BatchPlan

    return BatchPlan((SIDE, SIDE), True)


if __name__ == "__main__":
    main()
