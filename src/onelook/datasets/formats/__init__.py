"""The label formats by name: one file each, one line each in this table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Report
from onelook.datasets.formats import (
    cifar,
    coco,
    createml,
    cvat,
    darknet,
    folders,
    gluoncv,
    imagenet,
    jsonlines,
    kitti,
    labelme,
    openimages,
    shards,
    ultralytics,
    voc,
)


class Format(Protocol):
    """What the file of a format holds."""

    NAME: str
    HOLDS: frozenset[str]
    """What the format can write down, of WORDS."""

    def evidence(self, path: Path) -> str | None:
        """Return what at `path` speaks for this format, in words; None when nothing does."""

    def read(self, path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
        """Return the data set at `path`, its faults given to `report` as they are met."""

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Write the data set into an empty folder."""


WORDS = ("boxes", "labels", "splits", "negatives", "unlabelled", "difficult", "crowd", "truncated")
"""What a data set may hold: boxes, classes of whole images, splits, images without an object, images without an annotation,
and the flags of boxes."""

FORMATS: dict[str, Format] = {
    module.NAME: module
    for module in (
        voc,
        darknet,
        coco,
        ultralytics,
        kitti,
        imagenet,
        folders,
        cifar,
        jsonlines,
        labelme,
        cvat,
        openimages,
        createml,
        gluoncv,
        shards,
    )
}

UNREAD: dict[str, str] = {
    voc.NAME: "pose, occluded, parts and segmentation",
    imagenet.NAME: "pose, occluded and parts",
    coco.NAME: "outlines, keypoints and captions",
    ultralytics.NAME: "outlines and keypoints, of which the box around is taken,",
    kitti.NAME: "3D boxes, alpha, degrees of occlusion and tracks",
    labelme.NAME: "outlines, of which the box around is taken,",
    cvat.NAME: "attributes, outlines and tracks",
    openimages.NAME: "occluded, depiction and inside",
}
"""What a file of the format may say that a data set does not hold, so that no conversion writes it."""
