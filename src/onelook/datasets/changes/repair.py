"""A copy of a data set with its faults mended or taken out, and a log of every change."""

import dataclasses
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from onelook.datasets.changes.class_maps import map_classes
from onelook.datasets.checks.checking import examine, findings_of
from onelook.datasets.checks.duplicates import twice
from onelook.datasets.checks.examining import Examined
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.layout import place_pictures
from onelook.datasets.findings import Finding
from onelook.datasets.formats import FORMATS
from onelook.datasets.reading import decide, read
from onelook.structures.classes import canonical
from onelook.structures.files import new_folder, write_text
from onelook.structures.images import read_image

LOG = "repairs.log"
"""A JSON object a line."""

_READING = {
    "broken-annotation": "the annotation, or the object in it, is left out",
    "inverted-box": "the box is left out",
    "zero-box": "the box is left out",
    "outside-box": "the box is clipped to the picture, or left out",
    "swapped-axes": "the box is clipped to the picture, or left out",
    "size-mismatch": "boxes are scaled to the picture",
    "unknown-class": "the object is left out",
    "missing-image": "the line is left out",
    "orphan-label": "the label is left out",
    "unreadable-image": "the picture is left out",
    "path-outside": "the picture is left out",
    "class-alias": "the class is called by its name",
}
"""What reading has done about its findings."""


def repair(data: Path, folder: Path, format: str | None = None) -> list[dict[str, str]]:
    """Write a mended copy of the data at a path into a new folder, with LOG in it, and return the changes, an object each.

    Unlabelled, damaged and repeated pictures are left out, a picture of two splits stays in the first; objects labelled twice
    are kept once; turned pictures are stored upright, wrong names put right; spellings of one class are merged. The copy is
    of the same format. The data itself is not touched.
    """
    found: list[Finding] = []
    name, _ = decide(data, format)
    dataset = read(data, name, report=found.append)
    changes = [_change(finding, _READING[finding.code]) for finding in found if finding.code in _READING]
    examined = examine(dataset)
    findings = [finding for finding in [*found, *findings_of(examined)] if finding.code not in _READING]
    sound = _once_a_split(_without_repeated_boxes(dataset, findings, changes), findings, changes)
    sound = _kept(sound, findings, changes)
    sound = _one_spelling(sound, findings, changes)
    with new_folder(folder) as out:
        pictures = out / ".pictures"
        mended = _mended_pictures(sound, examined, pictures, changes)
        target = out / "copy"
        target.mkdir()
        FORMATS[name].write(mended, target)
        for entry in target.iterdir():
            entry.rename(out / entry.name)
        target.rmdir()
        _remove(pictures)
        write_text(out / LOG, "".join(json.dumps(change) + "\n" for change in changes))
    return changes


def _change(finding: Finding, change: str) -> dict[str, str]:
    place = str(finding.path) if finding.line is None else f"{finding.path}:{finding.line}"
    return {"path": place, "code": finding.code, "what": finding.what, "change": change}


def _without_repeated_boxes(dataset: Dataset, findings: Sequence[Finding], changes: list[dict[str, str]]) -> Dataset:
    keep = np.ones(len(dataset.boxes), np.bool_)
    guilty = {finding.path: finding for finding in findings if finding.code == "duplicate-box"}
    for index, path in enumerate(dataset.paths):
        if path in guilty:
            truth = dataset.truth(index)
            for _, second in twice(truth.boxes, truth.classes):
                keep[int(dataset.offsets[index]) + second] = False
            changes.append(_change(guilty[path], "each object is kept once"))
    rows = np.concatenate([[0], np.cumsum(keep)])
    columns = {word: getattr(dataset, word)[keep] for word in ("boxes", "classes", "difficult", "crowd", "truncated")}
    return dataclasses.replace(dataset, offsets=rows[dataset.offsets], **columns)


def _once_a_split(dataset: Dataset, findings: Sequence[Finding], changes: list[dict[str, str]]) -> Dataset:
    """Return the data set with every picture that is listed in two splits in the first of them only."""
    seen = np.zeros(len(dataset), np.bool_)
    splits: dict[str, NDArray[np.int64]] = {}
    for name, indices in dataset.splits.items():
        splits[name] = np.array([index for index in dict.fromkeys(indices.tolist()) if not seen[index]], np.int64)
        seen[indices] = True
    code = "duplicate-image-across-splits"
    listed = [finding for finding in findings if finding.code == code and "listed there too" in finding.what]
    changes.extend(_change(finding, "it stays in the first split") for finding in listed)
    return dataclasses.replace(dataset, splits={name: indices for name, indices in splits.items() if len(indices)})


def _kept(dataset: Dataset, findings: Sequence[Finding], changes: list[dict[str, str]]) -> Dataset:
    """Return the data set without unlabelled, damaged, too large and repeated pictures."""
    out = {"truncated-image", "huge-image", "unlabelled", "duplicate-image", "duplicate-image-across-splits"}
    guilty = {
        finding.path: finding for finding in findings if finding.code in out and "listed there too" not in finding.what
    }
    changes += [_change(finding, "the picture is left out") for finding in guilty.values()]
    wanted = np.array([path not in guilty for path in dataset.paths], np.bool_)
    bare = ~dataset.labelled & (dataset.labels < 0) & wanted
    for path in (path for path, left in zip(dataset.paths, bare, strict=True) if left):
        changes.append(
            {"path": str(path), "code": "unlabelled", "what": "no annotation", "change": "the picture is left out"}
        )
    kept = dataset.keep(wanted & ~bare)
    return dataclasses.replace(kept, splits={name: indices for name, indices in kept.splits.items() if len(indices)})


def _one_spelling(dataset: Dataset, findings: Sequence[Finding], changes: list[dict[str, str]]) -> Dataset:
    first: dict[str, str] = {}
    renames = {}
    for name in dataset.names:
        key = canonical(name).replace("_", " ").replace("-", " ")
        if first.setdefault(key, name) != name:
            renames[name] = first[key]
    changes += [_change(finding, "the spellings are merged") for finding in findings if finding.code == "class-alike"]
    return map_classes(dataset, renames) if renames else dataset


def _mended_pictures(dataset: Dataset, examined: Examined, folder: Path, changes: list[dict[str, str]]) -> Dataset:
    """Return the data set with turned pictures stored upright and endings put right, those pictures lying in `folder`."""
    looks = dict(zip(examined.dataset.paths, examined.looks, strict=True))
    turned = [path for path in dataset.paths if looks[path].orientation not in (0, 1)]
    misnamed = [
        path for path in dataset.paths if looks[path].endings and path.suffix.lower() not in looks[path].endings
    ]
    if not turned and not misnamed:
        return dataset
    files = place_pictures(dataset, folder)
    paths = []
    for path, file in zip(dataset.paths, files, strict=True):
        place = folder / file
        told = {"path": str(path), "what": "", "change": ""}
        if path in misnamed:
            place = place.rename(place.with_suffix(looks[path].endings[0]))
            changes.append({**told, "code": "wrong-extension", "change": f"it is called {place.name}"})
        if path in turned:
            _store_upright(path, place)
            changes.append({**told, "code": "exif-rotated", "change": "it is stored upright"})
        paths.append(place)
    return dataclasses.replace(dataset, paths=tuple(paths))


def _store_upright(source: Path, place: Path) -> None:
    with Pillow.open(BytesIO(source.read_bytes())) as image:
        kind = image.format or "JPEG"
    data = BytesIO()
    Pillow.fromarray(read_image(source)).save(data, kind, **({"quality": 95} if kind == "JPEG" else {}))
    place.unlink()  # it may be the user's own file under a second name
    place.write_bytes(data.getvalue())


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
