"""What a run will do, counted before it does it: steps by kind, evaluations, images."""

import math

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.datasets.loader import CACHED_BYTES
from onelook.training.forecast.forecast import Workload
from onelook.training.recipe.schedule import evaluates_after
from onelook.training.tasks.task import StepLoad, Task

MOSAIC = 4
"""Photographs in a mosaic."""

SAMPLES = 2000
"""Steps of a long run that are looked at to see of which kind and size its steps are."""


def workload(task: Task, save_every: float, chart_every: float, first: int = 0) -> Workload:
    """Return what a run of `task` does from step number `first`, counted from 0, on; checkpoints and charts come by the clock."""
    settings = task.settings
    assert settings.max_batches and settings.batch and settings.eval_every
    total = settings.max_batches
    pixels: dict[str, list[int]] = {}
    for load in sampled_loads(task, first).values():
        pixels.setdefault(load.kind, []).append(load.pixels)
    looked = sum(map(len, pixels.values()))
    every = max(1, round(settings.eval_every * len(task.train) / settings.batch))
    ends = {*range(every, total + 1, every), total}
    return Workload(
        {kind: (round((total - first) * len(each) / looked), float(np.mean(each))) for kind, each in pixels.items()},
        settings.batch,
        sum(step > first and evaluates_after(step, total, every) for step in ends),
        len(task.val),
        len(task.val) + (len(task.test) if task.test else 0),
        save_every,
        chart_every,
    )


def sampled_loads(task: Task, first: int = 0) -> dict[int, StepLoad]:
    """Return the loads of evenly spaced steps of the run by their number, counted from 0, at most SAMPLES."""
    total = task.settings.max_batches or 1
    numbers = np.unique(np.linspace(first, total - 1, min(total - first, SAMPLES)).astype(int)).tolist()
    return {number: task.load(number) for number in numbers}


def piece(dataset: Dataset, count: int) -> Dataset:
    """Return `count` evenly spaced images."""
    return dataset.select(np.unique(np.linspace(0, len(dataset) - 1, count).round().astype(np.int64)))


def cache_growth(task: Task, drawn: int) -> int:
    """Return by how many bytes the loader's kept photographs still grow, to the run's end, once `drawn` images were made."""
    settings, workers = task.settings, max(1, task.settings.workers or 0)
    whole = int(task.train.sizes.astype(np.int64).prod(axis=1).sum()) * 3  # bytes, and each worker keeps its own
    draws = MOSAIC if task.load(0).kind == "mosaics" else 1

    def kept(images: int) -> float:
        met = 1 - math.exp(-draws * images / workers / max(1, len(task.train)))
        return min(CACHED_BYTES, whole * workers * met)

    return int(max(0.0, kept((settings.max_batches or 0) * (settings.batch or 0)) - kept(drawn)))
