"""A data set that was read once, kept as one file of columns: read again it takes no label and no picture to open.

A kept file is named by the place of the data, the format, the class list asked for and this parser's VERSION. It holds, beside
the columns, names, sizes and times of change (nanoseconds) of everything in the data's folder; as soon as one differs, the data
is read anew. Data whose labels or pictures may lie outside that folder, and small data, is not kept.
"""

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.datasets.files.cache_folder import cache_folder
from onelook.datasets.files.packed import Packed
from onelook.datasets.files.paths import Paths
from onelook.datasets.findings import ERROR, Finding, Report
from onelook.structures.errors import UserError
from onelook.structures.files import write_bytes
from onelook.structures.images import SUFFIXES

VERSION = 3
"""To be raised with every change of what a format reads."""

KEPT_FROM = 5_000
"""Images; fewer are read in no time."""

ELSEWHERE = frozenset({"darknet", "ultralytics"})
"""Formats whose lists may name pictures and labels anywhere."""

_PICTURES = tuple({spelling for suffix in SUFFIXES for spelling in (suffix, suffix.upper())})

_COLUMNS = (
    "sizes", "boxes", "classes", "offsets", "difficult", "crowd", "truncated", "labelled", "dropped", "labels"
)  # fmt: skip


class Reading(NamedTuple):
    """What decides, beside the files, how data is read."""

    data: Path
    format: str
    names: tuple[str, ...] | None
    coordinates: str
    pictures: bool


def fingerprint(root: Path, but: str = "", pictures: bool = True) -> str:
    """Return the sha256 of names, sizes and times of change of everything below a folder; see `fingerprint_and_newest`."""
    return fingerprint_and_newest(root, but, pictures)[0]


def fingerprint_and_newest(root: Path, but: str = "", pictures: bool = True) -> tuple[str, float]:
    """Return that sha256, and when anything there changed last, in seconds as time.time() tells them.

    It follows links to files, and to folders once. What cannot be looked at counts by its name; a file called `but` in the
    top folder does not count. A picture is known by its number in the file system and its time of change, as giving it a
    second name, which `onelook data convert` does, sets the time that any other file is known by too. Without `pictures` they
    do not count.
    """
    total, newest = hashlib.sha256(), 0
    seen: set[tuple[int, int]] = set()
    waiting = [os.fspath(root)]
    while waiting:
        folder = waiting.pop()
        lines, folders, changed = _entries(folder, seen, but, pictures)
        newest, but = max(newest, changed), ""
        total.update("\0".join([*lines, ""]).encode("utf-8", "surrogateescape"))
        waiting += [f"{folder}/{name}" for name in folders]
    return total.hexdigest(), newest / 1e9


def _entries(folder: str, seen: set[tuple[int, int]], but: str, pictures: bool) -> tuple[list[str], list[str], int]:
    """Return a line for each entry of a folder, in order, the folders among them, and the newest time in nanoseconds."""
    lines, folders, newest = [], [], 0
    try:
        own = os.stat(folder)  # noqa: PTH116 - a Path for each of a million would cost more than the call
        if (own.st_dev, own.st_ino) in seen:
            return [], [], 0
        seen.add((own.st_dev, own.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                is_picture = name.endswith(_PICTURES)
                if is_picture and not pictures:
                    continue
                try:
                    facts = entry.stat()
                except OSError as error:
                    lines.append(f"{name}/{error.errno}")
                    continue
                if stat.S_ISDIR(facts.st_mode):
                    folders.append(name)
                changed = facts.st_mtime_ns
                if is_picture:
                    lines.append(f"{name}/{facts.st_size} {changed} {facts.st_ino}")
                elif name != but:
                    changed = max(changed, facts.st_ctime_ns)
                    lines.append(f"{name}/{facts.st_size} {changed}")
                newest = max(newest, changed)
    except OSError as error:
        return [f"/{error.errno}"], [], 0
    return sorted(lines), sorted(folders), newest


def top_of(data: Path) -> Path:
    """Return the folder whose content decides whether the data is still the same."""
    return data if data.is_dir() else data.parent


def kept_file(how: Reading) -> Path:
    """Return where a data set is kept."""
    key = json.dumps([VERSION, str(how.data.absolute()), how.format, how.names, how.coordinates, how.pictures])
    return (
        cache_folder() / "datasets" / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.npz"
    )


def keep(file: Path, dataset: Dataset, findings: Sequence[Finding], state: str) -> None:
    """Write a data set with its findings; where the cache cannot be written nothing is kept."""
    paths = Paths(dataset.paths).texts
    packed = [isinstance(path, Packed) for path in paths]
    facts = {
        "state": state,
        "names": dataset.names,
        "root": str(dataset.root),
        "format": dataset.format,
        "coordinates": dataset.coordinates,
        "splits": list(dataset.splits),
        "findings": [[str(one.path), one.line, one.code, one.what, one.fix] for one in findings],
    }
    text = "\0".join(map(str, paths)).encode("utf-8", "surrogateescape")
    columns: dict[str, Any] = {name: getattr(dataset, name) for name in _COLUMNS}
    columns |= {f"split {name}": indices for name, indices in dataset.splits.items()}
    texts = {"facts": json.dumps(facts).encode(), "paths": text}
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
                paths=Paths(Packed(path) if inside else path for path, inside in zip(paths, kinds, strict=True)),
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
