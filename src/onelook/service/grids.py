"""Grids that `onelook grid` made on this machine, as administrators see them: found in one folder, read, never written."""

from functools import lru_cache
from pathlib import Path

from onelook.experiments.outcome import OUTCOMES
from onelook.experiments.overview import Overview, grids_in, overview
from onelook.experiments.report.rows import read_rows
from onelook.experiments.report.writing import grid_page
from onelook.structures.errors import UserError

KEPT = 64
"""Grids that stay read, in one process, until a row of theirs changes."""
REPORT = "report.html"


def list_grids(home: Path) -> list[Overview]:
    """Return the grids of a folder, the one that changed last first."""
    return [
        _read(folder, moment)
        for moment, folder in sorted(((_moment(each), each) for each in grids_in(home)), reverse=True)
    ]


def find_grid(home: Path, name: str) -> Overview | None:
    """Return the grid of that folder's name; None when there is none."""
    folder = next((each for each in grids_in(home) if each.name == name), None)
    return None if folder is None else _read(folder, _moment(folder))


def report_of_grid(grid: Overview) -> str:
    """Return the grid's report as HTML, made anew of its rows: what lies in its folder under that name is not asked."""
    return grid_page(read_rows([grid.folder]), grid.folder.name)


def report_of_run(grid: Overview, name: str) -> Path | None:
    """Return where the report of one of a grid's runs lies; None for another name, and before it was written."""
    row = next((row for row in grid.rows if row.name == name), None)
    path = None if row is None else row.folder / REPORT
    if row is None or path is None or not path.is_file():
        return None
    if not path.resolve().is_relative_to(grid.folder.resolve()):
        raise UserError(f"{name}: expected a run in the grid's folder, got one elsewhere")
    return path


def _moment(folder: Path) -> int:
    """Return when a row was written last: rows are renamed into their folder."""
    return (folder / OUTCOMES).stat().st_mtime_ns


@lru_cache(maxsize=KEPT)
def _read(folder: Path, moment: int) -> Overview:  # noqa: ARG001  # a part of the cache's key
    return overview(folder)
