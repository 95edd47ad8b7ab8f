"""Ultralytics: a data.yaml that names folders or lists of images and the classes; labels as Darknet's.

Source: the file as data sets for it are handed out. A line of labels with more than four numbers is a polygon: its box is taken.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from onelook.datasets.building import Builder
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import bounded_lines, is_there, start_of
from onelook.datasets.files.data_yaml import Value, quoted, read_yaml
from onelook.datasets.files.layout import files_below, is_picture
from onelook.datasets.findings import Finding, Report
from onelook.datasets.formats.darknet import Labels, write_labels
from onelook.structures.classes import class_map
from onelook.structures.errors import FormatError

NAME = "ultralytics"
HOLDS = frozenset({"boxes", "splits", "negatives", "unlabelled"})

_KEYS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


def evidence(path: Path) -> str | None:
    """Return which .yaml file with `names` and `train` or `val` speaks for Ultralytics: `path` or one in the folder."""
    files = _files(path)
    return f"{' and '.join(str(file) for file in files)} names classes and images" if files else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of a data.yaml, or of a folder that holds one; a missing label file makes an image unlabelled."""
    files = _files(path)
    if len(files) != 1:
        got = ", ".join(file.name for file in files) or "none"
        raise FormatError(f"{path}: expected one .yaml file with names and images, got {got}; name one")
    file = files[0]
    settings = read_yaml(file)
    own = settings.get("names")
    if not isinstance(own, list) or not own:
        raise FormatError(f"{file}: expected `names` as a list or as a map from 0, got {str(own)[:60]!r}")
    if isinstance(count := settings.get("nc"), str) and count != str(len(own)):
        raise FormatError(f"{file}: expected nc: {len(own)}, as there are names, got {count}")
    places: Sequence[int | None] = range(len(own)) if names is None else class_map(own, names)
    labels = Labels(own, places, Builder(), report)
    root, splits = _root(file, settings), {}
    for split, keys in _KEYS.items():
        value = next((settings[key] for key in keys if settings.get(key)), None)
        if value is not None:
            pictures = _pictures(value, root, file, report)
            splits[split] = [index for picture in pictures if (index := labels.add(picture)) is not None]
    labels.report_orphans()
    return labels.builder.build(tuple(own if names is None else names), splits, file.parent, NAME)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix in (".yaml", ".yml") else []
    files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else []
    return [file for file in files if _speaks(file)]


def _speaks(file: Path) -> bool:
    lines = start_of(file, 1024**2).splitlines()
    keys = {line.partition(b":")[0].strip() for line in lines if line[:1].isalpha()}
    return b"names" in keys and bool(keys & {b"train", b"val", b"valid"})


def _root(file: Path, settings: dict[str, Value]) -> Path:
    """Return the folder that `path` names, from the file's folder; that folder itself where it isn't there."""
    told = settings.get("path")
    folder = file.parent / told if isinstance(told, str) else file.parent
    return folder if folder.is_dir() else file.parent


def _pictures(value: Value, root: Path, file: Path, report: Report) -> Iterator[Path]:
    """Yield the pictures of a split: of a folder, of a list file, or of several of both."""
    for word in [value] if isinstance(value, str) else value:
        place = next((base / word for base in (root, file.parent, file.parent.parent) if (base / word).exists()), None)
        if place is None and word.startswith("../"):  # as Roboflow writes, meaning the file's own folder
            place = file.parent / word[3:]
        if place is None or not place.exists():
            raise FormatError(f"{file}: expected a folder or a list {word}, got none in {root}")
        if place.is_dir():
            yield from (entry for entry in files_below(place) if is_picture(entry))
        else:
            yield from _listed(place, root, report)


def _listed(listing: Path, root: Path, report: Report) -> Iterator[Path]:
    for number, line in bounded_lines(listing):
        picture = next((base / line.strip() for base in (listing.parent, root) if is_there(base / line.strip())), None)
        if picture is None:
            what = f"expected an image {line.strip()[:200]}, got none"
            report(Finding(listing, number, "missing-image", what, "mend the path or remove the line"))
        else:
            yield picture


def write(dataset: Dataset, folder: Path, pictures: bool = True) -> None:
    """Write data.yaml, images/, labels/ and a list a split into an empty folder. Without splits every image is for training.

    Without `pictures`, images/ is left to whoever has them.
    """
    files = write_labels(dataset, folder, pictures)
    splits = dict(dataset.splits or {"train": np.arange(len(dataset))})
    lines = ["path: .", *(f"{split}: {split}.txt" for split in splits)]
    for split, indices in splits.items():
        listed = "".join(f"./images/{files[index]}\n" for index in indices)
        (folder / f"{split}.txt").write_bytes(listed.encode("utf-8", "surrogateescape"))
    lines += ["", "names:", *(f"  {place}: {quoted(name)}" for place, name in enumerate(dataset.names)), ""]
    (folder / "data.yaml").write_text("\n".join(lines), encoding="utf-8")
