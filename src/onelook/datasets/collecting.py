"""Images and boxes taken from any format into a data set: each image met once, its size looked up, its classes by name."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from onelook.datasets.box_rules import Corners
from onelook.datasets.building import Builder
from onelook.datasets.class_places import ClassPlaces
from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Finding, Report
from onelook.datasets.headers import picture_size
from onelook.structures.errors import FormatError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What folders and files call the splits, and what they are called here."""


def split_of(word: str) -> str | None:
    """Return the split that a word such as `valid` or `instances_train2017` names; None when it names none."""
    parts = word.lower().replace("-", "_").split("_")
    named = [SPLIT_NAMES.get(part.rstrip("0123456789")) for part in parts]
    return next((name for name in named if name), None)


class Collector:
    """Answers for every image whether its boxes are wanted; then takes them.

    `own` are the data's class names in their order, `names` those that classes are to be matched with; with neither, the
    classes are those that occur, sorted. Without `pictures` none is opened, and the sizes that the labels tell are taken.
    """

    def __init__(
        self,
        root: Path,
        format: str,
        report: Report,
        names: Sequence[str] | None,
        own: Sequence[str] | None = None,
        pictures: bool = True,
    ) -> None:
        self.root, self.format, self.report, self.pictures = root, format, report, pictures
        self.places = ClassPlaces(names or own)
        self.builder = Builder()
        self.splits: dict[str, list[int]] = {}
        self._known: dict[str, int | None] = {}
        self._file, self._scale = root, (1.0, 1.0)

    def tell(self, path: Path, line: int | None, code: str, what: str, fix: str) -> None:
        """Report a finding."""
        self.report(Finding(path, line, code, what, fix))

    def image(
        self,
        path: Path | str | None,
        file: Path,
        line: int | None = None,
        split: str | None = None,
        labelled: bool = True,
        told: tuple[float, float] | None = None,
        name: str = "",
    ) -> bool:
        """Begin an image that `file` (and its line) tells of; return whether its boxes are to follow.

        `told` is the (width, height) that the labels give: boxes are scaled from it to the picture's own. A `path` of None
        means that `name` leads out of the data's folder.
        """
        if path is None:
            what = f"expected a picture inside {self.root}, got {name[:200]!r}"
            self.tell(
                file, line, "path-outside", what, "keep labels and pictures in one folder, and name them from there"
            )
            return False
        key = str(path)
        if key not in self._known:
            self._known[key] = self._new_image(path, file, line, labelled, told)
            fresh = self._known[key] is not None
        else:
            fresh = False
        index = self._known[key]
        if split is not None and index is not None:
            self.splits.setdefault(split, []).append(index)
        self._file = file
        return fresh

    def _new_image(
        self, path: Path | str, file: Path, line: int | None, labelled: bool, told: tuple[float, float] | None
    ) -> int | None:
        if not self.pictures and told is not None:
            self._scale = 1.0, 1.0
            return self.builder.add_image(path, (int(told[0]), int(told[1])), labelled)
        try:
            size = picture_size(path)
        except FormatError as error:
            path = Path(path) if isinstance(path, str) else path
            if path.is_file():
                what = str(error).removeprefix(f"{path}: ")
                self.tell(path, None, "unreadable-image", what, "replace the picture or remove its labels")
            else:
                what = f"expected an image {path}, got none"
                self.tell(file, line, "missing-image", what, "add the image or remove its labels")
            return None
        self._scale = self._factors(size, told, file, line)
        return self.builder.add_image(path, size, labelled)

    def _factors(
        self, size: tuple[int, int], told: tuple[float, float] | None, file: Path, line: int | None
    ) -> tuple[float, float]:
        """Return the factors from the labels' pixels to the picture's; 1 where the labels' size cannot be used."""
        if told is None or tuple(told) == size or not (told[0] > 0 < told[1]):
            return 1.0, 1.0
        width, height = told
        what = f"expected the size {size[0]}x{size[1]} as the picture has, got {width:g}x{height:g}"
        if abs(width * size[1] - height * size[0]) <= max(width, height, *size):
            self.tell(file, line, "size-mismatch", what, "boxes are scaled to the picture")
            return size[0] / width, size[1] / height
        self.tell(
            file, line, "wrong-picture", what, "find the annotation that belongs to this picture, or mend its size"
        )
        return 1.0, 1.0

    def size(self) -> tuple[int, int]:
        """Return the (width, height) of the image begun last."""
        return self.builder.size()

    def place(self, name: str, line: int | None = None) -> int | None:
        """Return the index of a class name; None, with a finding, when the list lacks it."""
        place = self.places.place(name)
        if place is None:
            what = f"expected one of the classes {self.places.told()}, got {name!r}{self.places.nearest(name)}"
            self.tell(self._file, line, "unknown-class", what, "rename the object or add the class to the list")
        return place

    def box(
        self,
        name: str,
        corners: Iterable[float],
        line: int | None = None,
        difficult: bool = False,
        crowd: bool = False,
        truncated: bool = False,
        fractions: bool = False,
    ) -> None:
        """Add a box (x1, y1, x2, y2), in the labels' pixels or in `fractions` of the picture, to the image begun last."""
        place = self.place(name, line)
        if place is None:
            return
        x1, y1, x2, y2 = corners
        width, height = self.size() if fractions else self._scale
        scaled: Corners = (x1 * width, y1 * height, x2 * width, y2 * height)
        if fractions:
            scaled = (round(scaled[0], 6), round(scaled[1], 6), round(scaled[2], 6), round(scaled[3], 6))
        verdict = self.builder.add_box(scaled, place, difficult, crowd, truncated)
        if verdict:
            self.tell(self._file, line, verdict.code, verdict.what, verdict.fix)

    def label(self, name: str, line: int | None = None) -> None:
        """Give the image begun last a class as a whole."""
        place = self.place(name, line)
        if place is not None:
            self.builder.set_label(place)

    def unlabelled(self, path: Path, expected: str) -> None:
        """Tell that the image begun last has no annotation."""
        fix = "label it, take it out (`onelook data convert --drop-unlabelled`), or say that nothing is on it"
        self.tell(path, None, "unlabelled", f"expected {expected}, got none", fix)

    def finish(self) -> Dataset:
        """Return the data set."""
        names, moved = self.places.finish()
        return self.builder.build(names, self.splits, self.root, self.format, moved)
