"""Pictures put into a new folder without copying them where the file system can share one file under two names."""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from onelook.datasets.files.packed import Packed
from onelook.structures.errors import UserError


def place_file(source: Path, target: Path) -> None:
    """Make `target` the file `source` under a second name (hard link), or a copy where that cannot be.

    Raises UserError when it cannot be copied either.
    """
    try:
        os.link(source.resolve(), target)
    except OSError:
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    try:
        if isinstance(source, Packed):
            target.write_bytes(source.read_bytes())
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise UserError(f"{source}: cannot be copied to {target.parent} ({error.strerror})") from None


def new_names(paths: Sequence[Path]) -> list[str]:
    """Return a file name for each path, its own where no other path has that stem, so that no two stems are alike.

    Paths that share a stem are told apart by their folder's name, and after that by a number.
    """
    stems = Counter(path.stem for path in paths)
    taken: set[str] = {stem for stem, count in stems.items() if count == 1}
    names = []
    for path in paths:
        stem = path.stem
        if stems[stem] > 1:
            wanted = stem = f"{path.parent.name}_{path.stem}"
            number = 2
            while stem in taken:
                stem, number = f"{wanted}_{number}", number + 1
            taken.add(stem)
        names.append(stem + path.suffix)
    return names
