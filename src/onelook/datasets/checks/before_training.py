"""The check that `onelook train` makes by itself: it refuses what cannot be trained on, and warns of what may not go well."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from onelook.datasets.checks.checking import check
from onelook.datasets.checks.examining import FINEST_STRIDE
from onelook.datasets.checks.page import write_findings_page
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.cache_folder import cache_folder
from onelook.datasets.findings import ERROR, Finding
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError, UserError

LOOKED_AT = 20_000
"""Pictures that are decoded for the check, half a minute's work; of more only the headers are looked at."""

BEARABLE = frozenset({"duplicate-image-across-splits", "empty-split", "labels-elsewhere"})
"""Errors of the data that a training does not fail at: they make its numbers worth less."""


def read_checked(
    data: Path,
    format: str | None,
    say: Callable[[str], None],
    size: tuple[int, int] | None = None,
    stride: int = FINEST_STRIDE,
) -> Dataset:
    """Return the data set at `data`, checked for a network with an input of `size` (width, height) and that finest stride.

    What is found is counted in one line to `say`; a page in the cache folder tells all of it. Pictures that an earlier check
    has seen and that have not changed are not decoded again. Raises FormatError with the first fault, and the number of the
    others, when there are faults that training would fail at.
    """
    found: list[Finding] = []
    dataset = read(data, format, report=found.append)
    in_full = len(dataset) <= LOOKED_AT
    found += check(dataset, None, size, in_full, stride)
    page = _told(data, dataset, found) if found else None
    fatal = [finding for finding in found if finding.severity == ERROR and finding.code not in BEARABLE]
    if fatal:
        raise FormatError(_refusal(fatal, data, page))
    if found:
        say(f"data: {counted(found)}; all of it: {page or f'onelook data check {data}'}")
    if not in_full:
        say(f"data: {len(dataset)} pictures known by their headers; `onelook data check {data}` decodes them too")
    return dataset


def counted(findings: Sequence[Finding]) -> str:
    """Return how many errors and warnings there are, and of which codes, on one line."""
    errors = sum(finding.severity == ERROR for finding in findings)
    parts = [f"{errors} errors"] * bool(errors) + [f"{len(findings) - errors} warnings"] * (errors < len(findings))
    codes = ", ".join(f"{count} {code}" for code, count in Counter(one.code for one in findings).items())
    return f"{' and '.join(parts)} ({codes})"


def _refusal(fatal: Sequence[Finding], data: Path, page: Path | None) -> str:
    others = f"; {counted(fatal)} keep it from being trained on" if len(fatal) > 1 else ""
    return f"{fatal[0]}{others}; all of it: {page or f'onelook data check {data}'}"


def _told(data: Path, dataset: Dataset, findings: Sequence[Finding]) -> Path | None:
    """Write the page of findings into the cache folder and return its path; None where that cannot be."""
    place = os.path.abspath(data)  # noqa: PTH100 - a name, not the file behind its links
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
    page = (
        cache_folder() / "checks" / f"{data.stem.encode('ascii', 'replace').decode().replace('?', '_')}-{digest}.html"
    )
    try:
        write_findings_page(page, dataset, findings)
    except UserError:
        return None
    return page
