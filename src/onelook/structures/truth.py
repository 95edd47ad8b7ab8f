"""What a person says of one image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import Boxes, as_boxes


@dataclass(frozen=True)
class Truth:
    """Boxes (n, 4) xyxy in the image's own pixels, classes (n,), and what evaluation rules ask of each: difficult, crowd.

    The flags default to False for every box.
    """

    boxes: Boxes
    classes: NDArray[np.int64]
    difficult: NDArray[np.bool_] | None = None
    crowd: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", as_boxes(self.boxes))
        object.__setattr__(self, "classes", np.asarray(self.classes, np.int64).reshape(-1))
        if len(self.boxes) != len(self.classes):
            raise ValueError(f"expected as many boxes as classes, got {len(self.boxes)} and {len(self.classes)}")
        for name in ("difficult", "crowd"):
            flags = getattr(self, name)
            flags = np.zeros(len(self.boxes), np.bool_) if flags is None else np.asarray(flags, np.bool_)
            object.__setattr__(self, name, flags)

    def __len__(self) -> int:
        return len(self.boxes)
