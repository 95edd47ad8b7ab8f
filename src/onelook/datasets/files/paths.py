"""The paths of a data set's pictures as a column: kept as text, given as paths; a third of the memory and no time to make."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import SupportsIndex, overload

from onelook.datasets.files.packed import Packed


class Paths(Sequence[Path]):
    """Paths that are kept as text, those of pictures inside archives as they are."""

    __slots__ = ("texts",)

    def __init__(self, paths: "Iterable[Path | str] | Paths") -> None:
        if isinstance(paths, Paths):
            self.texts: tuple[str | Packed, ...] = paths.texts
        else:
            self.texts = tuple(path if isinstance(path, str | Packed) else str(path) for path in paths)

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> "Paths": ...

    def __getitem__(self, index: SupportsIndex | slice) -> "Path | Paths":
        if isinstance(index, slice):
            return Paths(self.texts[index])
        text = self.texts[index]
        return Path(text) if isinstance(text, str) else text

    def __iter__(self) -> Iterator[Path]:
        return (Path(text) if isinstance(text, str) else text for text in self.texts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and not isinstance(other, str) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self.texts)

    def __repr__(self) -> str:
        return f"Paths({list(self.texts)!r})"

    def select(self, indices: Iterable[int]) -> "Paths":
        """Return the paths of these indices, in that order."""
        return Paths([self.texts[index] for index in indices])
