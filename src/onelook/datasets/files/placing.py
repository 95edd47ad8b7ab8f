"""Pictures put into a new folder without copying them where the file system can share one file under two names."""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from onelook.datasets.files.packed import Packed
from onelook.datasets.files.paths import Paths
from onelook.structures.errors import UserError


def place_file(source: Path | str, target: Path | str) -> None:
    """Make `target` the file `source` under a second name (hard link), or a copy where that cannot be.

    A target that is that already is left alone, another one is replaced. Raises UserError when it cannot be copied either.
    """
    try:
        os.link(os.path.realpath(source) if os.path.islink(source) else source, target)  # noqa: PTH114 - quicker
    except FileExistsError:
        if not _is_placed(source, Path(target)):
            Path(target).unlink()
            place_file(source, target)
    except OSError:
        _copy(source, Path(target))


def _is_placed(source: Path | str, target: Path) -> bool:
    """Return whether `target` is what `place_file` made of `source`: the same file, or a copy with its size and time."""
    if isinstance(source, Packed):
        return target.read_bytes() == source.read_bytes()
    one, two = Path(source).stat(), target.stat()
    return os.path.samestat(one, two) or (one.st_size, one.st_mtime_ns) == (two.st_size, two.st_mtime_ns)


def _copy(source: Path | str, target: Path) -> None:
    """Copy, with the time of change, which tells a whole copy from one that was broken off."""
    try:
        if isinstance(source, Packed):
            target.write_bytes(source.read_bytes())
        else:
            shutil.copyfile(source, target)
            facts = Path(source).stat()
            os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    except OSError as error:
        raise UserError(f"{source}: cannot be copied to {target.parent} ({error.strerror})") from None


def new_names(paths: Sequence[Path] | Paths) -> list[str]:
    """Return a file name for each path, its own where no other path has that stem, so that no two stems are alike.

    Paths that share a stem are told apart by their folder's name, and after that by a number.
    """
    names = [str(path).rpartition("/")[2] for path in Paths(paths).texts]
    parts = [stem_and_ending(name) for name in names]
    stems = Counter(stem for stem, _ in parts)
    if len(stems) == len(names):
        return names
    taken: set[str] = {stem for stem, count in stems.items() if count == 1}
    for index, (stem, suffix) in enumerate(parts):
        if stems[stem] > 1:
            wanted = own = f"{paths[index].parent.name}_{stem}"
            number = 2
            while own in taken:
                own, number = f"{wanted}_{number}", number + 1
            taken.add(own)
            names[index] = own + suffix
    return names


def stem_and_ending(name: str) -> tuple[str, str]:
    """Return the stem of a file's name and its ending, as `Path` has them."""
    stem, dot, last = name.rpartition(".")
    return (stem, dot + last) if stem and last else (name, "")
