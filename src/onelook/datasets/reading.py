"""The way into a data set: look at what is there, say which format it is and why, read it."""

import time
from collections.abc import Sequence
from pathlib import Path

from onelook.datasets import column_cache
from onelook.datasets.column_cache import Reading
from onelook.datasets.dataset import COORDINATES, Dataset
from onelook.datasets.findings import Finding, Report, strict
from onelook.datasets.formats import FORMATS, imagenet, jsonlines, voc
from onelook.datasets.record import RECORD, is_continuous
from onelook.structures.errors import UserError, nearest


def decide(data: Path, format: str | None = None) -> tuple[str, str]:
    """Return the name of the format of `data` and what speaks for it.

    Raises UserError when there is nothing at `data`, when no format or more than one fits, or `format` is unknown.
    """
    if not data.exists() and jsonlines.export_of(data)[0] is None:
        raise UserError(f"{data}: expected labelled images, got nothing there")
    if format is not None:
        if format not in FORMATS:
            raise UserError(f"--format: expected one of {', '.join(FORMATS)}, got {format!r}{nearest(format, FORMATS)}")
        return format, "as asked for"
    reasons = {name: reason for name, kind in FORMATS.items() if (reason := kind.evidence(data))}
    if not reasons:
        wanted = "VOC (Annotations/ beside JPEGImages/) or Darknet (a .data file)"
        more = ", ".join(name for name in FORMATS if name not in ("voc", "darknet"))
        raise UserError(
            f"{data}: expected {wanted}, or one of {more}, got neither; name the folder or file that holds the labels"
        )
    if len(reasons) > 1:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise UserError(f"{data}: expected one format, got {told}; choose with --format")
    return next(iter(reasons.items()))


VOCS = {"voc": voc.read, "imagenet": imagenet.read}
"""Formats whose annotations are VOC's."""


def read(
    data: str | Path,
    format: str | None = None,
    names: Sequence[str] | None = None,
    report: Report = strict,
    coordinates: str = "continuous",
    pictures: bool = True,
) -> Dataset:
    """Return the data set at `data`, its format found by looking unless `format` names it.

    `coordinates` "inclusive" reads VOC's and ImageNet's boxes as the devkit means them. With `names`, classes are matched
    to that list by name. Without `pictures`, which VOC and ImageNet can do, none is opened: sizes are what the annotations
    tell. Every fault goes to `report`; the default raises FormatError at the first error and lets warnings pass. Raises
    UserError as `decide` does.
    """
    data = Path(data)
    name, _ = decide(data, format)
    if coordinates not in COORDINATES:
        raise UserError(f"--coordinates: expected {' or '.join(COORDINATES)}, got {coordinates!r}")
    if not pictures and name not in VOCS:
        raise UserError(f"--labels-only: expected {' or '.join(VOCS)}, whose annotations tell sizes, got {name}")
    how = Reading(data, name, None if names is None else tuple(names), coordinates, pictures)
    file = column_cache.kept_file(how)
    state = column_cache.fingerprint(column_cache.top_of(data), pictures=pictures) if file.is_file() else None
    dataset = column_cache.kept(file, state, report) if state else None
    return dataset or _read_anew(how, file, report)


def _read_anew(how: Reading, file: Path, report: Report) -> Dataset:
    """Read the labels and pictures, and keep the outcome where that is worth it."""
    found: list[Finding] = []

    def telling(finding: Finding) -> None:
        found.append(finding)
        report(finding)

    start = time.time()
    dataset = _read_as(how, telling)
    if column_cache.worth_keeping(dataset, how.data, found):
        state, newest = column_cache.fingerprint_and_newest(column_cache.top_of(how.data), pictures=how.pictures)
        if newest < start:  # or else something changed while it was read
            column_cache.keep(file, dataset, found, state)
    return dataset


def _read_as(how: Reading, report: Report) -> Dataset:
    data, name, names = how.data, how.format, how.names
    if how.coordinates != "continuous" and is_continuous(data):
        raise UserError(f"{data}: expected --coordinates continuous, as its {RECORD} says, got {how.coordinates!r}")
    if name in VOCS:
        first = 1.0 if how.coordinates == "inclusive" else 0.0
        dataset = VOCS[name](data, report, names, first, how.pictures)
    elif how.coordinates == "continuous":
        dataset = FORMATS[name].read(data, report, names)
    else:
        told = f"{name} says itself what its boxes are"
        raise UserError(f"--coordinates: expected continuous, got {how.coordinates!r}; {told}")
    if not len(dataset) or not (len(dataset.boxes) or (dataset.labels >= 0).any()):
        got = "no image" if not len(dataset) else f"{len(dataset)} images and no box"
        fix = "is this the right folder?"
        report(Finding(data, None, "empty-dataset", f"expected labelled images, got {got}", fix))
    return dataset
