"""What the cfg's heads say of training, with Darknet's defaults."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.structures.network.cfg import Section
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.head import mask_of

OVERLAPS = ("iou", "giou", "diou", "ciou")

_MOST_COUNTS = 1e30


@dataclass(frozen=True)
class YoloOptions:
    """Options of one [yolo] section that its training follows."""

    anchors: NDArray[np.float32]
    """(total, 2), width and height in input pixels, of all heads."""
    mask: tuple[int, ...]
    """Which of them are this head's."""
    classes: int
    scale_x_y: float
    new_coords: bool
    iou_loss: str
    """`mse`, or the overlap whose slopes move the boxes."""
    iou_thresh_kind: str
    iou_thresh: float
    ignore_thresh: float
    truth_thresh: float
    iou_normalizer: float
    obj_normalizer: float
    cls_normalizer: float
    delta_normalizer: float
    max_delta: float
    most: int
    """Truths of one image that are looked at."""
    smooth: bool
    """`objectness_smooth`."""
    focal: bool
    label_smoothing: float
    class_weights: NDArray[np.float32] | None
    """(classes,), from `counters_per_class`."""


@dataclass(frozen=True)
class RegionOptions:
    """Options of one [region] section that its training follows."""

    anchors: NDArray[np.float32]
    """(a, 2), width and height in cells."""
    classes: int
    softmax: bool
    bias_match: bool
    rescore: bool
    focal: bool
    thresh: float
    object_scale: float
    noobject_scale: float
    class_scale: float
    coord_scale: float
    most: int
    """Truths of one image that are looked at."""


def yolo_options(layer: Layer) -> YoloOptions:
    """Return what a [yolo] layer says. Raises FormatError for an unknown kind of loss and counters that are not the classes'."""
    section, classes = layer.section, layer.section.integer("classes", 20)
    return YoloOptions(
        anchors=_anchors(section),
        mask=mask_of(section),
        classes=classes,
        scale_x_y=section.number("scale_x_y", 1.0),
        new_coords=_flag(section, "new_coords"),
        iou_loss=_one_of(section, "iou_loss", "mse", ("mse", *OVERLAPS)),
        iou_thresh_kind=_one_of(section, "iou_thresh_kind", "iou", OVERLAPS),
        iou_thresh=section.number("iou_thresh", 1.0),
        ignore_thresh=section.number("ignore_thresh", 0.5),
        truth_thresh=section.number("truth_thresh", 1.0),
        iou_normalizer=section.number("iou_normalizer", 0.75),
        obj_normalizer=section.number("obj_normalizer", 1.0),
        cls_normalizer=section.number("cls_normalizer", 1.0),
        delta_normalizer=section.number("delta_normalizer", 1.0),
        max_delta=section.number("max_delta", float(np.finfo(np.float32).max)),
        most=section.integer("max", 200),
        smooth=_flag(section, "objectness_smooth"),
        focal=_flag(section, "focal_loss"),
        label_smoothing=section.number("label_smooth_eps", 0.0),
        class_weights=_class_weights(section, classes),
    )


def region_options(layer: Layer) -> RegionOptions:
    """Return what a [region] layer says."""
    section = layer.section
    return RegionOptions(
        anchors=_anchors(section),
        classes=section.integer("classes", 20),
        softmax=_flag(section, "softmax"),
        bias_match=_flag(section, "bias_match"),
        rescore=_flag(section, "rescore"),
        focal=_flag(section, "focal_loss"),
        thresh=section.number("thresh", 0.5),
        object_scale=section.number("object_scale", 1.0),
        noobject_scale=section.number("noobject_scale", 1.0),
        class_scale=section.number("class_scale", 1.0),
        coord_scale=section.number("coord_scale", 1.0),
        most=section.integer("max", 30),
    )


def _anchors(section: Section) -> NDArray[np.float32]:
    return np.asarray(section.numbers("anchors"), np.float32).reshape(-1, 2)


def _flag(section: Section, key: str) -> bool:
    return bool(section.integer(key, 0))


def _one_of(section: Section, key: str, default: str, known: tuple[str, ...]) -> str:
    word = section.word(key, default)
    if word not in known:
        raise section.error(key, f"{key}: expected {', '.join(known)}, got {word!r}")
    return word


def _class_weights(section: Section, classes: int) -> NDArray[np.float32] | None:
    """Return by what each class counts more than the commonest, at most max_delta."""
    counts = np.asarray(section.integers("counters_per_class"), np.float32)
    if not len(counts):
        return None
    if len(counts) != classes:
        raise section.error("counters_per_class", f"expected classes={classes} numbers, got {len(counts)}")
    counts = np.maximum(counts, 1)
    return np.asarray(np.minimum(counts.max() / counts, section.number("max_delta", _MOST_COUNTS)), np.float32)
