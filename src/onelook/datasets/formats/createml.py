"""CreateML: a JSON list of {image, annotations: [{label, coordinates: {x, y, width, height}}]}, x and y being the centre in pixels.

Splits are folders, train/, valid/, test/, each with its pictures and its JSON, as such data sets are handed out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.class_places import names_beside
from onelook.datasets.collecting import SPLIT_NAMES, Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import inside, read_json
from onelook.datasets.files.layout import dump_json, is_picture, json_files, numbers, subfolders, write_class_list
from onelook.datasets.files.placing import new_names, place_file
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "createml"
HOLDS = frozenset({"boxes", "splits", "negatives", "unlabelled"})

_FILE = "_annotations.createml.json"
_FOLDERS = {"train": "train", "val": "valid", "test": "test"}


def evidence(path: Path) -> str | None:
    """Return which JSON with `coordinates` speaks for CreateML: `path`, one in the folder, or those in its splits."""
    files = _files(path)
    return f"{' and '.join(str(file) for file in files)} hold labels with coordinates" if files else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set; a picture beside a JSON that does not name it is unlabelled."""
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: expected a JSON list of images with coordinates, got none")
    root = path if path.is_dir() else path.parent
    collector = Collector(root, NAME, report, names, names_beside(root))
    for file in files:
        split = SPLIT_NAMES.get(file.parent.name.lower()) if file.parent != root else None
        _read_one(file, split, collector)
    return collector.finish()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return json_files(path, b'"image"', b'"annotations"')
    folders = [path, *(folder for folder in subfolders(path) if folder.name.lower() in SPLIT_NAMES)]
    found = [file for folder in folders for file in json_files(folder, b'"image"', b'"annotations"')]
    empty = [folder / _FILE for folder in folders if (folder / _FILE).is_file()]
    return list(dict.fromkeys([*found, *empty]))


def _read_one(file: Path, split: str | None, collector: Collector) -> None:
    found = read_json(file)
    if not isinstance(found, list):
        raise FormatError(f"{file}: expected a list of images, got {type(found).__name__}")
    for item in found:
        known = item if isinstance(item, dict) else {}
        name = str(known.get("image", ""))
        if collector.image(inside(file.parent, name), file, None, split, True, None, name):
            for thing in known.get("annotations") or ():
                _take(thing, name, file, collector)
    for picture in sorted(entry for entry in file.parent.iterdir() if is_picture(entry)):
        if collector.image(picture, picture, None, None, labelled=False):
            if split:
                collector.splits.setdefault(split, []).append(len(collector.builder.paths) - 1)
            collector.unlabelled(picture, f"an entry in {file.name}")


def _take(thing: Any, name: str, file: Path, collector: Collector) -> None:
    told = thing.get("coordinates") if isinstance(thing, dict) else None
    values = numbers([told.get(word) for word in ("x", "y", "width", "height")], 4) if isinstance(told, dict) else None
    if values is None or len(values) != 4 or not isinstance(thing.get("label"), str):
        what = f"expected label and coordinates x, y, width, height for {name}, got {str(thing)[:80]}"
        collector.tell(file, None, "broken-annotation", what, "label the picture again")
        return
    x, y, width, height = values
    corners = [round(value, 6) for value in (x - width / 2, y - height / 2, x + width / 2, y + height / 2)]
    collector.box(thing["label"], corners)


def write(dataset: Dataset, folder: Path) -> None:
    """Write a folder a split with its pictures and its JSON, and labels.txt, into an empty folder."""
    write_class_list(dataset, folder)
    files = new_names(dataset.paths)
    places = {folder / _FOLDERS[split]: indices for split, indices in dataset.splits.items()}
    for place, indices in (places or {folder: np.arange(len(dataset))}).items():
        place.mkdir(exist_ok=True)
        for index in indices:
            place_file(dataset.paths[index], place / files[index])
        labelled = [int(index) for index in indices if dataset.labelled[index]]
        dump_json([_entry(dataset, index, files[index]) for index in labelled], place / _FILE)


def _entry(dataset: Dataset, index: int, file: str) -> dict[str, Any]:
    things = []
    for row in range(int(dataset.offsets[index]), int(dataset.offsets[index + 1])):
        x1, y1, x2, y2 = (float(value) for value in dataset.boxes[row])
        place = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "width": x2 - x1, "height": y2 - y1}
        things.append({"label": dataset.names[dataset.classes[row]], "coordinates": place})
    return {"image": file, "annotations": things}
