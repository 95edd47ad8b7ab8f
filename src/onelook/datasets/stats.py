"""How much there is of what in a data set."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset


def stats(dataset: Dataset) -> dict[str, Any]:
    """Return the counts by the words that `data stats --json` prints.

    `coordinates`: how the labels' numbers were taken; `images`; `boxes` as annotated, with those `dropped` for having no area;
    `classes`: boxes by class name; `splits`: images by split; `split_classes`: boxes by split and class; `negatives` and
    `unlabelled` images; `cardinality`: classes that a labelled image has on average; `density`: that as a part of all classes;
    `boxes_per_image`, `widths`, `heights` of images and `box_sides` by class (root of the area) as [least, median, most],
    None where there is nothing.
    """
    counts = np.diff(dataset.offsets)
    cardinality = _cardinality(dataset)
    sides = np.sqrt((dataset.boxes[:, 2:] - dataset.boxes[:, :2]).prod(axis=1))  # (m,)
    return {
        "format": dataset.format,
        "coordinates": dataset.coordinates,
        "images": len(dataset),
        "boxes": len(dataset.boxes) + len(dataset.dropped),
        "dropped": len(dataset.dropped),
        "classes": class_counts(dataset),
        "splits": {name: len(indices) for name, indices in dataset.splits.items()},
        "split_classes": {name: class_counts(dataset.split(name)) for name in dataset.splits},
        "negatives": int((dataset.labelled & (counts == 0)).sum()),
        "unlabelled": int((~dataset.labelled).sum()),
        "cardinality": round(cardinality, 4),
        "density": round(cardinality / len(dataset.names), 4) if dataset.names else 0.0,
        "boxes_per_image": _spread(counts),
        "widths": _spread(dataset.sizes[:, 0]),
        "heights": _spread(dataset.sizes[:, 1]),
        "box_sides": {name: _spread(sides[dataset.classes == place]) for place, name in enumerate(dataset.names)},
    }


def class_counts(dataset: Dataset) -> dict[str, int]:
    """Return the number of annotated boxes, dropped ones among them, of every class of the list."""
    classes = np.concatenate([dataset.classes, dataset.dropped[:, 1]])
    counts = np.bincount(classes, minlength=len(dataset.names))
    return dict(zip(dataset.names, counts.tolist(), strict=True))


def _cardinality(dataset: Dataset) -> float:
    """Return how many different classes an image has on average, of those that have labels; 0 where none has."""
    of_box = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))
    whole = np.flatnonzero(dataset.labels >= 0)
    pairs = np.concatenate(
        [np.column_stack([of_box, dataset.classes]), np.column_stack([whole, dataset.labels[whole]])]
    )
    told = int((dataset.labelled | (dataset.labels >= 0)).sum())
    return len(np.unique(pairs, axis=0)) / told if told else 0.0


def _spread(values: NDArray[Any]) -> list[float] | None:
    """Return [least, median, most], whole numbers as such; None without a value."""
    if not len(values):
        return None
    return [round(float(value), 1) for value in (values.min(), np.median(values), values.max())]
