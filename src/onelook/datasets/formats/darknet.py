"""Darknet: a .data file that names class names and image lists; labels are `class cx cy w h` in fractions of the image.

The label file of an image is NAME.txt beside it, or in the folder `labels` where the image is in `images` or `JPEGImages`.
Where the .data file has `labels`, the pictures' paths tell their classes (class_lists.py).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from onelook.datasets.box_rules import Corners
from onelook.datasets.building import Builder
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import MOST_TEXT, start_of
from onelook.datasets.files.class_lists import read_class_lists
from onelook.datasets.files.data_file import (
    LISTS,
    data_file,
    data_files,
    found_file,
    listed,
    lists_of,
    names_of,
    read_data_file,
)
from onelook.datasets.files.layout import place_pictures
from onelook.datasets.files.placing import stem_and_ending
from onelook.datasets.files.written import write_same
from onelook.datasets.findings import Finding, Report, strict
from onelook.datasets.headers import picture_size
from onelook.structures.boxes import cxcywh_from_xyxy
from onelook.structures.classes import class_map
from onelook.structures.errors import FormatError
from onelook.structures.images import SUFFIXES
from onelook.structures.progress import track

NAME = "darknet"
HOLDS = frozenset({"boxes", "splits", "negatives", "unlabelled"})

_LARGEST = 2.0
"""A coordinate above this is no fraction of an image but a pixel."""

_AT_ONCE = 4096
"""Images whose labels are computed together."""

_DECIMALS = 6
"""Of a pixel: what a fraction of ten digits can tell, so that an edge at 0 reads as 0."""

_NOT_LABELS = frozenset({"classes.txt", "labels.txt", "train.txt", "val.txt", "valid.txt", "test.txt"})


def evidence(path: Path) -> str | None:
    """Return which .data file speaks for Darknet: `path` itself or one in the folder; None when none does."""
    files = data_files(path)
    return f"{' and '.join(str(file) for file in files)} lists images" if files else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of a .data file, or of a folder that holds one; images are in the order of the lists.

    Its classes are those of `names`, matched by name, or else of the file's `names`. A missing label file makes the image
    unlabelled, an empty one makes it a negative. Labels of the pictures in the list `difficult` are flagged, and belong to the
    pictures at the same places of `valid`. A file with `labels`, as Darknet's classifiers have, gives a class to each picture and
    no boxes. Raises FormatError for a .data file that cannot be followed, and what
    `report` raises.
    """
    file = data_file(path)
    settings = read_data_file(file)
    if "labels" in settings:
        return read_class_lists(file, settings, NAME, report, names)
    own = names_of(file, settings, names)
    places: Sequence[int | None] = range(len(own)) if names is None else class_map(own, names)
    lists = lists_of(file, settings)
    labels = Labels(own, places, Builder(), report, _difficult(file, settings, lists))
    splits: dict[str, list[int]] = {}
    for split, (list_file, _) in lists.items():
        splits[split] = list(_read_list(list_file, file, labels, report))
    labels.report_orphans()
    return labels.builder.build(tuple(own if names is None else names), splits, file.parent, NAME)


def label_path(image: Path) -> Path:
    """Return where the label file of an image is: in `labels` for the last `images` or `JPEGImages` of its path, or beside it."""
    beside = image.with_suffix(".txt")
    parts = list(beside.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] in ("images", "JPEGImages"):
            moved = Path(*parts[:place], "labels", *parts[place + 1 :])
            return moved if moved.is_file() or not beside.is_file() else beside
    return beside


class Labels:
    """Images and their labels as they are read: every image once, whichever lists name it."""

    def __init__(
        self,
        own: Sequence[str],
        places: Sequence[int | None],
        builder: Builder,
        report: Report,
        difficult: Mapping[Path, Path] | None = None,
    ) -> None:
        """Begin without images; `difficult` has the label file of an image's difficult objects, by image."""
        self.own, self.places, self.builder, self.report = own, places, builder, report
        self.difficult = difficult or {}
        self._known: dict[Path, int | None] = {}
        self._folders: dict[Path, set[Path]] = {}

    def add(self, image: Path) -> int | None:
        """Return the index of the image, reading it when it is new; None when its header cannot be read."""
        if image not in self._known:
            self._known[image] = self._read(image)
        return self._known[image]

    def report_orphans(self) -> None:
        """Tell of label files, in every folder that held one, that have no picture."""
        for labels, pictures in sorted(self._folders.items()):
            stems = {file.stem for folder in pictures for file in folder.iterdir() if file.suffix.lower() in SUFFIXES}
            for file in sorted(labels.glob("*.txt")):
                if file.stem not in stems and file.name not in _NOT_LABELS and _looks_like_labels(file):
                    what = f"expected an image {file.stem}.jpg (or another ending) for this label, got none"
                    self.report(Finding(file, None, "orphan-label", what, "add the image or remove the label"))

    def _read(self, image: Path) -> int | None:
        try:
            size = picture_size(image)
        except FormatError as error:
            what = str(error).removeprefix(f"{image}: ")
            self.report(Finding(image, None, "unreadable-image", what, "replace the picture or take it off the lists"))
            return None
        file = label_path(image)
        text = self._text_of(file)
        if text is None:
            fix = "label it, take it out (`onelook data convert --drop-unlabelled`), or write an empty file if nothing is on it"
            self.report(Finding(image, None, "unlabelled", f"expected a label file {file}, got none", fix))
        else:
            self._folders.setdefault(file.parent, set()).add(image.parent)
        index = self.builder.add_image(image, size, labelled=text is not None)
        self._add_lines(text or "", file, size)
        if image in self.difficult:
            self._add_lines(self._text_of(self.difficult[image]) or "", self.difficult[image], size, difficult=True)
        return index

    def _text_of(self, file: Path) -> str | None:
        """Return what a label file says, a byte beyond MOST_TEXT at most; None where there is none that can be read."""
        try:
            with file.open("rb") as opened:
                return opened.read(MOST_TEXT + 1).decode("utf-8-sig", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"expected a label file to read, got {error.strerror}"
            self.report(Finding(file, None, "broken-annotation", what, "write the labels again"))
            return None

    def _add_lines(self, text: str, file: Path, size: tuple[int, int], difficult: bool = False) -> None:
        if len(text) > MOST_TEXT:
            what = f"expected at most {MOST_TEXT} bytes of labels, got more"
            self.report(Finding(file, None, "broken-annotation", what, "write the labels again"))
            return
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                self._add_line(line, file, number, size, difficult)

    def _add_line(self, line: str, file: Path, number: int, size: tuple[int, int], difficult: bool) -> None:
        def tell(code: str, what: str, fix: str) -> None:
            self.report(Finding(file, number, code, what, fix))

        try:
            own, box = _parse(line, size)
        except ValueError as error:
            tell("broken-annotation", str(error), "write the label again")
            return
        place = self.places[own] if 0 <= own < len(self.places) else None
        if place is None:
            told = f"{self.own[own]!r}, which the model's classes lack" if 0 <= own < len(self.own) else str(own)
            what = f"expected a class from 0 to {len(self.own) - 1}, got {told}"
            tell("unknown-class", what, "mend the number or the list of names")
            return
        verdict = self.builder.add_box(box, place, difficult)
        if verdict:
            tell(verdict.code, verdict.what, verdict.fix)


def _parse(line: str, size: tuple[int, int]) -> tuple[int, Corners]:
    """Return the class number and the box in pixels of one label line. Raises ValueError that says what is wrong."""
    words = line.split()
    try:
        index, values = int(words[0]), [float(word) for word in words[1:]]
        cx, cy, w, h = _around(values) if len(values) >= 6 and len(values) % 2 == 0 else values
    except ValueError:
        raise ValueError(f"expected `class cx cy w h`, got {line.strip()[:60]!r}") from None
    if max(abs(cx), abs(cy), abs(w), abs(h)) > _LARGEST:
        raise ValueError(f"expected fractions of the image's size, got {line.strip()[:60]!r} (pixels?)")
    corners = ((cx - w / 2) * size[0], (cy - h / 2) * size[1], (cx + w / 2) * size[0], (cy + h / 2) * size[1])
    x1, y1, x2, y2 = (round(value, _DECIMALS) for value in corners)
    return index, (x1, y1, x2, y2)


def _around(polygon: list[float]) -> tuple[float, float, float, float]:
    """Return the box cx, cy, w, h around the points x1, y1, x2, y2... that Ultralytics writes for masks."""
    xs, ys = polygon[::2], polygon[1::2]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)


def _looks_like_labels(file: Path) -> bool:
    start = start_of(file, 200).partition(b"\n")[0]
    return not start.strip() or re.fullmatch(rb"\d+(\s+\S+){4,}\s*", start) is not None


def _difficult(
    file: Path, settings: Mapping[str, tuple[str, int]], lists: Mapping[str, tuple[Path, int]]
) -> dict[Path, Path]:
    """Return the label file of difficult objects by image of `valid`. Raises FormatError for lists of different lengths."""
    if "difficult" not in settings or "val" not in lists:
        return {}
    value, number = settings["difficult"]
    images, others = (listed(each, file, strict) for each in (lists["val"][0], found_file(value, file, number)))
    if len(images) != len(others):
        raise FormatError(
            f"{file}:{number}: expected {len(images)} lines in {value}, as the valid list has, got {len(others)}"
        )
    pairs = zip(images, others, strict=True)
    return {image: label_path(other or Path(text)) for (_, _, image), (_, text, other) in pairs if image}


def _read_list(list_file: Path, file: Path, labels: Labels, report: Report) -> Iterator[int]:
    for number, line, image in listed(list_file, file, report):
        if image is None:
            what = f"expected an image {line[:200]}, got none"
            report(Finding(list_file, number, "missing-image", what, "mend the path or remove the line"))
            continue
        index = labels.add(image)
        if index is not None:
            yield index


def write(dataset: Dataset, folder: Path, pictures: bool = True) -> None:
    """Write obj.data, obj.names, one list a split, images/, labels/ and backup/ into an empty folder.

    Pictures are linked or copied. Paths in the lists are relative to the folder. Without splits every image is for training.
    An unlabelled image gets no label file. The flags of boxes have no place in Darknet's labels. Without `pictures`, images/ is
    left to whoever has them.
    """
    files = write_labels(dataset, folder, pictures)
    (folder / "backup").mkdir(exist_ok=True)  # Darknet, which writes its weights there, does not make it
    (folder / "obj.names").write_text("".join(f"{name}\n" for name in dataset.names), encoding="utf-8")
    splits = dataset.splits or {"train": np.arange(len(dataset))}
    for split, indices in splits.items():
        lines = "".join(f"images/{files[index]}\n" for index in indices)
        (folder / f"{split}.txt").write_bytes(lines.encode("utf-8", "surrogateescape"))
    settings = {"classes": len(dataset.names), **{LISTS[split][0]: f"{split}.txt" for split in splits}}
    settings |= {"names": "obj.names", "backup": "backup"}
    (folder / "obj.data").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()), encoding="utf-8")


def write_labels(dataset: Dataset, folder: Path, pictures: bool = True) -> list[str]:
    """Write images/ and labels/ into an empty folder and return the pictures' file names."""
    files = place_pictures(dataset, folder / "images", pictures)
    (folder / "labels").mkdir(exist_ok=True)
    labels = zip(files, dataset.labelled.tolist(), _label_texts(dataset), strict=True)
    for file, labelled, text in track(labels, len(files), "labels"):
        if labelled:
            write_same(f"{folder}/labels/{stem_and_ending(file)[0]}.txt", text.encode("ascii"))
    return files


def _label_texts(dataset: Dataset) -> Iterator[str]:
    """Yield the text of each image's label file; so many images at once are computed, as one by one takes ten times as long."""
    for start in range(0, len(dataset), _AT_ONCE):
        offsets = dataset.offsets[start : start + _AT_ONCE + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        sizes = np.repeat(dataset.sizes[start : start + _AT_ONCE], np.diff(offsets), axis=0)  # (n, 2)
        fractions = cxcywh_from_xyxy(dataset.boxes[rows].astype(np.float64)) / np.tile(sizes, 2)  # (n, 4)
        boxes = zip(dataset.classes[rows].tolist(), fractions.tolist(), strict=True)
        lines = [f"{place} {x:.10g} {y:.10g} {w:.10g} {h:.10g}\n" for place, (x, y, w, h) in boxes]
        places = (offsets - offsets[0]).tolist()
        yield from ("".join(lines[one:two]) for one, two in pairwise(places))
