"""What is wrong with a data set: one finding a fault, each with a code, the place, and the way out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.structures.errors import FormatError

ERROR, WARNING = "error", "warning"

CODES: dict[str, tuple[str, str]] = {
    "broken-annotation": (ERROR, "an annotation that cannot be read: bad XML, a missing element, a word for a number"),
    "class-alias": (WARNING, "a class named by another of its names, such as an ImageNet word for its wnid"),
    "class-alike": (WARNING, "two class names that are one in two spellings"),
    "class-without-boxes": (WARNING, "a class of the list that no box has, or none in the train split"),
    "crowded-image": (WARNING, "an image with far more boxes than the others"),
    "duplicate-box": (WARNING, "an object that is labelled twice"),
    "duplicate-image": (WARNING, "the same picture twice in one split"),
    "duplicate-image-across-splits": (
        ERROR,
        "the same picture in two splits: what is learned by heart counts as found",
    ),
    "empty-dataset": (ERROR, "no image, or no box at all"),
    "empty-split": (ERROR, "a split without an image"),
    "exif-rotated": (WARNING, "a picture that is stored turned; boxes are taken in the picture as it is shown"),
    "huge-image": (ERROR, "a picture with more pixels than are ever decoded; a small file can promise that"),
    "imbalance": (WARNING, "a class with a hundred times the boxes of another"),
    "inclusive-coordinates": (WARNING, "boxes that look as if pixels were counted from 1, as the VOC devkit does"),
    "inverted-box": (ERROR, "a box whose right edge is left of its left one, or its bottom above its top"),
    "labels-elsewhere": (ERROR, "labels of unlabelled images, in a folder where the format has none"),
    "missing-image": (ERROR, "a list names an image that is not there"),
    "mostly-empty": (WARNING, "most labelled images hold no object: are their labels lost?"),
    "name-not-utf8": (WARNING, "a file name that is no UTF-8"),
    "near-duplicate-across-splits": (WARNING, "a picture that looks like one of another split"),
    "orphan-label": (WARNING, "an annotation whose image is not there"),
    "outside-box": (WARNING, "a box that leaves the picture: clipped, or dropped when nothing of it is inside"),
    "path-outside": (ERROR, "a label names a picture outside the data's folder; it is not opened"),
    "size-mismatch": (
        WARNING,
        "the size in the annotation is the picture's by a factor: boxes are scaled to the picture",
    ),
    "small-for-network": (WARNING, "a class whose boxes are too small at the network's input (`--size`)"),
    "swapped-axes": (WARNING, "a box that leaves the picture and would fit with x and y exchanged"),
    "tiny-box": (WARNING, "a box with a side under 3 pixels"),
    "truncated-image": (ERROR, "a picture that breaks off or is damaged inside"),
    "uneven-splits": (WARNING, "a split with a third of the boxes an image that another split has"),
    "unknown-class": (ERROR, "a class that is not in the list of class names"),
    "unlabelled": (ERROR, "an image without an annotation; it is not taken for one without objects"),
    "unlisted-image": (WARNING, "images that no list names and that are therefore not used"),
    "unreadable-image": (ERROR, "a file that is no picture, or cannot be opened"),
    "wrong-extension": (WARNING, "a picture of another kind than its name says"),
    "wrong-picture": (
        ERROR,
        "the size in the annotation has another shape than the picture: it belongs to another one",
    ),
    "zero-box": (WARNING, "a box without area: dropped"),
}
"""Every code: how grave it is, and what it means."""


@dataclass(frozen=True)
class Finding:
    """One fault: `what` says what was expected and what came, `fix` the way out."""

    path: Path
    line: int | None
    code: str
    what: str
    fix: str

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"expected one of the codes {sorted(CODES)}, got {self.code!r}")

    @property
    def severity(self) -> str:
        """Return "error" for what must be mended before training, "warning" for what was put right or may be meant."""
        return CODES[self.code][0]

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.what}; {self.fix}"

    def as_json(self) -> dict[str, Any]:
        """Return the words that `data check --json` prints."""
        words = {"path": str(self.path), "line": self.line, "code": self.code, "what": self.what, "fix": self.fix}
        return {**words, "severity": self.severity}


Report = Callable[[Finding], None]
"""Takes each finding as it is met; one that raises stops the reading."""


def strict(finding: Finding) -> None:
    """Raise FormatError for an error; let a warning pass."""
    if finding.severity == ERROR:
        raise FormatError(str(finding))


def strict_keeping(kept: list[Finding]) -> Report:
    """Return a report that raises FormatError for an error and appends every warning to `kept`."""

    def report(finding: Finding) -> None:
        strict(finding)
        kept.append(finding)

    return report
