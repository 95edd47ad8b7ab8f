"""A version comes to this machine: fetched once, its digests checked once as it arrives, then a folder like any bundle."""

import hashlib
import shutil
from pathlib import Path

from onelook.service.models.store import Current, ModelStore, ModelVersion, StoredFile, find_version, pieces
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import new_folder


def arrived(store: ModelStore, owner: str, name: str, version: str, cache: Path) -> tuple[Path, int]:
    """Return the folder on this machine that holds a version, and its bytes; any number of processes may ask at once.

    Raises FormatError when the version is not there, is not whole or is not what it was when it was published; StoreDownError.
    """
    folder = cache / owner / name / version
    if not folder.is_dir():
        found = find_version(store, owner, name, version)
        if found is None:
            raise FormatError(f"{owner}/{name}@{version}: expected a published version, got nothing there")
        _fetch(store, found, folder)
    return folder, sum(file.stat().st_size for file in folder.iterdir())


def forget_others(owner: str, name: str, pointer: Current, cache: Path) -> list[str]:
    """Delete this machine's copies of a model's versions that are neither in use nor the one before; return which.

    Another process that has one loaded keeps it: a file that is mapped stays until it is let go.
    """
    kept = {pointer.version, *pointer.history[:1]}
    folder = cache / owner / name
    gone = [each for each in folder.iterdir() if each.name not in kept and not each.name.startswith(".")]
    for each in gone:
        shutil.rmtree(each, ignore_errors=True)
    return sorted(each.name for each in gone)


def _fetch(store: ModelStore, version: ModelVersion, folder: Path) -> None:
    try:
        with new_folder(folder) as beside:
            for file in version.files:
                _fetch_file(store, version, file, beside / file.name)
    except (UserError, OSError):
        if not folder.is_dir():  # else another process was first, and its folder is as good
            raise


def _fetch_file(store: ModelStore, version: ModelVersion, file: StoredFile, path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("wb") as written:
        for piece in pieces(store, version, file):
            digest.update(piece)
            written.write(piece)
    if digest.hexdigest() != file.sha256:
        raise FormatError(
            f"{version.owner}/{version.name}@{version.version}: {file.name}: expected sha256 {file.sha256[:12]}…, "
            f"got {digest.hexdigest()[:12]}…; publish it again"
        )
