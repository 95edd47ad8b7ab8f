"""A version comes to this machine: fetched once, its digests checked once as it arrives, then a folder like any bundle."""

import shutil
from pathlib import Path

from onelook.service.models.pointer import Current
from onelook.service.models.store import ModelStore, copy_out
from onelook.structures.errors import FormatError, UserError


def arrived(store: ModelStore, owner: str, name: str, version: str, cache: Path) -> tuple[Path, int]:
    """Return the folder on this machine that holds a version, and its bytes; any number of processes may ask at once.

    Raises UserError when the version is not there, is not whole or is not what it was when it was published; StoreDownError.
    """
    folder = cache / owner / name / version
    if not folder.is_dir():
        try:
            copy_out(store, owner, name, version, folder)
        except FormatError:
            raise
        except (UserError, OSError):
            if not folder.is_dir():  # else another process was first, and its folder is as good
                raise
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
