"""Runs taken away, and nothing else: what is no run, or is being trained, stays."""

import shutil
from pathlib import Path

from onelook.structures.errors import UserError
from onelook.training.run import Run
from onelook.training.survival.heartbeat import refuse_trained


def refuse_no_run(folder: Path) -> None:
    """Raise UserError unless `folder` is what `onelook train` made."""
    run = Run(folder)
    if folder.is_symlink():
        raise UserError(f"{folder}: expected a run's folder, got a link; name {folder.resolve()}")
    if not (run.settings.is_file() and run.environment.is_file()):
        found = "another folder" if folder.is_dir() else "no folder"
        raise UserError(f"{folder}: expected a run's folder, with settings.toml and environment.json, got {found}")


def refuse_undeletable(folder: Path) -> None:
    """Raise UserError unless `folder` is a run that nobody trains."""
    refuse_no_run(folder)
    refuse_trained(Run(folder).alive)


def delete_run(folder: Path) -> None:
    """Take a run away. It loses its name first, so that a deletion that is cut short leaves no half of a run behind.

    Raises UserError as `refuse_undeletable` does, and where it cannot be taken away. A grid's row of it stays.
    """
    refuse_undeletable(folder)
    hidden = folder.with_name(f".{folder.name}.deleted")
    try:
        shutil.rmtree(hidden, ignore_errors=True)
        folder.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise UserError(f"{folder}: cannot be deleted ({error.strerror})") from None
