"""A data set that was read once, kept as one file of columns: read again it takes no label and no picture to open.

A kept file is named by the place of the data, the format, the class list asked for and this parser's VERSION. It holds, beside
the columns, names, sizes and times of change (nanoseconds) of everything in the data's folder; as soon as one differs, the data
is read anew. Data whose labels or pictures may lie outside that folder, and small data, is not kept.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.datasets.files.cache_folder import cache_folder
from onelook.datasets.files.packed import Packed
from onelook.datasets.findings import ERROR, Finding, Report
from onelook.structures.errors import UserError
from onelook.structures.files import write_bytes

VERSION = 1
"""To be raised with every change of what a format reads."""

KEPT_FROM = 5_000
"""Images; fewer are read in no time."""

ELSEWHERE = frozenset({"darknet", "ultralytics"})
"""Formats whose lists may name pictures and labels anywhere."""

_COLUMNS = (
    "sizes", "boxes", "classes", "offsets", "difficult", "crowd", "truncated", "labelled", "dropped", "labels"
)  # fmt: skip


def fingerprint(root: Path) -> str:
    """Return the sha256 of names, sizes and times of change of everything below a folder; see `fingerprint_and_newest`."""
    return fingerprint_and_newest(root)[0]


def fingerprint_and_newest(root: Path) -> tuple[str, float]:
    """Return that sha256, and when anything there changed last, in seconds as time.time() tells them.

    It follows links to files, and to folders once. What cannot be looked at counts by its name.
    """
    total, newest = hashlib.sha256(), 0
    seen: set[tuple[int, int]] = set()
    waiting = [os.fspath(root)]
    while waiting:
        folder = waiting.pop()
        for name, is_folder, size, changed in _entries(folder, seen):
            newest = max(newest, changed)
            total.update(f"{size} {changed} {name}\0".encode("utf-8", "surrogateescape"))
            if is_folder:
                waiting.append(f"{folder}/{name}")
    return total.hexdigest(), newest / 1e9


def _entries(folder: str, seen: set[tuple[int, int]]) -> list[tuple[str, bool, int, int]]:
    """Return name, whether it is a folder to go into, size and time of change of what is in a folder, in order."""
    try:
        own = os.stat(folder)  # noqa: PTH116 - a Path for each of a million would cost more than the call
        if (own.st_dev, own.st_ino) in seen:
            return []
        seen.add((own.st_dev, own.st_ino))
        with os.scandir(folder) as entries:
            return sorted(_facts(entry) for entry in entries)
    except OSError as error:
        return [("", False, error.errno or 0, 0)]


def _facts(entry: os.DirEntry[str]) -> tuple[str, bool, int, int]:
    try:
        facts = entry.stat()
    except OSError as error:
        return entry.name, False, error.errno or 0, 0
    return entry.name, entry.is_dir(), facts.st_size, max(facts.st_mtime_ns, facts.st_ctime_ns)


def top_of(data: Path) -> Path:
    """Return the folder whose content decides whether the data is still the same."""
    return data if data.is_dir() else data.parent


def kept_file(data: Path, format: str, names: Sequence[str] | None, coordinates: str) -> Path:
    """Return where a data set is kept."""
    key = json.dumps([VERSION, str(data.absolute()), format, names and list(names), coordinates])
    return (
        cache_folder() / "datasets" / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.npz"
    )


def keep(file: Path, dataset: Dataset, findings: Sequence[Finding], state: str) -> None:
    """Write a data set with its findings; where the cache cannot be written nothing is kept."""
    packed = [isinstance(path, Packed) for path in dataset.paths]
    facts = {
        "state": state,
        "names": dataset.names,
        "root": str(dataset.root),
        "format": dataset.format,
        "coordinates": dataset.coordinates,
        "splits": list(dataset.splits),
        "findings": [[str(one.path), one.line, one.code, one.what, one.fix] for one in findings],
    }
    paths = "\0".join(map(str, dataset.paths)).encode("utf-8", "surrogateescape")
    columns: dict[str, Any] = {name: getattr(dataset, name) for name in _COLUMNS}
    columns |= {f"split {name}": indices for name, indices in dataset.splits.items()}
    texts = {"facts": json.dumps(facts).encode(), "paths": paths}
    columns |= {name: np.frombuffer(text, np.uint8) for name, text in texts.items()}
    data = io.BytesIO()
    np.savez(data, packed=np.array(packed, np.bool_), **columns)
    try:
        write_bytes(file, data.getvalue())
    except UserError:
        return  # a cache is of use, and not needed


def kept(file: Path, state: str, report: Report) -> Dataset | None:
    """Return the data set that `keep` wrote, its findings reported again; None where there is none or the data has changed."""
    if not file.is_file():
        return None
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as columns:
            facts = json.loads(columns["facts"].tobytes())
            if facts["state"] != state:
                return None
            text = columns["paths"].tobytes().decode("utf-8", "surrogateescape")
            paths = text.split("\0") if text else []
            kinds = columns["packed"].tolist()
            dataset = Dataset(
                names=tuple(facts["names"]),
                paths=tuple((Packed if inside else Path)(path) for path, inside in zip(paths, kinds, strict=True)),
                splits={name: columns[f"split {name}"] for name in facts["splits"]},
                root=Path(facts["root"]),
                format=facts["format"],
                coordinates=facts["coordinates"],
                **{name: columns[name] for name in _COLUMNS},
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # a broken file is no better than none
    for path, line, code, what, fix in facts["findings"]:
        report(Finding(Path(path), line, code, what, fix))
    return dataset


def worth_keeping(dataset: Dataset, data: Path, findings: Sequence[Finding]) -> bool:
    """Return whether the data is large, lies in its own folder, and has no error that somebody is about to mend."""
    if len(dataset) < KEPT_FROM or dataset.format in ELSEWHERE:
        return False
    if not dataset.root.absolute().is_relative_to(top_of(data).absolute()):
        return False
    return all(finding.severity != ERROR for finding in findings)
