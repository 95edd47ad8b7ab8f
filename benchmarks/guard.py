"""What the guard costs of a training step: Tiny-YOLOv3 at 416, batch 8, on batches that are made already; bound: 2 %.

    .venv/bin/python benchmarks/guard.py [--steps 30]

The control is the same loop without a guard, as plain as it can be: losses and gradient, clipping, optimizer, moving average, and
one look whether the loss is finite. The two take turns step by step, so that the machine's load falls on both alike, and each
takes the other's place in the order every time; the figure is the median over pairs of the one's seconds by the other's.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from train_step import BATCH, SIDE, made


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    chosen = parser.parse_args()
    from record import record

    load = os.getloadavg()
    measured = measure(chosen.steps)
    record("guard", load, {"network": "yolov3-tiny", "side": SIDE, "batch": BATCH, **measured})


def measure(steps: int) -> dict[str, object]:
    """Return the median seconds of a step with and without, and the median of the pairs' ratios."""
    from onelook.training.memory import keep_memory
    from onelook.training.survival.heartbeat import Heartbeat

    keep_memory()
    torch.set_num_threads(os.cpu_count() or 1)
    alive = Path("/tmp") / f"guard-benchmark-{os.getpid()}" / "alive.json"
    heartbeat = Heartbeat(alive)
    runners = {"guarded": guarded(heartbeat), "plain": plain()}
    for _ in range(3):
        for step in runners.values():
            step()
    seconds: dict[str, list[float]] = {"guarded": [], "plain": []}
    for number in range(steps):
        for name in sorted(runners, reverse=bool(number % 2)):
            began = time.perf_counter()
            runners[name]()
            seconds[name].append(time.perf_counter() - began)
    heartbeat.end()
    alive.parent.rmdir()
    ratios = [a / b for a, b in zip(seconds["guarded"], seconds["plain"], strict=True)]
    low, high = statistics.quantiles(ratios, n=4)[0], statistics.quantiles(ratios, n=4)[2]
    return {
        "steps": steps,
        "seconds_a_step": {name: statistics.median(values) for name, values in seconds.items()},
        "ratio": statistics.median(ratios),
        "ratio_of_totals": sum(seconds["guarded"]) / sum(seconds["plain"]),
        "ratio_quartiles": [low, high],
        **parts_alone(),
    }


def begun() -> tuple[object, object]:
    """Return a state and its settings."""
    from onelook.models.known import find_network
    from onelook.models.network import Network
    from onelook.training.guard.gradients import Gradients
    from onelook.training.guard.guard import Guard
    from onelook.training.loop import State
    from onelook.training.recipe.optimizer import MovingAverage, make_optimizer
    from onelook.training.settings import make_train_settings, resolve

    cfg = find_network("yolov3-tiny")
    settings = resolve(make_train_settings({"max_batches": 1000, "batch": BATCH}, "benchmark"), cfg, 1000, 80)
    torch.manual_seed(0)
    network = Network(cfg, settings.loss).to(memory_format=torch.channels_last)
    guard = Guard(Gradients(network).layers)
    return State(network, MovingAverage(network, settings.ema), make_optimizer(network, settings), guard), settings


def guarded(heartbeat: object) -> Callable[[], object]:
    """Return what makes one step of onelook's loop, with a sign of life before it."""
    from onelook.training.loop import training_steps
    from onelook.training.recipe.schedule import learning_rate

    state, settings = begun()
    pictures = [f"/data/pictures/{number:06}.jpg" for number in range(BATCH)]

    def watched() -> Iterator[object]:
        for batch in made():
            heartbeat.beat(state.step, "training", pictures)
            yield batch

    steps = training_steps(state, watched(), settings, partial(learning_rate, settings), torch.device("cpu"))
    return lambda: next(steps)


def plain() -> Callable[[], object]:
    """Return what makes one step of a loop that looks at nothing but whether the loss is finite."""
    from onelook.training.recipe.schedule import learning_rate

    state, settings = begun()
    batches = made()

    def step() -> None:
        batch = next(batches)
        for options in state.optimizer.param_groups:
            options["lr"] = learning_rate(settings, state.step)
        total = torch.stack(list(state.network(batch.images, batch.targets).values())).sum()
        if not torch.isfinite(total):
            raise SystemExit("not finite")
        total.backward()
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), settings.clip)
        state.optimizer.step()
        state.average.follow(state.network, state.step)
        state.optimizer.zero_grad(set_to_none=True)
        state.step += 1

    return step


def parts_alone() -> dict[str, float]:
    """Return the milliseconds of what the guard adds to a step, each by itself."""
    from onelook.training.guard.gradients import Gradients, RunningStatistics
    from onelook.training.guard.symptoms import StepFacts

    state, _ = begun()
    gradients, kept = Gradients(state.network), RunningStatistics(state.network)
    for weight in gradients.parameters:
        weight.grad = torch.zeros_like(weight) + 0.01
    norms = gradients.norms().tolist()
    facts = StepFacts(1, 0.001, {"box": 1.0, "objectness": 1.0, "class": 1.0}, 1.0, gradients.by_layer(norms))
    work = {
        "keep_statistics_ms": kept.keep,
        "by_layer_ms": lambda: gradients.by_layer(norms),
        "judge_ms": lambda: state.guard.judge(facts),
    }
    return {name: 1000 * median_of(call) for name, call in work.items()}


def median_of(call: Callable[[], object], times: int = 200) -> float:
    """Return the median seconds of a call."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
