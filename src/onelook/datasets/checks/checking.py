"""Everything that can be found wrong with a data set, without stopping at the first fault.

Reading reports what it meets; then every picture is looked at once, and each function of CHECKS says what it finds.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from onelook.datasets.checks import boxes, classes, duplicates, pictures
from onelook.datasets.checks.examining import FINEST_STRIDE, Examined
from onelook.datasets.checks.kept_looks import look_at
from onelook.datasets.checks.looking import Look
from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Finding
from onelook.datasets.reading import read


def check(
    data: Path | Dataset,
    format: str | None = None,
    size: tuple[int, int] | None = None,
    decode: bool = True,
    stride: int = FINEST_STRIDE,
) -> list[Finding]:
    """Return every fault of the data at a path, or of a data set that was read, in the order they were met.

    With `size`, the (width, height) of a network's input, boxes too small for its finest `stride` are found too. Without
    `decode` pictures are known by their headers alone. Raises UserError when nothing is at the path, or no format fits it.
    """
    findings: list[Finding] = []
    dataset = data if isinstance(data, Dataset) else read(data, format, report=findings.append)
    return findings + findings_of(examine(dataset, size, decode, stride))


def examine(
    dataset: Dataset, size: tuple[int, int] | None = None, decode: bool = True, stride: int = FINEST_STRIDE
) -> Examined:
    """Return the data set with the look at each picture; pictures that have not changed since are not decoded again."""
    looks = look_at(dataset) if decode else (Look("", None),) * len(dataset)
    return Examined(dataset, looks, size, stride)


def findings_of(examined: Examined) -> list[Finding]:
    """Return what every check finds."""
    return [finding for find in CHECKS for finding in find(examined)]


CHECKS: tuple[Callable[[Examined], Iterator[Finding]], ...] = (
    pictures.truncated,
    pictures.exif_rotated,
    pictures.wrong_extension,
    pictures.huge_image,
    pictures.bad_name,
    duplicates.leaked,
    duplicates.duplicate_image,
    duplicates.near_duplicate,
    duplicates.duplicate_box,
    pictures.labels_elsewhere,
    classes.empty_split,
    classes.class_without_boxes,
    classes.class_alike,
    classes.imbalance,
    boxes.crowded_image,
    boxes.mostly_empty,
    boxes.uneven_splits,
    boxes.tiny_box,
    boxes.small_for_network,
    boxes.inclusive_coordinates,
)
