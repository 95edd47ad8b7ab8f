"""A look at data that a client may train on: what is wrong with it, how much of what there is, its pictures with their boxes."""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from onelook.datasets.checks.checking import check
from onelook.datasets.checks.guilty import guilty_images
from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Finding
from onelook.datasets.reading import read
from onelook.structures.images import read_reduced

KEPT = 8
"""Data sets that stay read, in one process."""
TRUSTED_SECONDS = 60.0
"""For which data at a path on the server is taken not to have changed; what was uploaded never does."""
QUALITY = 85


@dataclass(frozen=True)
class Checked:
    """Data and what is wrong with it; `guilty` are the indices of the pictures that each finding is about."""

    dataset: Dataset
    findings: tuple[Finding, ...]
    guilty: tuple[tuple[int, ...], ...]

    def images_of(self, code: str) -> set[int]:
        """Return the pictures that findings with this code are about."""
        pairs = zip(self.findings, self.guilty, strict=True)
        return {index for finding, indices in pairs if finding.code == code for index in indices}


@dataclass(frozen=True)
class Wanted:
    """Which pictures of a data set are asked for; what is None leaves the choice open."""

    split: str | None = None
    name: str | None = None
    """A class that is on the picture."""
    code: str | None = None
    """Of a finding that the picture is guilty of."""


def look(top: Path, changes: bool) -> Dataset:
    """Return the data set in a folder, whatever is wrong with it; `changes` says that others may change the folder.

    Raises UserError for what is no labelled data at all.
    """
    return _dataset(top, _moment(changes))[0]


def checked(top: Path, changes: bool) -> Checked:
    """Return the data set with everything that is wrong with it. Raises UserError as `look` does."""
    return _checked(top, _moment(changes))


def choose(top: Path, changes: bool, wanted: Wanted) -> list[int]:
    """Return the indices of the pictures that are asked for, in order; a split or class that is not there has none."""
    dataset = look(top, changes)
    chosen = np.ones(len(dataset), bool)
    if wanted.split is not None:
        chosen &= np.isin(np.arange(len(dataset)), dataset.splits.get(wanted.split, []))
    if wanted.name is not None:
        chosen &= _shows(dataset, wanted.name)
    if wanted.code is not None:
        chosen &= np.isin(np.arange(len(dataset)), list(checked(top, changes).images_of(wanted.code)))
    return [int(index) for index in np.flatnonzero(chosen)]


def thumbnail(path: Path, side: int, most_pixels: int) -> bytes:
    """Return a picture as a JPEG whose longer side has at most `side` pixels. Raises FormatError for what is no picture."""
    image, size = read_reduced(path, lambda size: _fitted(size, side), path.name, most_pixels)
    width, height = _fitted(size, side)
    if image.shape[:2] != (height, width):
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=QUALITY))


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shows(dataset: Dataset, name: str) -> NDArray[np.bool_]:
    """Return whether each picture shows a class, or is of it as a whole; (n,) bool."""
    if name not in dataset.names:
        return np.zeros(len(dataset), bool)
    place = dataset.names.index(name)
    of_box = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))
    shown: NDArray[np.bool_] = dataset.labels == place
    shown[of_box[dataset.classes == place]] = True
    return shown


def _moment(changes: bool) -> int:
    return int(time.monotonic() // TRUSTED_SECONDS) if changes else 0


@lru_cache(maxsize=KEPT)
def _dataset(top: Path, moment: int) -> tuple[Dataset, tuple[Finding, ...]]:  # noqa: ARG001  # a part of the cache's key
    findings: list[Finding] = []
    return read(top, report=findings.append), tuple(findings)


@lru_cache(maxsize=KEPT)
def _checked(top: Path, moment: int) -> Checked:
    dataset, met = _dataset(top, moment)
    findings = (*met, *check(dataset))
    return Checked(dataset, findings, tuple(map(tuple, guilty_images(dataset, findings))))
