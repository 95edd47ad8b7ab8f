"""Records of runs that were evaluated, as training leaves them, with mistakes that are known."""

from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from tests.evaluation.problems import found, truth

from onelook.datasets.dataset import Dataset
from onelook.training.report.class_predictions import ClassPredictions, class_split, write_class_predictions
from onelook.training.report.predictions import Predictions, SplitPredictions, write_predictions

NAMES = ("red", "white", "<b>")
SIZE = (100, 80)
RIGHT, OTHER = (10.0, 10.0, 20.0, 20.0), (50.0, 40.0, 20.0, 20.0)


def pictures(folder: Path, count: int) -> tuple[Path, ...]:
    """Return the paths of grey pictures of SIZE."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"cell{number}.jpg" for number in range(count))
    for number, path in enumerate(paths):
        Pillow.new("RGB", SIZE, (40 * number, 120, 90)).save(path)
    return paths


def write_evaluated(run: Path, folder: Path) -> None:
    """Write the record of a detector: in val it errs in every way once, takes, misses, invents; in test it is right."""
    truths = (truth(RIGHT), truth(RIGHT), truth(RIGHT, OTHER), truth(RIGHT))
    seen = (
        found((*RIGHT, 0.9)),
        found((*RIGHT, 0.8), classes=[1]),
        found((*RIGHT, 0.7)),
        found((*RIGHT, 0.9), (*OTHER, 0.85), classes=[0, 2]),
    )
    paths = pictures(folder, 4)
    val = SplitPredictions(paths, (SIZE,) * 4, truths, seen)
    test = SplitPredictions(paths[:1], (SIZE,), truths[:1], seen[:1])
    write_predictions(run / "predictions.json", Predictions(NAMES, {"val": val, "test": test}))


def write_classified(run: Path, folder: Path) -> None:
    """Write the record of a classifier that takes one of three pictures for another class."""
    paths = pictures(folder, 3)
    dataset = Dataset(
        names=NAMES,
        paths=paths,
        sizes=np.full((3, 2), SIZE),
        boxes=np.zeros((0, 4), np.float32),
        classes=np.zeros(0),
        offsets=np.zeros(4),
        difficult=np.zeros(0),
        crowd=np.zeros(0),
        truncated=np.zeros(0),
        labelled=np.ones(3),
        labels=np.array([0, 1, 1]),
    )
    logits = np.log(np.float32([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05]]))
    write_class_predictions(run / "predictions.json", ClassPredictions(NAMES, {"val": class_split(dataset, logits)}))
