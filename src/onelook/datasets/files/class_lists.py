"""The data of Darknet's classifiers: a .data file with `labels`, of which each picture's path holds the one that it shows.

Source: what AlexeyAB/darknet at commit 59596d7 reads, `fill_truth` in src/data.c.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onelook.datasets.collecting import Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.data_file import found_file, listed, lists_of
from onelook.datasets.findings import Report
from onelook.structures.classes import read_names
from onelook.structures.errors import FormatError

Settings = Mapping[str, tuple[str, int]]


def read_class_lists(
    file: Path, settings: Settings, format: str, report: Report, names: Sequence[str] | None = None
) -> Dataset:
    """Return the pictures of the lists, each with the class whose label is part of its path; there are no boxes.

    Classes are called as the file's `names` call them, else as its `labels`. A picture of no label, or of several where none
    holds the others, gets no class and a finding. Raises FormatError for a .data file that cannot be followed.
    """
    labels, own = class_labels(file, settings)
    collector = Collector(file.parent, format, report, names, own)
    for split, (list_file, _) in lists_of(file, settings).items():
        for number, line, image in listed(list_file, file, report):
            if image is None:
                what = f"expected an image {line[:200]}, got none"
                collector.tell(list_file, number, "missing-image", what, "mend the path or remove the line")
            elif collector.image(image, list_file, number, split, labelled=False):
                found = _classes_of(line, labels)
                if len(found) == 1:
                    collector.label(own[found[0]], number)
                    continue
                told = ", ".join(labels[index] for index in found[:3]) or "none"
                what = f"expected one of the {len(labels)} labels in the path {line[:200]}, got {told}"
                collector.tell(
                    list_file, number, "unknown-class", what, "rename the picture's folder or mend the labels"
                )
    return collector.finish()


def class_labels(file: Path, settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is looked for in the pictures' paths, and the classes' names, in the same order.

    Raises FormatError where the two, or the file's `classes`, are of different numbers.
    """
    if "labels" not in settings:
        raise FormatError(f"{file}: expected a line `labels = FILE`, as a classifier's data has, got none")
    value, number = settings["labels"]
    labels = read_names(found_file(value, file, number))
    text, line = settings.get("classes", (str(len(labels)), number))
    if text != str(len(labels)):
        raise FormatError(f"{file}:{line}: expected classes = {len(labels)}, as {value} has labels, got {text}")
    if "names" not in settings:
        return labels, labels
    value, number = settings["names"]
    names = read_names(found_file(value, file, number))
    if len(names) != len(labels):
        raise FormatError(f"{file}:{number}: expected {len(labels)} names, as there are labels, got {len(names)}")
    return labels, names


def _classes_of(path: str, labels: Sequence[str]) -> list[int]:
    """Return the classes whose label is part of the path, without those whose label is part of another's that is there too.

    Darknet counts `truck` in `firetruck` as both, and trains on two classes for one picture.
    """
    found = [index for index, label in enumerate(labels) if label in path]
    return [
        index
        for index in found
        if not any(labels[index] in labels[other] and labels[index] != labels[other] for other in found)
    ]
