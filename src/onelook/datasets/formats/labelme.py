"""LabelMe: a JSON beside each picture, with `shapes` of two or more points; rectangles and what surrounds other shapes are boxes.

Splits are folders: train/, val/, test/. Flags of a shape named difficult, crowd and truncated are kept.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onelook.datasets.class_places import names_beside
from onelook.datasets.collecting import SPLIT_NAMES, Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import MOST_TEXT, inside, read_json, start_of
from onelook.datasets.files.layout import (
    dump_json,
    files_below,
    is_picture,
    numbers,
    part_of_each,
    paths_below,
    write_class_list,
)
from onelook.datasets.files.objects import FLAGS
from onelook.datasets.files.placing import new_names, place_file
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "labelme"
HOLDS = frozenset({"boxes", "splits", "negatives", "unlabelled", "difficult", "crowd", "truncated"})

_DEEPEST = 2
_FIX = "label the picture again"


def evidence(path: Path) -> str | None:
    """Return which JSON with `shapes` speaks for LabelMe: the first in `path` or up to two folders below it."""
    if not path.is_dir():
        return None
    for found in paths_below(path, _DEEPEST):
        if found.endswith(".json"):
            file = Path(found)
            start = start_of(file, MOST_TEXT if file.stat().st_size <= MOST_TEXT else 4096)
            return f"{file} holds shapes" if b'"shapes"' in start and b'"imagePath"' in start else None
    return None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of the JSON files below a folder; a picture without one is unlabelled."""
    collector = Collector(path, NAME, report, names, names_beside(path))
    files = list(files_below(path))
    pictures = [file for file in files if is_picture(file)]
    by_stem = {file.with_suffix(""): file for file in reversed(pictures)}
    told = set()
    for file in files:
        if file.suffix == ".json":
            picture = _read_one(file, by_stem.get(file.with_suffix("")), path, collector)
            told.add(picture)
    for picture in pictures:
        if picture not in told and collector.image(picture, picture, None, _split(picture, path), labelled=False):
            collector.unlabelled(picture, f"a file {picture.stem}.json beside it")
    return collector.finish()


def _split(file: Path, root: Path) -> str | None:
    return next((SPLIT_NAMES[part] for part in file.relative_to(root).parts[:-1] if part in SPLIT_NAMES), None)


def _read_one(file: Path, beside: Path | None, root: Path, collector: Collector) -> Path | None:
    """Read the shapes of one file and return its picture: the one beside it, or else the one that it names."""
    try:
        found = read_json(file, MOST_TEXT)
        if not isinstance(found, dict) or not isinstance(found.get("shapes"), list):
            raise FormatError(f"{file}: expected `shapes`, got none")
    except FormatError as error:
        collector.tell(file, None, "broken-annotation", str(error).removeprefix(f"{file}: "), _FIX)
        if beside is not None:
            collector.image(beside, file, None, _split(file, root), labelled=False)
        return beside
    name = str(found.get("imagePath"))
    below = inside(root, str(file.parent.relative_to(root) / name.replace("\\", "/")))
    picture = beside or below
    size = numbers([found.get("imageWidth"), found.get("imageHeight")], 2)
    told = (size[0], size[1]) if size and len(size) == 2 else None
    if collector.image(picture, file, None, _split(file, root), True, told, name):
        for shape in found["shapes"]:
            _take(shape, file, collector)
    return picture


def _take(shape: Any, file: Path, collector: Collector) -> None:
    points = shape.get("points") if isinstance(shape, dict) else None
    pairs = [numbers(point, 2) for point in points] if isinstance(points, list) else []
    sound = [pair for pair in pairs if pair is not None and len(pair) == 2]
    if len(sound) < 2 or len(sound) != len(pairs) or not isinstance(shape.get("label"), str):
        what = f"expected a shape with a label and at least two points, got {str(shape)[:80]}"
        collector.tell(file, None, "broken-annotation", what, _FIX)
        return
    xs, ys = [pair[0] for pair in sound], [pair[1] for pair in sound]
    corners = (min(xs), min(ys), max(xs), max(ys))
    if shape.get("shape_type") == "circle":  # its centre and a point on it
        radius = ((xs[1] - xs[0]) ** 2 + (ys[1] - ys[0]) ** 2) ** 0.5
        corners = (xs[0] - radius, ys[0] - radius, xs[0] + radius, ys[0] + radius)
    marks = shape.get("flags") if isinstance(shape.get("flags"), dict) else {}
    collector.box(shape["label"], corners, None, **{flag: marks.get(flag) is True for flag in FLAGS})


def write(dataset: Dataset, folder: Path) -> None:
    """Write SPLIT/ID.jpg and SPLIT/ID.json, without a folder for images of no split, and labels.txt, into an empty folder."""
    write_class_list(dataset, folder)
    parts = part_of_each(dataset)
    for index, (path, file) in enumerate(zip(dataset.paths, new_names(dataset.paths), strict=True)):
        place = folder / parts[index]
        place.mkdir(exist_ok=True)
        place_file(path, place / file)
        if dataset.labelled[index]:
            dump_json(_document(dataset, index, file), (place / file).with_suffix(".json"))


def _document(dataset: Dataset, index: int, file: str) -> dict[str, Any]:
    width, height = (int(side) for side in dataset.sizes[index])
    rows = range(int(dataset.offsets[index]), int(dataset.offsets[index + 1]))
    sizes = {"imagePath": file, "imageData": None, "imageWidth": width, "imageHeight": height}
    return {"version": "5.0.0", "flags": {}, "shapes": [_shape(dataset, row) for row in rows], **sizes}


def _shape(dataset: Dataset, row: int) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(value) for value in dataset.boxes[row])
    flags = {flag: True for flag in FLAGS if getattr(dataset, flag)[row]}
    facts = {"label": dataset.names[dataset.classes[row]], "shape_type": "rectangle", "group_id": None}
    return {**facts, "points": [[x1, y1], [x2, y2]], "flags": flags}
