"""GluonCV: a .lst with a tab-separated line an image, or a RecordIO .rec with the pictures inside (read only).

Source: GluonCV's tutorials "Prepare custom datasets" and MXNet's recordio.h. A line is the index; header width A, width of an
object B, further header words; B numbers an object (class, xmin, ymin, xmax, ymax in fractions, difficult...); the path. A
line with one number between index and path tells the class of the whole image.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from onelook.datasets.class_places import names_beside
from onelook.datasets.collecting import Collector, split_of
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import bounded_lines, inside
from onelook.datasets.files.layout import parts_of, place_pictures, write_class_list
from onelook.datasets.files.packed import packed
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "gluoncv"
HOLDS = frozenset({"boxes", "labels", "splits", "negatives", "difficult"})

_MAGIC = 0xCED7230A
_MOST_LABELS = 1_000_000


def evidence(path: Path) -> str | None:
    """Return which .lst or .rec files speak for GluonCV: `path`, or those in the folder."""
    files = _files(path)
    return f"{' and '.join(str(file) for file in files)} list images" if files else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of .lst files, or of .rec files where there is no .lst, one a split as its name says.

    Class names are those of classes.txt, labels.txt or *.names beside it, else the numbers. Raises FormatError for a broken .rec.
    """
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: expected a .lst or a .rec file, got none")
    root = files[0].parent
    own = names_beside(root)
    collector = Collector(root, NAME, report, names, own)
    for file in files:
        for line, numbers, picture, name in _entries(file, collector):
            if collector.image(picture, file, line, split_of(file.stem), len(numbers) != 1, None, name):
                _take(numbers, own, file, line, collector)
    return collector.finish()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix in (".lst", ".rec") else []
    return (sorted(path.glob("*.lst")) or sorted(path.glob("*.rec"))) if path.is_dir() else []


def _entries(file: Path, collector: Collector) -> Iterator[tuple[int | None, list[float], Path | None, str]]:
    """Yield line, numbers, picture and the picture's name of every image."""
    if file.suffix == ".rec":
        yield from _records(file)
        return
    for number, line in bounded_lines(file):
        *words, name = line.split("\t")
        try:
            values = [float(word) for word in words[1:]]
        except ValueError:
            values = []
        if not values:
            what = f"expected index, numbers and a path with tabs between them, got {line[:60]!r}"
            collector.tell(file, number, "broken-annotation", what, "write the line again")
            continue
        places = [inside(file.parent, name), inside(file.parent / "images", name)]
        picture = next((place for place in places if place and place.is_file()), places[0])
        yield number, values, picture, name


def _take(values: list[float], own: Sequence[str] | None, file: Path, line: int | None, collector: Collector) -> None:
    if len(values) == 1:
        name = _class_name(values[0], own, file, line, collector)
        if name is not None:
            collector.label(name, line)
        return
    head, width = int(values[0]), int(values[1])
    rest = values[head:]
    if head < 2 or width < 5 or len(rest) % width:
        what = f"expected a header A, B and B numbers an object, got A {head}, B {width} and {len(rest)} numbers"
        collector.tell(file, line, "broken-annotation", what, "write the line again")
        return
    for start in range(0, len(rest), width):
        place, *corners = rest[start : start + 5]
        name = _class_name(place, own, file, line, collector)
        if name is not None:
            collector.box(name, corners, line, difficult=width > 5 and rest[start + 5] == 1, fractions=True)


def _class_name(
    value: float, own: Sequence[str] | None, file: Path, line: int | None, collector: Collector
) -> str | None:
    if value == int(value) and 0 <= value < (len(own) if own else 2**31):
        return own[int(value)] if own else str(int(value))
    what = f"expected a class from 0{f' to {len(own) - 1}' if own else ' on'}, got {value:g}"
    collector.tell(file, line, "unknown-class", what, "mend the number or the list of names")
    return None


def _records(file: Path) -> Iterator[tuple[None, list[float], Path, str]]:
    """Yield the labels and the place of the picture of every record; pictures in several parts are not written by GluonCV."""
    with file.open("rb") as opened:
        at = 0
        while head := opened.read(8):
            magic, word = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
            length = word & (1 << 29) - 1
            body = opened.read(24)
            if magic != _MAGIC or word >> 29 or len(body) < 24 or length < 24:
                raise FormatError(f"{file}: expected a RecordIO record at byte {at}, got something else")
            flag, label, number, _ = struct.unpack("<IfQQ", body)
            if flag > min(_MOST_LABELS, (length - 24) // 4):
                raise FormatError(f"{file}: expected the labels of the record at byte {at} to fit in it, got {flag}")
            values = list(struct.unpack(f"<{flag}f", opened.read(4 * flag))) if flag else [label]
            start = at + 8 + 24 + 4 * flag
            yield None, values, packed(file, start, length - 24 - 4 * flag, f"{number}.jpg"), str(number)
            at += 8 + (length + 3) // 4 * 4
            opened.seek(at)


def write(dataset: Dataset, folder: Path) -> None:
    """Write images/, SPLIT.lst and labels.txt into an empty folder; objects have a sixth number, difficult."""
    files = place_pictures(dataset, folder / "images")
    write_class_list(dataset, folder)
    for split, indices in parts_of(dataset).items():
        lines = [_line(dataset, int(index), files[index]) for index in indices]
        (folder / f"{split}.lst").write_bytes("".join(lines).encode("utf-8", "surrogateescape"))


def _line(dataset: Dataset, index: int, file: str) -> str:
    if not dataset.labelled[index]:
        return f"{index}\t{max(0, dataset.labels[index])}\timages/{file}\n"
    width, height = (float(side) for side in dataset.sizes[index])
    words = [str(index), "4", "6", f"{width:g}", f"{height:g}"]
    for row in range(int(dataset.offsets[index]), int(dataset.offsets[index + 1])):
        x1, y1, x2, y2 = (float(value) for value in dataset.boxes[row])
        sides = (f"{value:.10g}" for value in (x1 / width, y1 / height, x2 / width, y2 / height))
        words += [str(dataset.classes[row]), *sides, str(int(dataset.difficult[row]))]
    return "\t".join([*words, f"images/{file}"]) + "\n"
