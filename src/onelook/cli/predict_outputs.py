"""What `onelook predict` writes beside what it prints: drawings and drawn films, crops, labels, a challenge's csv."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from onelook.structures.errors import UserError, nearest

if TYPE_CHECKING:
    from onelook.datasets.formats.submission import Guess
    from onelook.inference.classification import Classification
    from onelook.inference.films import FilmWriter
    from onelook.inference.items import Item
    from onelook.inference.prediction import Prediction
    from onelook.structures.letterbox import Image


class Output(Protocol):
    """Takes one picture after the other; `finish` or `drop` comes last."""

    def take(self, item: "Item", found: "Prediction") -> None:
        """Take what was seen on the next picture."""

    def finish(self) -> list[str]:
        """Make whole what was begun, and return what is to be said of it, a line each."""

    def drop(self) -> None:
        """Remove what was begun and cannot be made whole."""


@dataclass
class Drawings:
    """Pictures with their boxes as JPEG, films as MP4."""

    draw: "Callable[[Any], Image]"
    """Gives the pixels of what is written, from what was seen."""
    places: Mapping[str, Path]
    """Where the drawing of each source goes."""
    _film: "FilmWriter | None" = None

    def take(self, item: "Item", found: "Prediction | Classification") -> None:
        """Draw and write, or add to the film at hand."""
        from onelook.inference.films import FilmWriter
        from onelook.structures.images import write_jpeg

        drawn, place = self.draw(found), self.places[item.source]
        if item.rate is None:
            write_jpeg(place, drawn)
            return
        if self._film is None or self._film.path != place:
            self.finish()
            self._film = FilmWriter(place, item.rate, found.size)
        self._film.add(drawn)

    def finish(self) -> list[str]:
        """End the film at hand."""
        if self._film:
            self._film.close()
        self._film = None
        return []

    def drop(self) -> None:
        """Remove the film at hand."""
        if self._film:
            self._film.drop()


@dataclass
class Crops:
    """What is inside the boxes, as JPEG in one folder a class: a data set of classes too."""

    folder: Path
    places: Mapping[str, Path]
    """A file of its own name for each source; only the stem counts."""
    _count: int = 0

    def take(self, item: "Item", found: "Prediction") -> None:
        """Write the crops of one picture."""
        from onelook.structures.images import write_jpeg

        name = self.places[item.source].stem + ("" if item.frame is None else f"-{item.frame:06d}")
        for number, (index, crop) in enumerate(zip(found.classes, found.crops(), strict=True), start=1):
            write_jpeg(self.folder / _as_folder(found.names[index]) / f"{name}-{number}.jpg", crop)
            self._count += 1

    def finish(self) -> list[str]:
        """Say how many there are."""
        return [f"{self.folder}: {self._count} crops"]

    def drop(self) -> None:
        """Leave those that are there: each is whole."""


def _as_folder(name: str) -> str:
    return re.sub(r"[^\w\- .]", "_", name).strip(". ") or "class"


class Labels:
    """A data set of the pictures and what was seen on them, for people to go through; frames become JPEG files in it."""

    def __init__(self, folder: Path, to: str, names: Sequence[str], places: Mapping[str, Path]) -> None:
        """Begin; raises UserError for a format that has no boxes and for a folder that holds something else."""
        from onelook.datasets.building import Builder
        from onelook.datasets.files.written import NOTE
        from onelook.datasets.formats import FORMATS

        known = [name for name, each in FORMATS.items() if "boxes" in each.HOLDS]
        if to not in known:
            raise UserError(f"--to: expected one of {', '.join(known)}, got {to!r}{nearest(to, known)}")
        if folder.exists() and not (folder / NOTE).exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder}: expected a new or empty folder, got one that holds something")
        self._folder, self._to, self._names, self._places = folder, to, tuple(names), places
        self._frames = folder.with_name(f".{folder.name}.frames")
        self._builder = Builder()

    def take(self, item: "Item", found: "Prediction") -> None:
        """Note the picture and its boxes."""
        self._builder.add_image(item.path or self._kept(item, found), found.size, labelled=True)
        for (x1, y1, x2, y2), index in zip(found.boxes.tolist(), found.classes.tolist(), strict=True):
            self._builder.add_box((x1, y1, x2, y2), index)

    def _kept(self, item: "Item", found: "Prediction") -> Path:
        """Write a picture that has no file of its own, and return its place."""
        from onelook.structures.images import write_jpeg

        number = "" if item.frame is None else f"-{item.frame:06d}"
        place = self._frames / f"{self._places[item.source].stem}{number}.jpg"
        write_jpeg(place, found.image(), quality=95)
        return place

    def finish(self) -> list[str]:
        """Write the data set and say what the format has no word for."""
        from onelook.datasets.converting import convert

        dataset = self._builder.build(self._names, {}, self._folder.parent, "predictions")
        lost = convert(dataset, self._to, self._folder)
        self.drop()
        count = f"{len(dataset)} images, {len(dataset.boxes)} boxes as {self._to}"
        return [*lost, f"{self._folder}: {count}; scores have no place in labels"]

    def drop(self) -> None:
        """Remove the frames; the data set is whole or absent."""
        shutil.rmtree(self._frames, ignore_errors=True)


@dataclass
class Submission:
    """The five best of each picture as ImageNet's challenge takes them."""

    file: Path
    _found: "dict[str, list[Guess]]" = field(default_factory=dict)

    def take(self, item: "Item", found: "Prediction") -> None:
        """Note the picture's boxes."""
        from onelook.datasets.formats.submission import Guess

        rows = found.as_json()["detections"]
        self._found[Path(item.source).stem] = [Guess(row["class"], row["score"], tuple(row["box"])) for row in rows]

    def finish(self) -> list[str]:
        """Write the file."""
        from onelook.datasets.formats.submission import write_submission

        write_submission(self.file, self._found)
        return []

    def drop(self) -> None:
        """Leave what was there before."""
