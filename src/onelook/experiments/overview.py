"""Grids at a glance: those that lie in a folder, how far each is, and its best run. No torch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onelook.experiments.report.figures import ACCURACY
from onelook.experiments.report.rows import Row, is_grid, read_rows

FAILED = ("failed", "out_of_memory", "out_of_time", "refused")
"""States of a run that ended without a result."""
LEFT = ("waiting", "running")


@dataclass(frozen=True)
class Overview:
    """A grid: its rows, those with the highest accuracy first."""

    folder: Path
    rows: Sequence[Row]

    @property
    def states(self) -> Mapping[str, int]:
        """How many runs there are in each state that occurs."""
        return Counter(row.outcome.state for row in self.rows)

    @property
    def done(self) -> int:
        """Runs that were made whole."""
        return self.states.get("done", 0)

    @property
    def failed(self) -> int:
        """Runs that ended without a result."""
        return sum(self.states.get(state, 0) for state in FAILED)

    @property
    def left(self) -> int:
        """Runs that wait or are under way."""
        return sum(self.states.get(state, 0) for state in LEFT)

    @property
    def best(self) -> Row | None:
        """The most accurate run that is done; None without any."""
        return next((row for row in self.rows if row.done and ACCURACY.of(row.outcome) is not None), None)


def grids_in(home: Path) -> list[Path]:
    """Return the folders of the grids that lie directly in a folder, by name; no such folder has none."""
    return [each for each in sorted(home.iterdir()) if is_grid(each)] if home.is_dir() else []


def overview(folder: Path) -> Overview:
    """Return a grid's overview. Raises UserError for a folder that is none."""
    rows = read_rows([folder])
    return Overview(folder, sorted(rows, key=lambda row: (not row.done, -(ACCURACY.of(row.outcome) or 0.0))))
