"""Which runs there are, alone and in grids: listed, sorted and chosen by tag."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.experiments.outcome import Outcome
from onelook.experiments.report.figures import ACCURACY, FIGURES, WALL
from onelook.experiments.report.rows import Place, is_grid, places_in
from onelook.experiments.report.run_tables import in_state
from onelook.experiments.report.tables import Column, Table
from onelook.experiments.tagging import read_tags
from onelook.structures.errors import FormatError, UserError, nearest

HOMES = (Path("runs"), Path("grids"))
"""Where runs and grids lie that were not told where."""


@dataclass(frozen=True)
class Listed:
    """A run in a listing."""

    folder: Path
    outcome: Outcome
    tags: tuple[str, ...]

    @property
    def started(self) -> str:
        """When it began, as the machine's clock had it; empty where nobody told."""
        return str(self.outcome.environment.get("started", ""))

    def as_json(self) -> dict[str, Any]:
        """Return the row by name, every figure that is known in it."""
        outcome = self.outcome
        figures = {figure.key: value for figure in FIGURES if (value := figure.of(outcome)) is not None}
        return {
            "run": str(self.folder),
            "network": outcome.network,
            "data": outcome.data,
            "seed": outcome.seed,
            "state": outcome.state,
            "cause": outcome.cause,
            "started": self.started,
            "tags": list(self.tags),
            **figures,
        }


def list_runs(places: Sequence[Path] = (), tag: str | None = None, sort: str = "run") -> list[Listed]:
    """Return the runs of these places, by default of HOMES, sorted by a figure's key (the best first) or by a word of SORTED.

    A place is a run, a grid, or a folder that holds such. Raises UserError for a place that is none, and for an unknown `sort`.
    """
    key = _sort_key(sort)
    chosen = places or [home for home in HOMES if home.is_dir()]
    found = [Listed(place.folder, place.outcome, _tags(place.folder)) for each in chosen for place in _within(each)]
    return sorted((run for run in found if tag is None or tag in run.tags), key=key)


def listing_table(runs: Sequence[Listed]) -> Table:
    """Return the listing for a reader."""
    columns = (
        Column("run", number=False),
        Column("network", number=False),
        Column("data", number=False),
        Column("state", in_state, number=False),
        Column(ACCURACY.name, ACCURACY.told),
        Column(WALL.name, WALL.told),
        Column("started", _day, number=False),
        Column("tags", number=False),
    )
    lines = tuple(
        (
            str(run.folder),
            run.outcome.network,
            run.outcome.data,
            run.outcome.state,
            ACCURACY.of(run.outcome),
            WALL.of(run.outcome),
            run.started,
            " ".join(run.tags),
        )
        for run in runs
    )
    return Table("list", "Runs", columns, lines)


SORTED: dict[str, Callable[[Listed], Any]] = {
    "run": lambda run: str(run.folder),
    "network": lambda run: run.outcome.network,
    "data": lambda run: run.outcome.data,
    "state": lambda run: run.outcome.state,
    "started": lambda run: run.started,
}
"""What a listing may be sorted by beside figures; they go upwards."""


def _sort_key(sort: str) -> Callable[[Listed], Any]:
    if sort in SORTED:
        return SORTED[sort]
    figure = next((figure for figure in FIGURES if figure.key == sort), None)
    if figure is None:
        known = [*SORTED, *(figure.key for figure in FIGURES)]
        raise UserError(f"--sort: unknown word {sort!r}{nearest(sort, known)} (known: {', '.join(known)})")
    sign = -1 if figure.better == "more" else 1

    def key(run: Listed) -> tuple[bool, float]:
        value = figure.of(run.outcome)
        return value is None, 0.0 if value is None else sign * value

    return key


def _within(place: Path) -> list[Place]:
    """Return the runs of a run's folder, of a grid's, or of a folder that holds such."""
    if is_grid(place) or (place / "settings.toml").is_file():
        return places_in(place)
    if not place.is_dir():
        raise UserError(f"{place}: expected a folder with runs, got none")
    inside = [each for each in sorted(place.iterdir()) if is_grid(each) or (each / "settings.toml").is_file()]
    return [found for each in inside for found in places_in(each)]


def _tags(run: Path) -> tuple[str, ...]:
    """Return the tags of a run; a broken file shows as a tag that says so, since a listing must list."""
    try:
        return read_tags(run)
    except FormatError:
        return ("(broken)",)


def _day(started: Any) -> str:
    return str(started)[:16].replace("T", " ") or "-"
