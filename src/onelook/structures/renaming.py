"""A model's detections under the class indices of a data set that names its classes in another order."""

from collections.abc import Sequence

import numpy as np

from onelook.structures.detections import Detections


def renamed(found: Detections, places: Sequence[int | None]) -> Detections:
    """Return the detections under the data's class indices; those of classes that the data does not have are left out.

    `places` are what `class_map(model, data)` gives.
    """
    table = np.asarray([-1 if place is None else place for place in places], np.int64)
    classes = table[found.classes]
    kept = classes >= 0
    return Detections(found.boxes[kept], found.scores[kept], classes[kept])
