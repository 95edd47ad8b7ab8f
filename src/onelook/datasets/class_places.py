"""Class names met in a data set, each given its index: in the list there is, or in one that grows."""

from collections.abc import Sequence
from pathlib import Path

from onelook.structures.classes import canonical, read_names
from onelook.structures.errors import FormatError, nearest

_LISTED = 6
"""Names that an error spells out before it says how many more there are."""


class ClassPlaces:
    """Answers which index a class name has; without a list of names every new name gets the next index."""

    def __init__(self, names: Sequence[str] | None) -> None:
        self.fixed = names is not None
        self.names = list(names or ())
        self._places = {canonical(name): index for index, name in reversed(list(enumerate(self.names)))}
        self._places.update({name: index for index, name in reversed(list(enumerate(self.names)))})

    def place(self, name: str) -> int | None:
        """Return the index of `name`, by its own spelling or else by a known alias; None when the list lacks it."""
        place = self._places.get(name)
        if place is None and self.fixed:
            place = self._places.get(canonical(name))
        elif place is None and name:
            place = self._places[name] = len(self.names)
            self.names.append(name)
        return place

    def finish(self) -> tuple[list[str], list[int] | None]:
        """Return the names, sorted unless they were given, and where each index that was handed out is now (None: there)."""
        if self.fixed:
            return self.names, None
        ordered = sorted(self.names)
        places = {name: index for index, name in enumerate(ordered)}
        return ordered, [places[name] for name in self.names]

    def told(self) -> str:
        """Return the names as an error shows them."""
        more = len(self.names) - _LISTED
        return ", ".join(self.names[:_LISTED]) + (f" and {more} more" if more > 0 else "")

    def nearest(self, name: str) -> str:
        """Return a question that names the most similar class, or nothing."""
        return nearest(name, self.names)


def names_beside(*folders: Path) -> tuple[str, ...] | None:
    """Return the class names of the one list in the first of `folders` that has one; None when none has.

    A list is classes.txt, labels.txt or *.names. Raises FormatError when a folder holds lists that differ.
    """
    for folder in folders:
        files = [folder / name for name in ("classes.txt", "labels.txt") if (folder / name).is_file()]
        files += sorted(folder.glob("*.names"))
        lists = [read_names(file) for file in files]
        if any(names != lists[0] for names in lists):
            told = ", ".join(file.name for file in files)
            raise FormatError(f"{folder}: expected one list of class names, got {told} that differ; keep one")
        if lists:
            return lists[0]
    return None
