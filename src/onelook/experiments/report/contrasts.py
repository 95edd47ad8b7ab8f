"""Two levels of one axis compared: runs that agree in everything else are paired, and the mean of their differences is told.

Pairs are taken with the same seed and on the same machine. Where the other axes give several settings, the seeds and machines of
a setting are averaged first, so that a setting counts once however often it was repeated; where they give one, its seeds are what
is averaged over. The interval is Student's, over the settings (or seeds): it holds what would come of other settings (or seeds)
like these. One pair has none.
"""

import math
import statistics
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from onelook.evaluation.bootstrap import Interval
from onelook.experiments.report.figures import Figure
from onelook.experiments.report.machines import MACHINE
from onelook.experiments.report.rows import Row, as_key
from onelook.experiments.report.student import mean_interval

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Contrast:
    """The second level against the first: the mean difference of a figure, or how many times it is the first's."""

    figure: Figure
    value: float | None
    """None without a pair."""
    interval: Interval
    pairs: tuple[float, ...]
    """The differences, or ratios, that the value is the mean of; for ratios the geometric mean."""
    everywhere: tuple[float, ...]
    """The same for every setting on every machine."""
    over: Literal["settings", "seeds"]

    @property
    def none(self) -> float:
        """The value that says that nothing differs."""
        return 1.0 if self.figure.ratio else 0.0

    @property
    def side(self) -> int:
        """1 where the whole interval lies above `none`, -1 where it lies below, 0 where it holds it or there is no interval."""
        if self.interval.low is None or self.interval.high is None:
            return 0
        return (self.interval.low > self.none) - (self.interval.high < self.none)

    def told(self) -> str:
        """Return the value, its interval and the number of pairs in a few words."""
        if self.value is None:
            return "no pair"
        counted = f"{len(self.pairs)} {self.over if len(self.pairs) > 1 else self.over[:-1]}"
        return f"{self.effect()} ({counted}{'' if self.interval.low is not None else ', so no interval'})"

    def effect(self) -> str:
        """Return the value with its interval; a dash without a pair."""
        if self.value is None:
            return "-"
        value = f"{self._written(self.value)}{' times' if self.figure.ratio else ''}"
        if self.interval.low is None or self.interval.high is None:
            return value
        return f"{value} [{self._written(self.interval.low)} to {self._written(self.interval.high)}]"

    def _written(self, value: float) -> str:
        if self.figure.ratio:
            return f"{value:.3g}"
        return f"{value:+.3f}" if abs(value) < 100 else f"{value:+.3g}"


class Where(NamedTuple):
    """What two runs have in common that make a pair."""

    setting: str
    seed: int
    machine: str


def contrast(rows: Sequence[Row], axis: str, first: Any, second: Any, figure: Figure) -> Contrast:
    """Return `second` against `first` of a figure; runs that are not done, and figures that nobody told, make no pair."""
    ours, theirs = (_values(rows, axis, level, figure) for level in (first, second))
    steps = {where: theirs[where] - ours[where] for where in ours.keys() & theirs.keys()}
    by_seed = _averaged(((where.setting, where.seed), step) for where, step in steps.items())
    settings = _averaged((setting, step) for (setting, _), step in by_seed.items())
    units = list((by_seed if len(settings) == 1 else settings).values())
    everywhere = _averaged(((where.setting, where.machine), step) for where, step in steps.items())
    interval = mean_interval(units)
    return Contrast(
        figure,
        _back(figure, statistics.fmean(units)) if units else None,
        Interval(_end(figure, interval.low), _end(figure, interval.high), interval.level),
        tuple(sorted(_back(figure, unit) for unit in units)),
        tuple(sorted(_back(figure, step) for step in everywhere.values())),
        "seeds" if len(settings) == 1 else "settings",
    )


def setting_of(row: Row, *without: str) -> str:
    """Return what is the same for runs that differ in the seed, or in the axes `without`, alone."""
    return as_key({axis: level for axis, level in row.levels.items() if axis not in without})


def varied_with(rows: Sequence[Row], axis: str) -> list[str]:
    """Return the axes that some plan varies together with this one, by name: nobody can tell what each of them does."""
    return sorted({other for row in rows for group in row.together if axis in group for other in group} - {axis})


def _values(rows: Sequence[Row], axis: str, level: Any, figure: Figure) -> dict[Where, float]:
    """Return the figure, or its logarithm, by where it was found; runs that agree in all of that are averaged."""
    found = []
    together = varied_with(rows, axis)
    for row in rows:
        value = figure.of(row.outcome) if row.done and as_key(row.levels.get(axis)) == as_key(level) else None
        if value is None or (figure.ratio and value <= 0):
            continue
        machine = "" if axis == MACHINE else row.machine
        where = Where(setting_of(row, axis, MACHINE, *together), row.outcome.seed, machine)
        found.append((where, math.log(value) if figure.ratio else value))
    return _averaged(found)


def _averaged(values: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    """Return the mean of the values of every key."""
    found: dict[Key, list[float]] = {}
    for key, value in values:
        found.setdefault(key, []).append(value)
    return {key: statistics.fmean(each) for key, each in found.items()}


def _back(figure: Figure, value: float) -> float:
    """Return a mean of logarithms as the ratio that it stands for, and any other as it is."""
    return math.exp(value) if figure.ratio else value


def _end(figure: Figure, end: float | None) -> float | None:
    return None if end is None else _back(figure, end)
