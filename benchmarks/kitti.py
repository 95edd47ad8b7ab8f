"""Cars in kitti-mini: a detector that begins with COCO's weights against one that begins with none, with the same budget.

    .venv/bin/python benchmarks/kitti.py [--set epochs=60] [--out FOLDER]

Both are yolo-fastest-1.1-xl at 640 x 192, trained by `onelook train` on the 44 frames of `training`, of which onelook holds some
out to choose the best model by, and judged once on the 31 frames of `tracking-0001`, which nothing before has seen. As KITTI has
it, DontCare regions and vans count neither for nor against; difficulties are not told apart. Draws both runs' curves and their
test AP50 with 95 % intervals into results/kitti.png.
"""

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from judging import judged_on_test
from matplotlib.figure import Figure
from record import RESULTS, SHARED, record

from onelook.datasets.changes.class_maps import map_classes, union
from onelook.datasets.converting import convert
from onelook.datasets.dataset import Dataset
from onelook.datasets.reading import read
from onelook.structures.settings import parse_overrides
from onelook.training.run import Run
from onelook.training.train import train

NETWORK = SHARED / "weights/yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1-xl.cfg"
SETTINGS = {"epochs": 60, "width": 640, "height": 192, "close_mosaic": 0.5, "eval_every": 5}
ARMS = {"transfer": NETWORK.with_suffix(".weights"), "scratch": None}
COLOURS = {"transfer": "tab:blue", "scratch": "tab:orange"}
PASSED_OVER = ("DontCare", "Van")


def main() -> None:
    """Train both, judge, draw, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="keep data and runs in this new folder")
    parser.add_argument("--set", action="append", default=[], help="another setting, key=value")
    chosen = parser.parse_args()
    settings = {**SETTINGS, **parse_overrides(chosen.set)}
    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        out = chosen.out or Path(folder)
        convert(cars(), "coco", out / "cars")
        for arm, weights in ARMS.items():
            if not train(str(NETWORK), out / "cars", weights, out / arm, settings).finished:
                raise SystemExit(f"{arm}: stopped by a signal; nothing is recorded")
        arms = {arm: judged_on_test(out / arm)[0] for arm in ARMS}
        RESULTS.mkdir(exist_ok=True)
        draw({arm: Run(out / arm).read_metrics() for arm in ARMS}, arms, RESULTS / "kitti.png")
    ahead = arms["transfer"]["ap50_interval_95"][0] > arms["scratch"]["ap50_interval_95"][1]
    record("kitti", load, {"network": NETWORK.stem, "settings": settings, **arms, "intervals_apart": ahead})


def cars() -> Dataset:
    """Return both folders as one data set with the splits train and test: cars, and as crowds what is passed over."""
    parts = [read(SHARED / "data/kitti-mini" / name, "kitti") for name in ("training", "tracking-0001")]
    whole = union(parts)
    others = [whole.names.index(name) for name in PASSED_OVER]
    marked = dataclasses.replace(whole, crowd=whole.crowd | np.isin(whole.classes, others))
    drops = [name for name in whole.names if name not in ("Car", *PASSED_OVER)]
    split = len(parts[0])
    splits = {"train": np.arange(split), "test": np.arange(split, len(whole))}
    return dataclasses.replace(map_classes(marked, dict.fromkeys(PASSED_OVER, "Car"), drops), splits=splits)


def draw(metrics: dict[str, list[dict[str, Any]]], arms: dict[str, Any], path: Path) -> None:
    """Draw the loss of every arm, its AP50 on the frames held out, and at the right that on the test frames."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    losses, curves, ends = figure.subplots(1, 3, width_ratios=(3, 3, 1.7))
    for place, (arm, lines) in enumerate(metrics.items()):
        steps = [line for line in lines if line["kind"] == "step" and line["loss"] is not None]
        evaluations = [line for line in lines if line["kind"] == "eval"]
        losses.plot([line["epoch"] for line in steps], [line["loss"] for line in steps], color=COLOURS[arm], label=arm)
        curves.plot(
            [line["epoch"] for line in evaluations],
            [line["ap50"] for line in evaluations],
            "o-",
            markersize=3,
            color=COLOURS[arm],
            label=arm,
        )
        low, high = arms[arm]["ap50_interval_95"]
        value = arms[arm]["ap50"]
        ends.errorbar([place], [value], [[value - low], [high - value]], fmt="o", capsize=5, color=COLOURS[arm])
        ends.annotate(f"{value:.3f}", (place, value), xytext=(8, 0), textcoords="offset points", va="center")
    losses.set(title="training loss", xlabel="epoch", yscale="log")
    curves.set(title="AP50 of cars, frames held out of training", xlabel="epoch", ylim=(0, 1))
    ends.set(
        title="test, 95 %", xticks=range(len(arms)), xticklabels=list(arms), xlim=(-0.5, len(arms) - 0.1), ylim=(0, 1)
    )
    losses.legend()
    for axes in (losses, curves, ends):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
