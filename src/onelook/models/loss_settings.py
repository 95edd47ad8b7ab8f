"""What the losses are told; read by whoever sets them, without torch."""

from dataclasses import dataclass

from onelook.structures.errors import UserError
from onelook.structures.settings import check_ranges


@dataclass(frozen=True)
class LossSettings:
    """How boxes, objectness and classes are weighed and which cells are positive."""

    kind: str = "modern"
    """`modern`: the settings below. `darknet`: what the cfg's heads say, computed as Darknet does."""
    box: str = "ciou"
    """`ciou`, or `mse` for YOLOv3's own terms: BCE on x, y and squared error on log width, height."""
    box_weight: float = 5.0
    """Factor of the box term."""
    objectness_weight: float = 1.0
    """Factor of the objectness term."""
    class_weight: float = 1.0
    """Factor of the class term."""
    assign: str = "anchors"
    """Which cells answer for a truth: `anchors`, those with its centre whose anchor has its shape; `simota`, those that answer
    most cheaply at the moment, as in YOLOX."""
    simota_candidates: int = 10
    """With `simota`: how many of a truth's best IoUs are added up to the number of cells that answer for it."""
    simota_radius: float = 1.5
    """With `simota`: how far from a truth's centre, in cells, a cell beyond its box may answer for it. YOLOX has 2.5; here a
    cell's box has its centre in the cell or just beyond."""
    focal_objectness: float = 0.0
    """Focal loss's gamma on objectness, 0 to 5: cells that are nearly right already weigh less; 0 turns it off."""
    focal_class: float = 0.0
    """Focal loss's gamma on classes, 0 to 5; 0 turns it off."""
    focal_alpha: float = 0.5
    """Focal loss's weight of a yes against a no, 0 to 1; 0.5 weighs them alike."""
    ignore_thresh: float = 0.7
    """A cell whose box overlaps a truth by more than this IoU is not told that it saw nothing."""
    iou_thresh: float = 0.213
    """Every anchor whose shape has at least this IoU with a truth answers for it, beside the best; 1 leaves the best alone."""
    objectness_iou: float = 0.0
    """Share of the box's IoU in the objectness that a positive cell should say; 0 asks for 1."""
    label_smoothing: float = 0.0
    """Taken from the true class and given to the others."""
    auxiliary_weight: float = 0.3
    """Factor of a classifier's auxiliary heads, where it has them; only training asks them."""

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise UserError(f"{name}: expected {' or '.join(known)}, got {getattr(self, name)!r}")
        if self.assign == "simota" and self.box == "mse":
            raise UserError("box=mse: expected box=ciou with assign=simota, whose cells need not hold the centre")
        check_ranges(self, RANGES)


CHOICES: dict[str, tuple[str, ...]] = {
    "kind": ("modern", "darknet"),
    "box": ("ciou", "mse"),
    "assign": ("anchors", "simota"),
}
"""The words that a setting may have."""

RANGES: dict[str, tuple[float, float]] = {
    "box_weight": (0, 1e4),
    "objectness_weight": (0, 1e4),
    "class_weight": (0, 1e4),
    "auxiliary_weight": (0, 1e4),
    "simota_candidates": (1, 1000),
    "simota_radius": (0.5, 100),
    "focal_objectness": (0, 5),
    "focal_class": (0, 5),
    "focal_alpha": (0, 1),
    "ignore_thresh": (0, 1),
    "iou_thresh": (0, 1),
    "objectness_iou": (0, 1),
    "label_smoothing": (0, 1),
}
"""Least and greatest value of each number."""
