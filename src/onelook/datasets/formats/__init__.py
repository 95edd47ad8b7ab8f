"""The label formats by name: one file each, one line each in this table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Report
from onelook.datasets.formats import darknet, voc


class Format(Protocol):
    """What the file of a format holds."""

    HOLDS: frozenset[str]
    """Which of the flags difficult, crowd, truncated the format can write down."""

    def evidence(self, path: Path) -> str | None:
        """Return what at `path` speaks for this format, in words; None when nothing does."""

    def read(self, path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
        """Return the data set at `path`, its faults given to `report` as they are met."""

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Write the data set into an empty folder."""


FORMATS: dict[str, Format] = {
    "voc": voc,
    "darknet": darknet,
}
