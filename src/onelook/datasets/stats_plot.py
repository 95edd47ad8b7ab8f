"""The counts and sizes of a data set as one picture."""

from io import BytesIO
from pathlib import Path

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.datasets.stats import class_counts
from onelook.structures.errors import UserError
from onelook.structures.figures import blank_figure
from onelook.structures.files import write_bytes

_MOST_CLASSES = 30


def write_plot(path: Path, dataset: Dataset) -> None:
    """Draw boxes by class, boxes an image, and widths and heights of boxes.

    Raises UserError for an unknown ending, and where matplotlib is not installed.
    """
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UserError(f"{path}: expected a name that ends in .png, .svg or .pdf, got {path.suffix or 'no ending'!r}")
    figure = blank_figure((14, 5), layout="constrained")
    classes, images, sizes = figure.subplots(1, 3)
    counts = sorted(class_counts(dataset).items(), key=lambda pair: pair[1])[-_MOST_CLASSES:]
    classes.barh([name for name, _ in counts], [count for _, count in counts])
    classes.set_xlabel("boxes")
    images.hist(np.diff(dataset.offsets), bins=40)
    images.set_xlabel("boxes an image")
    images.set_ylabel("images")
    sides = (dataset.boxes[:, 2:] - dataset.boxes[:, :2])[:20_000]
    sizes.scatter(sides[:, 0], sides[:, 1], s=2, alpha=0.3)
    sizes.set_xlabel("width of a box, pixels")
    sizes.set_ylabel("height")
    data = BytesIO()
    figure.savefig(data, format=path.suffix[1:].lower(), dpi=100)
    write_bytes(path, data.getvalue())
