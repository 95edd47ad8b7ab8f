"""Pascal VOC: Annotations/ID.xml, JPEGImages/ID.jpg, and ImageSets/Main/SPLIT.txt with one ID a line.

Source: the development kit of the Pascal VOC Challenge 2012, sections 4 and 8. `<bndbox>` is read as continuous pixels.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from onelook.datasets.building import Builder
from onelook.datasets.class_places import ClassPlaces, names_beside
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import told_lines
from onelook.datasets.files.layout import ending, subfolders
from onelook.datasets.files.placing import new_names, place_file
from onelook.datasets.files.written import write_same
from onelook.datasets.findings import Finding, Report
from onelook.datasets.formats.voc_annotation import Annotation, read_annotation
from onelook.datasets.headers import picture_size
from onelook.structures.errors import FormatError
from onelook.structures.images import SUFFIXES

NAME = "voc"
HOLDS = frozenset({"boxes", "splits", "negatives", "unlabelled", "difficult", "truncated"})

_ANNOTATIONS = ("Annotations", "annotations")
_IMAGES = ("JPEGImages", "images", "Images")
_MOST_SIDE = 10**6
"""Pixels; no picture is wider or higher."""

_LISTS = {"train": ("train", "trainval"), "val": ("val",), "test": ("test",)}
"""List files that make a split, the first that is there."""


def evidence(path: Path) -> str | None:
    """Return which folders speak for VOC, at `path` or up to two folders below it; None when none do."""
    roots = _roots(path)
    if not roots:
        return None
    return " and ".join(f"{_annotations(root)} holds XML beside {_images(root).name}/" for root in roots)


def read(
    path: Path, report: Report, names: Sequence[str] | None = None, first: float = 0.0, pictures: bool = True
) -> Dataset:
    """Return the data set of a VOC folder, or of the one VOC folder below `path`; images are ordered by ID.

    Classes are those of `names`, of a list beside the data (classes.txt, labels.txt, *.names), or else the data's own,
    sorted. `first` is the number of the first pixel: 1 reads boxes as the devkit means them. Where there are ImageSets,
    only images that they name are in the data set. Without `pictures` none is opened or need be there: the images are those
    with an annotation, their sizes what it tells. Raises FormatError when there is not exactly one VOC folder, and what
    `report` raises.
    """
    root = _root(path)
    places = ClassPlaces(names or names_beside(root, path))
    annotations = _annotation_files(_annotations(root))
    images = _pictures(_images(root))
    if not pictures:
        images = {stem: images.get(stem) or f"{_images(root)}/{stem}.jpg" for stem in annotations}
    lists = _read_lists(root, images, report)
    used = sorted(set().union(*lists.values())) if lists else sorted(images)
    _report_strays(root, images, annotations, used if lists else None, report)
    builder = Builder(first)
    numbers = {}
    for stem in used:
        if _read_one(images[stem], annotations.get(stem), root, places, builder, report, pictures):
            numbers[stem] = len(builder.paths) - 1
    splits = {name: [numbers[stem] for stem in stems if stem in numbers] for name, stems in lists.items()}
    ordered, moved = places.finish()
    return builder.build(ordered, splits, root, NAME, moved)


def _roots(path: Path) -> list[Path]:
    """Return `path` when it is a VOC folder, else those one folder below it, else those two below."""
    level = [path]
    for _ in range(3):
        found = [folder for folder in level if _is_voc(folder)]
        if found:
            return found
        level = [below for folder in level for below in subfolders(folder)]
    return []


def _is_voc(folder: Path) -> bool:
    """Return whether there is a folder of XML annotations; an empty one counts where pictures lie beside it."""
    annotations = _first(folder, _ANNOTATIONS)
    if annotations is None:
        return False
    endings = {file.suffix.lower() for file in islice(annotations.iterdir(), 1000)}
    return ".xml" in endings or (not endings and _first(folder, _IMAGES) is not None)


def _root(path: Path) -> Path:
    roots = _roots(path)
    if not roots:
        raise FormatError(
            f"{path}: expected a folder with Annotations/ and JPEGImages/, got none; is it another format?"
        )
    if len(roots) > 1:
        raise FormatError(
            f"{path}: expected one VOC folder, got {', '.join(folder.name for folder in roots)}; name one"
        )
    return roots[0]


def _first(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _annotations(root: Path) -> Path:
    return _first(root, _ANNOTATIONS) or root / _ANNOTATIONS[0]


def _images(root: Path) -> Path:
    return _first(root, _IMAGES) or root / _IMAGES[0]


def _pictures(folder: Path) -> dict[str, str]:
    """Return the path of every picture by its stem; of two with one stem the alphabet's first comes last and so wins."""
    if not folder.is_dir():
        return {}
    names = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208 - comparing a million Paths takes minutes
    return {name.rpartition(".")[0]: f"{folder}/{name}" for name in names if ending(name) in SUFFIXES}


def _annotation_files(folder: Path) -> dict[str, str]:
    """Return the path of every annotation by its stem."""
    names = os.listdir(folder)  # noqa: PTH208 - as above
    return {name.rpartition(".")[0]: f"{folder}/{name}" for name in names if ending(name) == ".xml"}


def _read_lists(root: Path, images: Mapping[str, str], report: Report) -> dict[str, list[str]]:
    """Return the IDs of each split that have an image, in the list's order; {} without ImageSets."""
    folder, lists = root / "ImageSets" / "Main", {}
    for split, choices in _LISTS.items():
        file = next((folder / f"{name}.txt" for name in choices if (folder / f"{name}.txt").is_file()), None)
        if file is not None:
            lists[split] = list(_read_list(file, images, _images(root), report))
    return lists


def _read_list(file: Path, images: Mapping[str, str], folder: Path, report: Report) -> Iterator[str]:
    for number, line in told_lines(file, report):
        stem = line.strip()
        if stem not in images and Path(stem).suffix.lower() in SUFFIXES:
            stem = Path(stem).stem
        if stem in images:
            yield stem
        elif stem:
            what = f"expected an image {folder.name}/{stem}.jpg (or another ending), got none"
            report(Finding(file, number, "missing-image", what, "add the image or remove the line"))


def _report_strays(
    root: Path, images: Mapping[str, str], annotations: Mapping[str, str], used: list[str] | None, report: Report
) -> None:
    """Tell of annotations without an image, and of images that no list names (`used` is None without lists)."""
    for stem in sorted(annotations.keys() - images.keys()):
        what = f"expected an image {_images(root).name}/{stem}.jpg (or another ending), got none"
        report(Finding(Path(annotations[stem]), None, "orphan-label", what, "add the image or remove the annotation"))
    unlisted = sorted(images.keys() - set(used)) if used is not None else []
    if unlisted:
        what = f"expected every image in a list, got {len(unlisted)} in none, first {Path(images[unlisted[0]]).name}"
        report(
            Finding(
                root / "ImageSets" / "Main", None, "unlisted-image", what, "they are not used; list them to use them"
            )
        )


def _read_one(
    image: str,
    annotation: str | None,
    root: Path,
    places: ClassPlaces,
    builder: Builder,
    report: Report,
    pictures: bool,
) -> bool:
    """Add one image with its boxes; False when its size cannot be known and the image is left out."""
    found = None
    if pictures:
        size = _picture_size(image, report)
        found = read_annotation(annotation, report) if annotation and size else None
    else:
        found = read_annotation(annotation, report) if annotation else None
        size = told_size(found, annotation, report) if annotation and found else None
    if size is None:
        return False
    builder.add_image(image, size, labelled=found is not None)
    if annotation is None:
        missing = _annotations(root) / f"{Path(image).stem}.xml"
        fix = "label it, take it off the lists, or write an annotation without <object> if nothing is on it"
        report(Finding(Path(image), None, "unlabelled", f"expected an annotation {missing}, got none", fix))
    elif found is not None:
        add_objects(found, annotation, size, places, builder, report)
    return True


def _picture_size(image: str, report: Report) -> tuple[int, int] | None:
    try:
        return picture_size(image)
    except FormatError as error:
        what = str(error).removeprefix(f"{image}: ")
        report(Finding(Path(image), None, "unreadable-image", what, "replace or remove the picture"))
        return None


def told_size(found: Annotation, file: str, report: Report) -> tuple[int, int] | None:
    """Return the (width, height) that an annotation tells; None, with a finding, where it tells none."""
    width, height = found.size
    if 0 < width < _MOST_SIDE and 0 < height < _MOST_SIDE and width == int(width) and height == int(height):
        return int(width), int(height)
    what = f"expected <size> with the width and the height of the picture, got {width:g}x{height:g}"
    report(Finding(Path(file), None, "broken-annotation", what, "write its size, or read the pictures too"))
    return None


def add_objects(
    found: Annotation, file: str, size: tuple[int, int], places: ClassPlaces, builder: Builder, report: Report
) -> None:
    """Add the objects of an annotation to the image that `builder` began last, which has the `size`."""

    def tell(order: int, code: str, what: str, fix: str, tag: bytes = b"object") -> None:
        report(Finding(Path(file), _line(found.data, order, tag), code, what, fix))

    scale_x, scale_y = _scale(found, file, size, report)
    first = builder.first
    for order, (name, corners, difficult, truncated) in enumerate(found.items):
        if corners is None:
            what = "expected <bndbox> with four numbers xmin, ymin, xmax, ymax"
            tell(order, "broken-annotation", what, "draw the box again")
            continue
        place = places.place(name)
        if place is None:
            what = f"expected one of the classes {places.told()}, got {name!r}{places.nearest(name)}"
            tell(order, "unknown-class", what, "rename the object or add the class to the list", b"name")
            continue
        x1, y1, x2, y2 = corners
        box = ((x1 - first) * scale_x, (y1 - first) * scale_y, x2 * scale_x, y2 * scale_y)
        verdict = builder.add_box(box, place, difficult, truncated=truncated)
        if verdict:
            tell(order, verdict.code, verdict.what, verdict.fix, b"bndbox")


def _scale(found: Annotation, file: str, size: tuple[int, int], report: Report) -> tuple[float, float]:
    """Return the factors from the annotation's pixels to the picture's; 1 where `<size>` says nothing or cannot be used."""
    width, height = found.size
    if (width == size[0] and height == size[1]) or not (width > 0 and height > 0):
        return 1.0, 1.0
    where = Path(file), _line(found.data, 0, b"size")
    told = f"expected <size> {size[0]}x{size[1]} as the picture has, got {width:g}x{height:g}"
    if abs(width * size[1] - height * size[0]) <= max(width, height, *size):
        report(Finding(*where, "size-mismatch", told, "boxes are scaled to the picture"))
        return size[0] / width, size[1] / height
    fix = "find the annotation that belongs to this picture, or mend its <size>"
    report(Finding(*where, "wrong-picture", told, fix))
    return 1.0, 1.0


def _line(data: bytes, order: int, tag: bytes) -> int:
    """Return the line of object number `order`, or of the `tag` in it; for `size` the line of the first one."""
    if tag == b"size":
        at = data.find(b"<size")
    else:
        starts = [match.start() for match in re.finditer(rb"<object[\s>]", data)]
        at = starts[order] if order < len(starts) else 0
        at = max(at, data.find(b"<" + tag, at))
    return data.count(b"\n", 0, max(at, 0)) + 1


def write(dataset: Dataset, folder: Path) -> None:
    """Write Annotations/, JPEGImages/, ImageSets/Main/ and labels.txt into an empty folder; pictures are linked or copied.

    Coordinates are written as they are, so reading gives the same boxes; an unlabelled image gets no annotation.
    """
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in dataset.names), encoding="utf-8")
    files = new_names(dataset.paths)
    for index, (path, file) in enumerate(zip(dataset.paths, files, strict=True)):
        place_file(path, folder / "JPEGImages" / file)
        if dataset.labelled[index]:
            write_same(folder / "Annotations" / f"{Path(file).stem}.xml", annotation_xml(dataset, index, file).encode())
    for split, indices in dataset.splits.items():
        lines = "".join(f"{Path(files[index]).stem}\n" for index in indices)
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_bytes(lines.encode("utf-8", "surrogateescape"))


def annotation_xml(dataset: Dataset, index: int, file: str) -> str:
    """Return the XML of one image."""
    width, height = dataset.sizes[index]
    name = escape(file.encode("utf-8", "replace").decode())
    lines = [
        "<annotation>",
        f"  <filename>{name}</filename>",
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
    ]
    for row in range(dataset.offsets[index], dataset.offsets[index + 1]):
        tags = zip(("xmin", "ymin", "xmax", "ymax"), dataset.boxes[row], strict=True)
        lines += [
            "  <object>",
            f"    <name>{escape(dataset.names[dataset.classes[row]])}</name>",
            f"    <truncated>{int(dataset.truncated[row])}</truncated>",
            f"    <difficult>{int(dataset.difficult[row])}</difficult>",
            "    <bndbox>" + "".join(f"<{tag}>{_number(value)}</{tag}>" for tag, value in tags) + "</bndbox>",
            "  </object>",
        ]
    return "\n".join([*lines, "</annotation>", ""])


def _number(value: np.float32) -> str:
    """Return the shortest digits that read back as the same float32."""
    return np.format_float_positional(value, trim="-")
