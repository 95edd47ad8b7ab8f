"""What is reported on: runs and grids, of one machine or several, become rows that say what each run was told to be."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onelook.experiments.outcome import OUTCOMES, PLAN, RUNS, Outcome, read_outcome, read_outcomes, row_path
from onelook.experiments.past_run import flat, outcome_of_run, read_lines
from onelook.experiments.plan_file import varied_together
from onelook.experiments.report.machines import MACHINE, describe_machine, name_machines
from onelook.structures.errors import UserError
from onelook.training.origin import read_origin
from onelook.training.run import Run

SEED = "seed"

NAMED = ("network", "data")
"""Axes whose level every row says, whether its plan had several or not."""

DEFAULT = "default"
"""The level of a run whose plan varied a setting and left it out here, as a point of a [[list]] may."""


@dataclass(frozen=True)
class Row:
    """A run as reports show it."""

    name: str
    """Of its own in the report: the grid's folder comes before it where there are several grids."""
    outcome: Outcome
    folder: Path
    """Of the run; it may be gone."""
    machine: str
    levels: Mapping[str, Any]
    """What the run was told to be, by axis: those of the plan, and `machine` where there are several; not the seed."""
    together: tuple[frozenset[str], ...] = ()
    """Axes that the run's plan varies together."""

    @property
    def done(self) -> bool:
        """Whether its figures are those of a whole run."""
        return self.outcome.state == "done"


@dataclass(frozen=True)
class Place:
    """A run and where it lies, before it is known what the others are like."""

    name: str
    outcome: Outcome
    folder: Path
    together: tuple[frozenset[str], ...] = ()
    """Axes that the run's plan varies together."""


def read_rows(folders: Sequence[Path]) -> list[Row]:
    """Return a row for every run of these folders, each a run or a grid, in their order; one that is named twice counts once.

    Raises UserError for a folder that is neither.
    """
    places: dict[Path, Place] = {}
    several = sum(is_grid(folder) for folder in folders) > 1
    for folder in folders:
        before = f"{folder.resolve().name}/" if several and is_grid(folder) else ""
        for place in places_in(folder):
            places.setdefault(place.folder.resolve(), replace(place, name=before + place.name))
    return make_rows(list(places.values()))


def make_rows(places: Sequence[Place]) -> list[Row]:
    """Return the rows; what varies between them are the axes that their plans name, or else the settings that differ."""
    machines = name_machines([describe_machine(place.outcome.environment) for place in places])
    chosen = [_chosen(place) for place in places]
    axes = _axes(places, chosen)
    several = len(set(machines) - {""}) > 1
    return [
        Row(
            place.name,
            place.outcome,
            place.folder,
            machine,
            {axis: _level(place, told, axis) for axis in axes} | ({MACHINE: machine} if several else {}),
            place.together,
        )
        for place, told, machine in zip(places, chosen, machines, strict=True)
    ]


def is_grid(folder: Path) -> bool:
    """Return whether a folder is a grid's."""
    return (folder / OUTCOMES).is_dir()


def places_in(folder: Path) -> list[Place]:
    """Return the runs of a grid's folder, or the run of a run's. Raises UserError for a folder that is neither."""
    if is_grid(folder):
        together = varied_together(folder / PLAN)
        return [Place(outcome.id, outcome, folder / outcome.run, together) for outcome in read_outcomes(folder)]
    if not (folder / "settings.toml").is_file():
        raise UserError(
            f"{folder}: expected a run's or a grid's folder, got {'neither' if folder.is_dir() else 'no folder'}"
        )
    return [_in_its_grid(folder) or Place(str(folder), outcome_of_run(folder), folder)]


def _in_its_grid(folder: Path) -> Place | None:
    """Return a run as the row of its grid tells it, which has measured the whole process; None for one that is in no grid."""
    run = folder.resolve()
    grid, row = run.parent.parent, row_path(run.parent.parent, run.name)
    outcome = read_outcome(row) if run.parent.name == RUNS and row.is_file() else None
    return Place(str(folder), outcome, folder, varied_together(grid / PLAN)) if outcome and outcome.network else None


def axes_of(rows: Sequence[Row]) -> list[str]:
    """Return the axes on which the rows differ, in the plan's order, the machine last."""
    names = list(dict.fromkeys(axis for row in rows for axis in row.levels))
    return [axis for axis in names if len(levels_of(rows, axis)) > 1]


def levels_of(rows: Sequence[Row], axis: str) -> list[Any]:
    """Return the levels that occur on an axis: numbers by size, others in the order of the rows."""
    levels = {as_key(row.levels.get(axis)): row.levels.get(axis) for row in rows}
    found = [level for level in levels.values() if level is not None]
    return sorted(found) if all(is_number(level) for level in found) else found


def is_number(level: Any) -> bool:
    """Return whether a level has a size."""
    return isinstance(level, int | float) and not isinstance(level, bool)


def as_key(level: Any) -> str:
    """Return what is the same for the same level, a list's or a table's too."""
    return json.dumps(level, sort_keys=True, default=str)


def read_curves(row: Row) -> list[dict[str, Any]]:
    """Return the lines that the run logged; a folder that is gone or broken gives none: its row says so already."""
    try:
        return read_lines(Run(row.folder))
    except UserError:
        return []


def _chosen(place: Place) -> dict[str, Any]:
    """Return what the run's plan varied; of a run without a plan what the user set, or every setting where nobody knows that."""
    outcome = place.outcome
    if outcome.axes:
        return outcome.axes
    try:
        given = {key: _number(value) for key, value in flat(read_origin(Run(place.folder)).given).items()}
    except UserError:
        given = outcome.settings
    return {"network": outcome.network or None, "data": outcome.data or None, **given}


def _axes(places: Sequence[Place], chosen: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what varies: the plans' axes, and whatever else differs between plans, or among runs without one."""
    planned = [axis for place in places for axis in place.outcome.axes]
    known = [(place, told) for place, told in zip(places, chosen, strict=True) if place.outcome.network]
    fixed = (key for place, _ in known if place.outcome.axes for key in place.outcome.settings)
    keys = dict.fromkeys([*NAMED, *(key for _, told in known for key in told), *fixed])
    differing = [key for key in keys if len({as_key(_level(place, told, key)) for place, told in known}) > 1]
    return [axis for axis in dict.fromkeys([*planned, *differing]) if axis != SEED]


def _level(place: Place, chosen: Mapping[str, Any], axis: str) -> Any:
    """Return what a run was told to be on an axis; None where nobody knows."""
    outcome = place.outcome
    if axis in NAMED:
        return chosen.get(axis) or getattr(outcome, axis) or None
    told = chosen.get(axis, outcome.settings.get(axis))
    return DEFAULT if told is None and outcome.axes else told


def _number(value: Any) -> Any:
    """Return a setting that was given as text as the number that it is, anything else as it is."""
    for kind in (int, float):
        with suppress(ValueError, TypeError):
            return kind(value) if isinstance(value, str) else value
    return value
