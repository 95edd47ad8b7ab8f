"""Seconds an image of a training step of ResNet18 at 32 x 32, batch 64, by `onelook train`'s own loop; mark: 0.025.

    .venv/bin/python benchmarks/class_step.py

Beside it, in the same process: a plain loop over the same network (forward, cross entropy, backward, SGD), whose ratio tells what
the engine costs whatever else the machine does.
"""

import itertools
import os
import statistics
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

STEPS, WARM_UP, BATCH, SIDE, CLASSES = 8, 3, 64, 32, 10


def main() -> None:
    """Measure the engine and the plain loop, in turns."""
    from record import record

    from onelook.training.memory import keep_memory

    keep_memory()
    torch.set_num_threads(os.cpu_count() or 1)
    load = os.getloadavg()
    engine, plain = engine_seconds(), plain_seconds()
    record(
        "class_step",
        load,
        {
            "network": "resnet18",
            "side": SIDE,
            "batch": BATCH,
            "steps": STEPS,
            "engine": engine,
            "plain loop": plain,
            "ratio": engine["median"] / plain["median"],
        },
    )


def engine_seconds() -> dict[str, float]:
    """Return median and best seconds an image of the training loop."""
    from onelook.models.classifiers.classifier import Classifier
    from onelook.structures.named_network import NamedNetwork
    from onelook.structures.network.cfg import Cfg, Section
    from onelook.training.guard.gradients import Gradients
    from onelook.training.guard.guard import Guard
    from onelook.training.loop import State, training_steps
    from onelook.training.recipe.optimizer import MovingAverage, make_optimizer
    from onelook.training.settings import make_train_settings, resolve

    chosen = make_train_settings(
        {"max_batches": 1000, "batch": BATCH, "optimizer": "sgd", "learning_rate": 0.05}, "benchmark"
    )
    net = Section("net", {"width": (str(SIDE), 0), "height": (str(SIDE), 0)}, "benchmark", 0)
    settings = resolve(chosen, Cfg(net, ()), 5000, CLASSES)
    torch.manual_seed(0)
    network = Classifier(NamedNetwork("resnet18", CLASSES, "small"), settings.loss).to(
        memory_format=torch.channels_last
    )
    guard = Guard(Gradients(network).layers)
    state = State(network, MovingAverage(network, settings.ema), make_optimizer(network, settings), guard)
    steps = training_steps(state, made(), settings, lambda _: 0.05, torch.device("cpu"))
    return told([time.perf_counter() for _ in itertools.islice(steps, STEPS + WARM_UP)])


def plain_seconds() -> dict[str, float]:
    """Return the same of a loop that does nothing but train."""
    from onelook.models.classifiers.resnet import ResNet

    torch.manual_seed(0)
    network = ResNet(CLASSES, small=True).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, 0.9)
    images = torch.rand(BATCH, 3, SIDE, SIDE).to(memory_format=torch.channels_last)
    labels = torch.arange(BATCH) % CLASSES
    times = []
    for _ in range(STEPS + WARM_UP):
        loss: Tensor = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter())
    return told(times)


def told(times: list[float]) -> dict[str, float]:
    """Return median and best seconds an image, the first steps left out."""
    seconds = [(after - before) / BATCH for before, after in itertools.pairwise(times)][WARM_UP - 1 :]
    return {"median": statistics.median(seconds), "best": min(seconds)}


def made() -> Iterator[object]:
    """Yield one random batch again and again."""
    from onelook.datasets.loader import Batch

    images = torch.randint(0, 256, (BATCH, SIDE, SIDE, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    rows = torch.arange(BATCH)
    targets = torch.stack([rows, rows % CLASSES, torch.ones(BATCH)], 1)
    while True:
        yield Batch(images, targets, rows)


if __name__ == "__main__":
    main()
