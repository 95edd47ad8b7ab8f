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
    "class-without-boxes": (WARNING, "a class of the list that no box has, or none in the train split"),
    "duplicate-image-across-splits": (
        ERROR,
        "the same picture in two splits: what is learned by heart counts as found",
    ),
    "empty-dataset": (ERROR, "no image, or no box at all"),
    "exif-rotated": (WARNING, "a picture that is stored turned; boxes are taken in the picture as it is shown"),
    "inverted-box": (ERROR, "a box whose right edge is left of its left one, or its bottom above its top"),
    "missing-image": (ERROR, "a list names an image that is not there"),
    "orphan-label": (WARNING, "an annotation whose image is not there"),
    "outside-box": (WARNING, "a box that leaves the picture: clipped, or dropped when nothing of it is inside"),
    "path-outside": (ERROR, "a label names a picture outside the data's folder; it is not opened"),
    "size-mismatch": (
        WARNING,
        "the size in the annotation is the picture's by a factor: boxes are scaled to the picture",
    ),
    "tiny-box": (WARNING, "a box with a side under 3 pixels"),
    "truncated-image": (ERROR, "a picture that breaks off or is damaged inside"),
    "unknown-class": (ERROR, "a class that is not in the list of class names"),
    "unlabelled": (ERROR, "an image without an annotation; it is not taken for one without objects"),
    "unlisted-image": (WARNING, "images that no list names and that are therefore not used"),
    "unreadable-image": (ERROR, "a file that is no picture, or cannot be opened"),
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
