"""A folder that onelook writes: whole or absent, gone on with after a kill, left alone where it holds just that already.

It is filled beside its place, as `.NAME.part`, and then takes its name. NOTE in it holds what was asked for and, once it is
whole, what it looked like; so a folder in which something was changed since is known from one that may be replaced.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onelook.datasets.column_cache import fingerprint
from onelook.structures.errors import UserError
from onelook.structures.files import alone

NOTE = ".onelook"
"""Name of the file that tells what the folder was made of."""


@contextmanager
def written_folder(folder: Path, task: str, asked: str) -> Iterator[Path | None]:
    """Give a folder to fill, which becomes `folder` when the block ends well; None where `folder` holds what was `asked` for.

    Where `folder` holds what an earlier call for the same `task` was asked for, it is replaced in the end. What a killed run or
    Ctrl-C left of the same is given to be gone on with: whoever fills it must pass over what is there. An exception leaves
    nothing. Raises UserError when `folder` holds something that is not as onelook wrote it for this task, and when another
    process is at it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        told = _note(folder)
        if told.get("task") != task or "state" not in told:
            raise UserError(
                f"{folder}: expected a new or empty folder, got one that holds something; choose another --out"
            )
        if told["state"] != fingerprint(folder, NOTE):
            what = "expected the folder as onelook wrote it, got one that was changed since"
            raise UserError(f"{folder}: {what}; nothing of yours is overwritten, choose another --out")
        if told["asked"] == asked:
            yield None
            return
    part = folder.with_name(f".{folder.name}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror}); choose another place") from None
    with alone(part):
        if _note(part).get("asked") != asked:
            _empty(part)
            (part / NOTE).write_text(json.dumps({"asked": asked}), encoding="ascii")
        try:
            yield part
        except Exception:
            shutil.rmtree(part, ignore_errors=True)
            raise
        told = {"task": task, "asked": asked, "state": fingerprint(part, NOTE)}
        (part / NOTE).write_text(json.dumps(told), encoding="ascii")
        _take_place(part, folder)


def _note(folder: Path) -> dict[str, str]:
    """Return what the note of a folder says; {} without one."""
    try:
        found = json.loads((folder / NOTE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _take_place(part: Path, folder: Path) -> None:
    """Give `part` the name of `folder`; what was there goes only after that."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    part.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_same(path: str | Path, data: bytes) -> None:
    """Make a file hold `data`; one that does already is left alone."""
    try:
        with open(path, "xb", buffering=0) as file:  # noqa: PTH123 - a Path a label costs as much as writing it
            file.write(data)
    except FileExistsError:
        if Path(path).read_bytes() != data:
            Path(path).write_bytes(data)
