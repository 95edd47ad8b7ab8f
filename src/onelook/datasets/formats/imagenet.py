"""ImageNet CLS-LOC, the tree of the Kaggle challenge: ILSVRC/{Data,Annotations,ImageSets}/CLS-LOC and LOC_*.csv beside it.

Source: the data page of the ImageNet Object Localization Challenge. Train pictures lie in a folder a class (a wnid), val and
test flat. An annotation is Pascal VOC's; its `<filename>`, at times `%s`, is not used. Many train pictures have no box.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from os.path import isfile
from pathlib import Path

from onelook.datasets.class_places import ClassPlaces
from onelook.datasets.collecting import Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import bounded_lines, inside
from onelook.datasets.files.layout import folder_class, folder_name, is_picture, part_of_each, subfolders
from onelook.datasets.files.placing import new_names, place_file
from onelook.datasets.files.written import write_same
from onelook.datasets.findings import Finding, Report
from onelook.datasets.formats import submission
from onelook.datasets.formats.voc import add_objects, annotation_xml, told_size
from onelook.datasets.formats.voc_annotation import Annotation, read_annotation
from onelook.structures.errors import FormatError

NAME = "imagenet"
HOLDS = frozenset({"boxes", "labels", "splits", "difficult", "truncated"})

_SET = "CLS-LOC"
_KINDS = ("Data", "Annotations")
_ENDINGS = (".JPEG", ".jpg", ".jpeg", ".png")
_LISTS = {"train": ("train_cls.txt", "train_loc.txt"), "val": ("val.txt",), "test": ("test.txt",)}
_USUAL = re.compile(r"[\w-]{1,100}(/[\w-]{1,100})?", re.ASCII)
"""Names that need no closer look at where they lead."""

_MAPPING = "LOC_synset_mapping.txt"


def evidence(path: Path) -> str | None:
    """Return the folder that speaks for ImageNet: Data/CLS-LOC, in `path` or in its ILSVRC/."""
    root = _root(path)
    kind = next((kind for kind in _KINDS if root and (root / kind / _SET).is_dir()), "")
    return f"{root / kind / _SET} holds the {'pictures' if kind == 'Data' else 'annotations'}" if root else None


def read(
    path: Path, report: Report, names: Sequence[str] | None = None, first: float = 0.0, pictures: bool = True
) -> Dataset:
    """Return the pictures of ImageSets, or of the folders where there is no list, with their class and their boxes.

    Classes are the wnids of the train folders, sorted; a name of another kind in an annotation is looked up in
    LOC_synset_mapping.txt. Pictures without boxes have `labelled` False; a train or val picture has its class even so, a test
    picture has neither. `first` is the number of the first pixel, as for VOC. Without `pictures` none is opened or need be
    there: the images are those with an annotation, their sizes what it tells. Raises FormatError when there is neither
    Data/CLS-LOC nor Annotations/CLS-LOC.
    """
    root = _root(path)
    if root is None:
        raise FormatError(f"{path}: expected ILSVRC/Data/{_SET}, got none")
    mapping = read_synsets(root.parent / _MAPPING)
    folders = (folder for kind in _KINDS for folder in subfolders(root / kind / _SET / "train"))
    own = list(dict.fromkeys(folder_class(folder.name) for folder in folders)) or list(mapping)
    collector = Collector(root.parent, NAME, report, names, own or None, pictures)
    collector.builder.first = first
    aliases = {alias: wnid for wnid, words in mapping.items() for alias in _aliases(words)}
    for split, files in _LISTS.items():
        part = _Part(root, split, _Wnids(collector, aliases))
        solution = root.parent / f"LOC_{split}_solution.csv"
        part.solutions = _solutions(solution, report) if pictures else {}
        for stem, where, line in _entries(root, split, files, "Data" if pictures else "Annotations"):
            part.read_one(stem, where, line)
        _tell_orphans(solution, [stem for stem in part.solutions if stem not in part.met], report)
    return collector.finish()


def read_synsets(file: Path) -> dict[str, str]:
    """Return the words of every wnid, in the file's order; {} when there is no file."""
    if not file.is_file():
        return {}
    pairs = (line.partition(" ") for _, line in bounded_lines(file))
    return {folder_class(wnid): words.strip() for wnid, _, words in pairs}


def _root(path: Path) -> Path | None:
    roots = (path, path / "ILSVRC")
    return next((root for kind in _KINDS for root in roots if (root / kind / _SET).is_dir()), None)


def _aliases(words: str) -> Iterator[str]:
    """Yield the spellings of a synset's words that annotations use: as they are and with underscores."""
    for word in words.split(","):
        yield word.strip().lower()
        yield word.strip().lower().replace(" ", "_")


def _entries(root: Path, split: str, files: Sequence[str], kind: str) -> Iterator[tuple[str, Path, int | None]]:
    """Yield every file of a split, as a path without its ending below KIND/CLS-LOC/SPLIT, and where it is told of."""
    folder = root / "ImageSets" / _SET
    lists = [folder / name for name in files if (folder / name).is_file()]
    if lists:
        for number, line in bounded_lines(lists[0]):
            yield line.rpartition(" ")[0].strip() or line.strip(), lists[0], number
        return
    top = root / kind / _SET / split
    for place in [top, *subfolders(top)]:
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if is_picture(file) if kind == "Data" else file.suffix.lower() == ".xml":
                yield str(file.relative_to(top).with_suffix("")), top, None


def _solutions(file: Path, report: Report) -> dict[str, list[tuple[str, list[float]]]]:
    """Return the class and the box (none: []) of every object by image, as a solution csv has them; {} without one."""
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for number, stem, text in submission.lines(file) if file.is_file() else ():
        words = text.split()
        try:
            guesses = submission.parse(text) if len(words) != 1 else []
            found[stem] = [(guess.name, list(guess.box)) for guess in guesses] or [(word, []) for word in words]
        except ValueError as error:
            report(Finding(file, number, "broken-annotation", str(error), "write the line again"))
    return found


def _tell_orphans(file: Path, stems: Sequence[str], report: Report) -> None:
    """Tell of the images that a solution names and that are not there, in one finding."""
    if stems:
        what = f"expected an image for every line, got none for {len(stems)}, such as {stems[0]}"
        report(Finding(file, None, "orphan-label", what, "add the images or remove the lines; they are left out"))


class _Part:
    """Reads the images of one split; folders are kept as text, as a Path an image and file costs more than reading it."""

    def __init__(self, root: Path, split: str, places: "_Wnids") -> None:
        self.split, self.places, self.collector = split, places, places.collector
        self.solutions: Mapping[str, list[tuple[str, list[float]]]] = {}
        self.met: set[str] = set()
        self.data, self.annotations = (f"{root / kind / _SET / split}/" for kind in _KINDS)

    def read_one(self, stem: str, where: Path, line: int | None) -> None:
        """Take the image that `where` and its line tell of."""
        own = stem.rpartition("/")[2]
        self.met.add(own)
        told = self.solutions.get(own, [])
        file = f"{self.annotations}{stem}.xml"
        safe = _USUAL.fullmatch(stem) is not None or inside(Path(self.data), f"{stem}.JPEG") is not None
        annotated = safe and isfile(file)  # noqa: PTH113 - see the class
        has_boxes = annotated or any(len(box) == 4 for _, box in told)
        found = None
        if not self.collector.pictures:
            found = read_annotation(file, self.collector.report) if annotated else None
            size = told_size(found, file, self.collector.report) if found else None
            if size is None:
                return
            picture = f"{self.data}{stem}{_ENDINGS[0]}"
        else:
            picture, size = self._picture(stem) if safe else "", None
        if not self.collector.image(picture if safe else None, where, line, self.split, has_boxes, size, stem):
            return
        if annotated and found is None:
            found = read_annotation(file, self.collector.report)
        taken = self._take(stem, told, file if annotated else None, found)
        if not taken and not has_boxes and self.split != "test":
            self.collector.unlabelled(Path(picture), f"an annotation {file} or a line of the solution csv")

    def _picture(self, stem: str) -> str:
        files = (f"{self.data}{stem}{ending}" for ending in _ENDINGS)
        there = (file for file in files if isfile(file))  # noqa: PTH113 - see the class
        return next(there, f"{self.data}{stem}{_ENDINGS[0]}")

    def _take(self, stem: str, told: list[tuple[str, list[float]]], file: str | None, found: Annotation | None) -> str:
        """Add the boxes of the annotation, or else of the solution; return the class of the whole picture, or ""."""
        collector, classes = self.collector, [name for name, _ in told]
        if file is None:
            for name, box in told:
                if len(box) == 4:
                    first = collector.builder.first
                    collector.box(name, (box[0] - first, box[1] - first, box[2], box[3]))
        elif found is not None:
            self.places.file = file
            add_objects(found, file, collector.size(), self.places, collector.builder, collector.report)
            classes = [item.name for item in found.items if item.name] or classes
        own = folder_class(stem.rpartition("/")[0]) if self.split == "train" else next(iter(classes), "")
        if own:
            collector.label(self.places.aliases.get(own.lower(), own))
        return own


class _Wnids(ClassPlaces):
    """Places of wnids that also knows the words of LOC_synset_mapping.txt, and tells where one is used for a wnid."""

    def __init__(self, collector: Collector, aliases: Mapping[str, str]) -> None:
        self.__dict__.update(collector.places.__dict__)
        self.collector, self.aliases, self.file = collector, aliases, ""

    def place(self, name: str) -> int | None:
        """Return the index of a wnid, or of the wnid that a word stands for."""
        place = self._places.get(name)
        if place is not None and self.names[place] == name:
            return place
        wnid = self.aliases.get(name.lower())
        if wnid is None:
            return self.collector.places.place(name)
        what = f"expected the wnid {wnid}, got its word {name!r}"
        self.collector.tell(Path(self.file), None, "class-alias", what, "it is taken for the wnid")
        return self.collector.places.place(wnid)


def write(dataset: Dataset, folder: Path) -> None:
    """Write the tree of the challenge into an empty folder: pictures, annotations, ImageSets, LOC_*.csv.

    The class of a train picture, whose folder it lies in, is its own or that of its first box; one without either is left out.
    """
    root, files, parts = folder / "ILSVRC", new_names(dataset.paths), part_of_each(dataset)
    used = {index for indices in dataset.splits.values() for index in indices.tolist()}
    stems: dict[str, list[tuple[int, str]]] = {}
    for index, file in enumerate(files):
        split = parts[index] or ("train" if not used else "")
        own = _class_of(dataset, index)
        if not split or (own is None and split == "train"):
            continue
        below = f"{folder_name(own)}/" if split == "train" and own is not None else ""
        picture = root / "Data" / _SET / split / f"{below}{file}"
        picture.parent.mkdir(parents=True, exist_ok=True)
        place_file(dataset.paths[index], picture)
        stem = f"{below}{Path(file).stem}"
        if dataset.labelled[index]:
            xml = root / "Annotations" / _SET / split / f"{stem}.xml"
            xml.parent.mkdir(parents=True, exist_ok=True)
            write_same(xml, annotation_xml(dataset, index, Path(file).stem).encode())
        stems.setdefault(split, []).append((index, stem))
    _write_lists(dataset, folder, root / "ImageSets" / _SET, stems)


def _class_of(dataset: Dataset, index: int) -> str | None:
    start, stop = int(dataset.offsets[index]), int(dataset.offsets[index + 1])
    if dataset.labels[index] < 0 and stop == start:
        return None
    return dataset.names[int(dataset.labels[index] if dataset.labels[index] >= 0 else dataset.classes[start])]


def _write_lists(dataset: Dataset, folder: Path, lists: Path, stems: Mapping[str, list[tuple[int, str]]]) -> None:
    lists.mkdir(parents=True, exist_ok=True)
    for name in dataset.names:
        (folder / "ILSVRC" / "Data" / _SET / "train" / folder_name(name)).mkdir(parents=True, exist_ok=True)
    mapping = "".join(f"{submission.class_word(name)} {name}\n" for name in dataset.names)
    (folder / _MAPPING).write_text(mapping, encoding="utf-8")
    for split, chosen in stems.items():
        boxed = [(index, stem) for index, stem in chosen if dataset.labelled[index]]
        for name, listed in zip(_LISTS[split], (chosen, boxed), strict=False):
            lines = "".join(f"{stem} {number}\n" for number, (_, stem) in enumerate(listed, start=1))
            (lists / name).write_bytes(lines.encode("utf-8", "surrogateescape"))
        if split != "test":
            rows = "".join(f"{Path(stem).name},{_solution(dataset, index)}\n" for index, stem in chosen)
            text = f"ImageId,PredictionString\n{rows}"
            (folder / f"LOC_{split}_solution.csv").write_bytes(text.encode("utf-8", "surrogateescape"))


def _solution(dataset: Dataset, index: int) -> str:
    rows = range(int(dataset.offsets[index]), int(dataset.offsets[index + 1]))
    guesses = [
        submission.Guess(dataset.names[dataset.classes[row]], None, tuple(dataset.boxes[row].tolist())) for row in rows
    ]
    return submission.told(guesses) or submission.class_word(_class_of(dataset, index) or "")
