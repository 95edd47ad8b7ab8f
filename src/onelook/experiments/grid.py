"""A grid's folder: its plan, a row for every run, and what is still to be done when it is opened again."""

import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from onelook.experiments.outcome import OUTCOMES, PLAN, RUNS, Outcome, read_outcomes, row_path, write_outcome
from onelook.experiments.plan import Plan
from onelook.experiments.request import Request, as_row_has_it
from onelook.experiments.running import LOGS, Place, let_go, proven, row_of_folder
from onelook.structures.errors import UserError
from onelook.structures.files import DiskFullError, alone, unwritable, write_text
from onelook.training.forecast.forecast import size
from onelook.training.run import Run

GRIDS = Path("grids")
"""Where grids are made that are not told where."""


class Queue(Protocol):
    """Where an engine gets its runs from."""

    @property
    def rows(self) -> dict[str, Outcome]:
        """The rows of all its runs, by name."""

    def next(self) -> tuple[Request, Outcome] | None:
        """Return a run to begin, with its row until now; None where there is none at the moment."""

    def ended(self, request: Request, row: Outcome) -> None:
        """Take the row of a run that ended, or was stopped."""

    def is_hopeless(self, request: Request) -> bool:
        """Return whether a run under way is not worth its end."""


@dataclass(frozen=True)
class Grid:
    """An opened grid; nobody else writes it."""

    folder: Path
    plan: Plan

    @property
    def place(self) -> Place:
        """Where its runs go."""
        return Place(self.folder, self.plan.limits)

    def keep(self, row: Outcome) -> None:
        """Write a row."""
        write_outcome(self.folder, row)


@contextmanager
def open_grid(plan: Plan, folder: Path, requests: Sequence[Request]) -> Iterator[Grid]:
    """Make the grid's folder, or go on with it, and hold it. Raises UserError when it is another plan's, or somebody runs it.

    A plan may grow: runs that it has had must be as they were.
    """
    if folder.exists() and not _is_ours(folder, plan):
        raise UserError(
            f"{folder}: expected a new folder or a grid's, got one that holds something else; choose another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None
    with alone(folder):
        _refuse_other_plan(folder, requests)
        write_text(folder / PLAN, plan.text)
        yield Grid(folder, plan)


def _is_ours(folder: Path, plan: Plan) -> bool:
    """Return whether a folder is a grid's, or holds only what one begins with; another plan.toml alone is a user's own."""
    if not folder.is_dir():
        return False
    inside = {path.name for path in folder.iterdir()}
    if inside == {PLAN}:
        return (folder / PLAN).read_bytes() == plan.text.encode()
    return OUTCOMES in inside or inside <= {PLAN, LOGS, RUNS}


def _refuse_other_plan(folder: Path, requests: Sequence[Request]) -> None:
    """Raise UserError when a run that was begun is not in the plan, or is another one there; rows never begun are dropped."""
    wanted = {request.name: request for request in requests}
    for row in read_outcomes(folder):
        if not row.network:  # a row that cannot be read: it is written anew from its run's folder
            continue
        same = row.id in wanted and as_row_has_it(wanted[row.id], row)
        if not same and requests and row.attempts:
            what = "runs it with other settings" if row.id in wanted else "does not have it"
            raise UserError(
                f"{folder}: expected the plan that it was begun with, got one that {what}: {row.id}; choose another --out"
            )
        if not same and requests:
            row_path(folder, row.id).unlink()


class PlanQueue:
    """The runs of a plan that are not at their end, in its order; one that failed comes again as often as the plan says."""

    def __init__(self, grid: Grid, requests: Sequence[Request]) -> None:
        self.grid = grid
        kept = {row.id: row for row in read_outcomes(grid.folder)}
        self._rows: dict[str, Outcome] = {}
        self._waiting: deque[Request] = deque()
        for request in requests:
            row = self._rows[request.name] = settled(grid, request, kept.get(request.name))
            if not row.ended or is_tried_again(grid.plan, row):
                self._waiting.append(request)

    @property
    def rows(self) -> dict[str, Outcome]:
        """The rows of the plan's runs, by name."""
        return self._rows

    def next(self) -> tuple[Request, Outcome] | None:
        """Return the next run of the plan."""
        if not self._waiting:
            return None
        refuse_full_disk(self.grid)
        request = self._waiting.popleft()
        return request, self._rows[request.name]

    def ended(self, request: Request, row: Outcome) -> None:
        """Keep the row; a run that failed goes back in line where it may be tried again."""
        self._rows[request.name] = row
        self.grid.keep(row)
        if is_tried_again(self.grid.plan, row):
            self._waiting.append(request)

    def is_hopeless(self, request: Request) -> bool:  # noqa: ARG002 - a search asks of each run
        """Return False: every point of a plan is wanted."""
        return False


def is_tried_again(plan: Plan, row: Outcome) -> bool:
    """Return whether a run failed that the plan has tried again."""
    return row.state == "failed" and row.attempts <= plan.retries


def settled(grid: Grid, request: Request, row: Outcome | None) -> Outcome:
    """Return the row of a run as its folder has it now, and keep it.

    A run that ended while nobody wrote its row is not run again; one that was under way waits; a row that cannot be read is made
    anew where the run's folder tells enough.
    """
    folder = grid.place.run(request.name)
    if row is not None and row.network and row.ended:
        return row
    found = replace(request.row(), attempts=0) if row is None or not row.network else row
    if Run(folder).predictions.is_file():
        let_go(folder)
        state, cause = proven(request, folder)
        found = row_of_folder(replace(found, state=state, cause=cause, attempts=max(1, found.attempts)), folder)
    elif found.state == "running":
        let_go(folder)
        found = replace(
            found, state="waiting", cause="the grid was ended while it ran; it goes on from its last checkpoint"
        )
    grid.keep(found)
    return found


def refuse_full_disk(grid: Grid) -> None:
    """Raise DiskFullError when less is free than the plan wants to stay so."""
    free = shutil.disk_usage(grid.folder).free
    if free < grid.plan.limits.disk_bytes:
        least = grid.plan.limits.disk
        raise DiskFullError(
            f"{grid.folder}: expected {least} free for the next run (limits.disk), got {size(free)}; make room, then run it again"
        )
