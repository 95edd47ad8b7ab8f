"""Seconds for all of a classifier's numbers from 50,000 x 1,000 logits; mark: 0.3.

.venv/bin/python benchmarks/class_metrics.py
"""

import os
import statistics
import time

import numpy as np
from record import record

from onelook.evaluation.classification import evaluate_classes

IMAGES, CLASSES, TURNS = 50_000, 1_000, 7


def main() -> None:
    """Measure several turns and keep median and best."""
    load = os.getloadavg()
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((IMAGES, CLASSES), dtype=np.float32)
    labels = rng.integers(0, CLASSES, IMAGES)
    names = [f"class{index}" for index in range(CLASSES)]
    seconds = []
    for _ in range(TURNS):
        began = time.perf_counter()
        evaluate_classes(logits, labels, names, logits=True)
        seconds.append(time.perf_counter() - began)
    record(
        "class_metrics",
        load,
        {"images": IMAGES, "classes": CLASSES, "median": statistics.median(seconds), "best": min(seconds)},
    )


if __name__ == "__main__":
    main()
