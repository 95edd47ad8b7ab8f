"""Image folders by class: CLASS/ID.jpg or SPLIT/CLASS/ID.jpg, in a folder or in a .tar; a picture's class is its folder's name."""

import tarfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from onelook.datasets.class_places import names_beside
from onelook.datasets.collecting import SPLIT_NAMES, Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.layout import files_below, folder_class, folder_name, is_picture, part_of_each, subfolders
from onelook.datasets.files.packed import packed
from onelook.datasets.files.placing import new_names, place_file
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError
from onelook.structures.images import SUFFIXES

NAME = "folders"
HOLDS = frozenset({"labels", "splits"})

_FIRST = 20
"""Files of a folder after which it is plain what it holds."""

_LOOKED_AT = 200
"""Members of a tar after which it is plain what it holds."""


def evidence(path: Path) -> str | None:
    """Return what speaks for folders by class: at least two folders that hold pictures and nothing else, or a tar of such."""
    splits = _splits(path)
    if splits:
        return f"{', '.join(str(folder) for folder in splits.values())} hold a folder a class"
    if _is_class_tree(path):
        return f"every folder in {path} holds pictures: a folder a class"
    archive = _archive(path)
    return f"{archive} holds a folder a class" if archive else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the pictures, each with the class of its folder as a whole; there are no boxes. Classes are sorted.

    One beside the folders, in none, has no class: it is told, and not taken.

    A classes.txt, labels.txt or .names beside the folders gives them another order. Raises FormatError for two that differ.
    """
    archive = _archive(path)
    if archive:
        collector = Collector(archive.parent, NAME, report, names)
        _read_tar(archive, collector)
        return collector.finish()
    splits = _splits(path)
    found = [(split, folder) for split, top in splits.items() for folder in subfolders(top)] if splits else []
    found = found or [("", folder) for folder in subfolders(path)]
    own = names_beside(path) or sorted({folder_class(folder.name) for _, folder in found})
    collector = Collector(path, NAME, report, names, own)
    for split, folder in found:
        for file in files_below(folder):
            if is_picture(file) and collector.image(file, folder, None, split or None, labelled=False):
                collector.label(folder_class(folder.name))
    for top in splits.values() or [path]:
        _tell_strays(top, collector)
    return collector.finish()


def _tell_strays(top: Path, collector: Collector) -> None:
    """Tell of pictures beside the folders by class, in one finding."""
    strays = sorted(file for file in top.iterdir() if is_picture(file) and file.is_file())
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        what = f"expected every picture in a folder of its class, got this one{more} beside them, in {top}"
        collector.tell(strays[0], None, "unlisted-image", what, "move it into its class's folder; it is not used")


def _splits(path: Path) -> dict[str, Path]:
    """Return the folders named as splits that hold class folders."""
    tops = {SPLIT_NAMES[top.name.lower()]: top for top in subfolders(path) if top.name.lower() in SPLIT_NAMES}
    return {split: tops[split] for split in ("train", "val", "test") if split in tops and _is_class_tree(tops[split])}


def _is_class_tree(path: Path) -> bool:
    folders = subfolders(path)
    if len(folders) < 2 or all(folder.name.lower() in SPLIT_NAMES for folder in folders):
        return False
    firsts = [list(islice(files_below(folder, 1), _FIRST)) for folder in folders]
    plain = all(folder.name.lower() not in ("images", "jpegimages") for folder in folders)
    return plain and any(firsts) and all(is_picture(file) for first in firsts for file in first)


def _archive(path: Path) -> Path | None:
    """Return the .tar that `path` is, or the only one in the folder, when it holds pictures in class folders and no labels."""
    files = [path] if path.is_file() else sorted(path.glob("*.tar")) if path.is_dir() else []
    if len(files) != 1 or files[0].suffix != ".tar":
        return None
    try:
        with tarfile.open(files[0], "r:") as archive:
            members = [member for member, _ in zip(_files_of(archive), range(_LOOKED_AT), strict=False)]
    except (tarfile.TarError, OSError):
        return None
    names = [PurePosixPath(member.name) for member in members]
    good = bool(names) and all(name.suffix.lower() in SUFFIXES and len(name.parts) >= 2 for name in names)
    return files[0] if good else None


def _files_of(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        archive.members = []  # type: ignore[attr-defined]  # they would be kept, all of them
        if member.isreg() and not member.issparse():
            yield member


def _read_tar(file: Path, collector: Collector) -> None:
    try:
        with tarfile.open(file, "r:") as archive:
            for member in _files_of(archive):
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    collector.image(None, file, None, name=member.name)
                elif name.suffix.lower() in SUFFIXES and len(name.parts) >= 2:
                    picture = packed(file, member.offset_data, member.size, name.name)
                    split = next((SPLIT_NAMES[part] for part in name.parts[:-2] if part in SPLIT_NAMES), None)
                    if collector.image(picture, file, None, split, labelled=False):
                        collector.label(folder_class(name.parts[-2]))
    except (tarfile.TarError, OSError) as error:
        raise FormatError(f"{file}: expected a whole tar archive, got a broken one ({error})") from None


def write(dataset: Dataset, folder: Path) -> None:
    """Write SPLIT/CLASS/ID.jpg, or CLASS/ID.jpg without splits; every class gets its folder. Only images with a class."""
    files, parts = new_names(dataset.paths), part_of_each(dataset)
    for part in dataset.splits or [""]:
        for name in dataset.names:
            (folder / part / folder_name(name)).mkdir(parents=True, exist_ok=True)
    for index, (path, file) in enumerate(zip(dataset.paths, files, strict=True)):
        if dataset.labels[index] >= 0:
            place = folder / parts[index] / folder_name(dataset.names[dataset.labels[index]])
            place.mkdir(parents=True, exist_ok=True)
            place_file(path, place / file)
