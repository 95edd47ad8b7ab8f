"""Looks at pictures, kept in the cache folder: a picture that has not changed is decoded once.

A kept look belongs to a path, a size in bytes and a time of change (nanoseconds); as soon as one differs the picture is looked
at anew. The looks of one data set lie in one file, named by the data's folder.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.datasets.checks.looking import Look, look
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.cache_folder import cache_folder
from onelook.datasets.files.packed import Packed
from onelook.structures.errors import UserError
from onelook.structures.files import write_bytes
from onelook.structures.images import MOST_PIXELS
from onelook.structures.progress import track

VERSION = 1
"""To be raised with every change of what a look tells."""

_SETTLED = 100_000_000
"""Nanoseconds that a file must have been left alone before its look is kept: two changes may share one time stamp."""

Row = list[Any]
"""Size, time of change, digest, fault, orientation, endings, perceptual hash."""


def look_at(dataset: Dataset) -> tuple[Look, ...]:
    """Return the look at each picture, in order; one with more pixels than are ever decoded is not opened."""
    file = _file(dataset)
    kept, now = _kept(file), time.time_ns()
    rows: dict[str, Row] = {}
    looks, fresh = [], 0
    pairs = zip(dataset.paths, dataset.sizes.prod(axis=1).tolist(), strict=True)
    for path, pixels in track(pairs, len(dataset), "checking"):
        if pixels > MOST_PIXELS:
            looks.append(Look("", None))
            continue
        key, state = str(path.absolute()), _state(path)
        row = kept.get(key)
        if row is None or state is None or row[:2] != state:
            seen, fresh = look(path), fresh + 1
            row = [*(state or (0, 0)), seen.digest, seen.fault, seen.orientation, seen.endings, seen.print]
        if state is not None and state[1] < now - _SETTLED:
            rows[key] = row
        looks.append(Look(row[2], row[3], row[4], tuple(row[5]), row[6]))
    if fresh and rows:
        _keep(file, rows)
    return tuple(looks)


def _file(dataset: Dataset) -> Path:
    place = os.fsencode(dataset.root.absolute())
    return cache_folder() / "looks" / f"{hashlib.sha256(place).hexdigest()[:32]}.json"


def _state(path: Path) -> list[int] | None:
    """Return size and time of change of the file that holds a picture; None when it is gone."""
    try:
        facts = os.stat(path.archive if isinstance(path, Packed) else path)  # noqa: PTH116 - three times as fast
    except OSError:
        return None
    return [facts.st_size, max(facts.st_mtime_ns, facts.st_ctime_ns)]


def _kept(file: Path) -> dict[str, Row]:
    try:
        found = json.loads(file.read_bytes())
        return dict(found["looks"]) if found["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # none, or a broken one, which is no better


def _keep(file: Path, rows: Mapping[str, Row]) -> None:
    try:
        write_bytes(file, json.dumps({"version": VERSION, "looks": rows}).encode())
    except UserError:
        return  # a cache is of use, and not needed
