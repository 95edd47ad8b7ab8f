"""KITTI: image_2/ID.png beside label_2/ID.txt; a line is the type, truncation, occlusion, alpha, the box and seven numbers in 3D.

Source: the development kits of KITTI's object and tracking benchmarks. DontCare marks regions, not objects: they are kept as
a class of that name whose boxes are crowds, which training passes over.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from onelook.datasets.class_places import names_beside
from onelook.datasets.collecting import Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import bounded_lines
from onelook.datasets.files.layout import is_picture, place_pictures, subfolders, write_class_list
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "kitti"
HOLDS = frozenset({"boxes", "splits", "negatives", "unlabelled", "truncated"})

DONT_CARE = "DontCare"
TRUNCATED = 0.15
"""Share of an object outside the picture from which VOC's word for it is used."""

_PAIRS = (("label_2", "image_2"), ("label_02", "image_02"))
_NUMBERS = 14


def evidence(path: Path) -> str | None:
    """Return which folders speak for KITTI, in `path` or one folder below it."""
    roots = _roots(path)
    return " and ".join(f"{root / labels} lies beside {images}/" for root, labels, images in roots) or None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of a folder with label_2/ and image_2/, or tracking's label_02/ and image_02/.

    Splits are those of ImageSets/, where there is one. A picture without a label file is unlabelled.
    """
    roots = _roots(path)
    if len(roots) != 1:
        got = ", ".join(root.name for root, _, _ in roots) or "none"
        raise FormatError(f"{path}: expected one folder with label_2/ and image_2/, got {got}; name one")
    root, labels, images = roots[0]
    collector = Collector(root, NAME, report, names, names_beside(root))
    if any((root / images / folder.name).is_dir() for folder in subfolders(root / images)):
        _read_tracks(root / labels, root / images, collector)
    else:
        _read_frames(root, root / labels, root / images, collector)
    return collector.finish()


def _roots(path: Path) -> list[tuple[Path, str, str]]:
    for level in ([path], subfolders(path)):
        found = [
            (root, labels, images)
            for root in level
            for labels, images in _PAIRS
            if (root / labels).is_dir() and (root / images).is_dir()
        ]
        if found:
            return found
    return []


def _read_frames(root: Path, labels: Path, images: Path, collector: Collector) -> None:
    pictures = {file.stem: file for file in sorted(images.iterdir()) if is_picture(file)}
    files = {file.stem: file for file in sorted(labels.iterdir()) if file.suffix == ".txt"}
    splits = _splits(root)
    for stem in sorted(files.keys() - pictures.keys()):
        what = f"expected an image {images.name}/{stem}.png or .jpg, got none"
        collector.tell(files[stem], None, "orphan-label", what, "add the image or remove the label")
    for stem, picture in pictures.items():
        file = files.get(stem)
        own: list[str | None] = [split for split, stems in splits.items() if stem in stems]
        parts = own or [None]
        if collector.image(picture, file or picture, None, parts[0], file is not None):
            if file is None:
                collector.unlabelled(picture, f"a label file {labels.name}/{stem}.txt")
            else:
                _read_lines(file, collector)
        for split in parts[1:]:
            collector.image(picture, picture, None, split)


def _read_lines(file: Path, collector: Collector) -> None:
    try:
        for number, line in bounded_lines(file):
            _take(line.split(), line, number, file, collector)
    except FormatError as error:
        what = str(error).removeprefix(f"{file}: ")
        collector.tell(file, None, "broken-annotation", what, "write the labels again")


def _splits(root: Path) -> dict[str, set[str]]:
    lists = {split: root / "ImageSets" / f"{split}.txt" for split in ("train", "val", "test")}
    return {split: {line.strip() for _, line in bounded_lines(file)} for split, file in lists.items() if file.is_file()}


def _read_tracks(labels: Path, images: Path, collector: Collector) -> None:
    """Read a label file a sequence, whose lines begin with the frame and the track."""
    for sequence in subfolders(images):
        file = labels / f"{sequence.name}.txt"
        frames: dict[int, list[tuple[int, list[str], str]]] = {}
        for number, line in bounded_lines(file) if file.is_file() else ():
            frame, _, *words = line.split() + [""] * 2
            if not frame.isdigit():
                what = f"expected a frame, a track and a KITTI line, got {line[:60]!r}"
                collector.tell(file, number, "broken-annotation", what, "write the line again")
                continue
            frames.setdefault(int(frame), []).append((number, [word for word in words if word], line))
        for picture in sorted(entry for entry in sequence.iterdir() if is_picture(entry)):
            if collector.image(picture, file, None, None, file.is_file()):
                if not file.is_file():
                    collector.unlabelled(picture, f"a label file {file.name}")
                for number, words, line in frames.get(int(picture.stem) if picture.stem.isdigit() else -1, []):
                    _take(words, line, number, file, collector)


def _take(words: list[str], line: str, number: int, file: Path, collector: Collector) -> None:
    values = list(_trailing_numbers(words))
    if len(values) not in (_NUMBERS, _NUMBERS + 1):
        what = f"expected a type and {_NUMBERS} numbers, got {line[:60]!r}"
        collector.tell(file, number, "broken-annotation", what, "write the line again")
        return
    name = " ".join(words[: len(words) - len(values)])
    truncated = values[0] >= TRUNCATED
    collector.box(name, values[3:7], number, crowd=name == DONT_CARE, truncated=truncated)


def _trailing_numbers(words: list[str]) -> Iterator[float]:
    """Yield the numbers after the type, which is the first word and may be more."""
    start = len(words)
    while start > 1 and _is_number(words[start - 1]):
        start -= 1
    start = max(start, len(words) - _NUMBERS - 1)
    yield from (float(word) for word in words[start:])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def write(dataset: Dataset, folder: Path) -> None:
    """Write image_2/, label_2/, labels.txt and ImageSets/SPLIT.txt into an empty folder; what is 3D is KITTI's `unknown`."""
    files = place_pictures(dataset, folder / "image_2")
    (folder / "label_2").mkdir(exist_ok=True)
    for index, file in enumerate(files):
        if dataset.labelled[index]:
            (folder / "label_2" / file).with_suffix(".txt").write_text(_lines(dataset, index), encoding="utf-8")
    write_class_list(dataset, folder)
    if dataset.splits:
        (folder / "ImageSets").mkdir(exist_ok=True)
    for split, indices in dataset.splits.items():
        stems = "".join(f"{Path(files[index]).stem}\n" for index in indices)
        (folder / "ImageSets" / f"{split}.txt").write_bytes(stems.encode("utf-8", "surrogateescape"))


def _lines(dataset: Dataset, index: int) -> str:
    lines = []
    for row in range(int(dataset.offsets[index]), int(dataset.offsets[index + 1])):
        box = " ".join(repr(float(value)) for value in dataset.boxes[row])
        cut = "1.00" if dataset.truncated[row] else "0.00"
        name = dataset.names[dataset.classes[row]]
        lines.append(f"{name} {cut} -1 -10 {box} -1 -1 -1 -1000 -1000 -1000 -10\n")
    return "".join(lines)
