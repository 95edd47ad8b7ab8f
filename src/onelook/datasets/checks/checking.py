"""Everything that can be found wrong with a data set, without stopping at the first fault.

Reading reports what it meets; then every picture is looked at once, and each function of CHECKS says what it finds.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from onelook.datasets.checks import balance, duplicates
from onelook.datasets.checks.examining import Examined
from onelook.datasets.checks.looking import Look, look
from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Finding
from onelook.datasets.reading import read
from onelook.structures.images import MOST_PIXELS
from onelook.structures.progress import track


def check(
    data: Path | Dataset, format: str | None = None, size: tuple[int, int] | None = None, decode: bool = True
) -> list[Finding]:
    """Return every fault of the data at a path, or of a data set that was read, in the order they were met.

    With `size`, the (width, height) of a network's input, boxes too small for it are found too. Without `decode` pictures are
    known by their headers alone. Raises UserError when there is nothing at the path, or no format fits it.
    """
    findings: list[Finding] = []
    dataset = data if isinstance(data, Dataset) else read(data, format, report=findings.append)
    return findings + findings_of(examine(dataset, size, decode))


def examine(dataset: Dataset, size: tuple[int, int] | None = None, decode: bool = True) -> Examined:
    """Return the data set with the look at each picture; those with more pixels than are ever decoded are not opened."""
    pairs = track(zip(dataset.paths, dataset.sizes.prod(axis=1).tolist(), strict=True), len(dataset), "checking")
    looks = tuple(look(path) if decode and pixels <= MOST_PIXELS else Look("", None) for path, pixels in pairs)
    return Examined(dataset, looks, size)


def findings_of(examined: Examined) -> list[Finding]:
    """Return what every check finds."""
    return [finding for find in CHECKS for finding in find(examined)]


def truncated(examined: Examined) -> Iterator[Finding]:
    """Find pictures whose header is sound and whose pixels are not."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.fault is not None:
            yield Finding(path, None, "truncated-image", seen.fault, "fetch the picture again or remove it")


def exif_rotated(examined: Examined) -> Iterator[Finding]:
    """Find pictures that are stored turned."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.orientation not in (0, 1):
            what = f"expected a picture stored upright, got EXIF orientation {seen.orientation}"
            fix = "boxes are taken in the picture as it is shown; look at it with `onelook data show`"
            yield Finding(path, None, "exif-rotated", what, fix)


def wrong_extension(examined: Examined) -> Iterator[Finding]:
    """Find pictures of another kind than their name says."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.endings and path.suffix.lower() not in seen.endings:
            what = (
                f"expected a name that ends in {seen.endings[0]}, as the file begins, got {path.suffix or 'no ending'}"
            )
            yield Finding(path, None, "wrong-extension", what, "rename it: other tools go by the name")


CHECKS: tuple[Callable[[Examined], Iterator[Finding]], ...] = (
    truncated,
    exif_rotated,
    wrong_extension,
    balance.huge_image,
    balance.bad_name,
    duplicates.leaked,
    duplicates.duplicate_image,
    duplicates.near_duplicate,
    duplicates.duplicate_box,
    balance.labels_elsewhere,
    balance.empty_split,
    balance.class_without_boxes,
    balance.class_alike,
    balance.imbalance,
    balance.crowded_image,
    balance.tiny_box,
    balance.small_for_network,
    balance.inclusive_coordinates,
)
