"""What each axis does by itself: every level against the first, paired over all other axes."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onelook.experiments.report.contrasts import Contrast, contrast
from onelook.experiments.report.figures import ACCURACY, CPU, MEMORY, SPEED, WALL, Figure
from onelook.experiments.report.rows import Row, as_key, axes_of, levels_of
from onelook.experiments.report.tables import Column, Table, in_words

SHOWN = (ACCURACY, WALL, CPU, MEMORY, SPEED)
"""Figures whose effects are told."""

METHOD = (
    "Every level is set against the first of its axis: runs that agree in all other axes, in the seed and in the machine make a "
    "pair, the seeds and machines of a setting are averaged, and the mean over settings is told with Student's 95 % interval. "
    "Times, memory and speed are compared as ratios (geometric mean), accuracy and losses as differences. A run that was not done "
    "makes no pair. One setting has no interval: repeat it with other seeds. Axes that the plan varies together (a zip, a list) "
    "cannot be told apart: what one does is what all of them do."
)


@dataclass(frozen=True)
class Effect:
    """What one level of an axis does to one figure; the first level has no contrast."""

    axis: str
    level: Any
    first: Any
    figure: Figure
    runs: int
    """Runs of this level that are done."""
    mean: float | None
    """Over those that tell the figure."""
    contrast: Contrast | None


def effects_of(rows: Sequence[Row]) -> list[Effect]:
    """Return the effects of every axis, level by level, on the SHOWN figures that any run tells."""
    told = [figure for figure in SHOWN if any(figure.of(row.outcome) is not None for row in rows if row.done)]
    return [
        _effect(rows, axis, level, levels[0], figure)
        for axis in axes_of(rows)
        for levels in [levels_of(rows, axis)]
        for level in levels
        for figure in told
    ]


def effect_tables(effects: Sequence[Effect]) -> list[Table]:
    """Return a table an axis for readers: a row a level, the mean of each figure and what the level does to it."""
    return [
        _axis_table(axis, [e for e in effects if e.axis == axis]) for axis in dict.fromkeys(e.axis for e in effects)
    ]


def effects_csv(effects: Sequence[Effect]) -> Table:
    """Return one long table for programs: a row an axis, level and figure, with both ends of the interval."""
    names = [
        "axis",
        "level",
        "against",
        "figure",
        "runs",
        "mean",
        "effect",
        "low",
        "high",
        "pairs",
        "over",
        "compared_by",
    ]
    return Table("effects", "Main effects", tuple(map(Column, names)), tuple(map(_long, effects)), METHOD)


def _effect(rows: Sequence[Row], axis: str, level: Any, first: Any, figure: Figure) -> Effect:
    done = [row for row in rows if row.done and as_key(row.levels.get(axis)) == as_key(level)]
    values = [value for row in done if (value := figure.of(row.outcome)) is not None]
    against = None if as_key(level) == as_key(first) else contrast(rows, axis, first, level, figure)
    return Effect(axis, level, first, figure, len(done), statistics.fmean(values) if values else None, against)


def _axis_table(axis: str, effects: Sequence[Effect]) -> Table:
    figures = list(dict.fromkeys(effect.figure for effect in effects))
    columns = [Column(axis, number=False), Column("runs"), Column("pairs")]
    for figure in figures:
        columns += [Column(figure.name, figure.told), Column(f"against {in_words(effects[0].first)}")]
    rows = []
    for at in range(0, len(effects), len(figures)):
        of_level = effects[at : at + len(figures)]
        cells = [cell for effect in of_level for cell in (effect.mean, effect.contrast and effect.contrast.effect())]
        rows.append((of_level[0].level, of_level[0].runs, _pairs(of_level), *cells))
    return Table(f"effects-{axis}", f"What {axis} does", tuple(columns), tuple(rows))


def _pairs(effects: Sequence[Effect]) -> str | None:
    """Return over how many settings, or seeds, a level is compared; figures that some runs lack may have fewer pairs."""
    most = max((e.contrast for e in effects if e.contrast), key=lambda found: len(found.pairs), default=None)
    return f"{len(most.pairs)} {most.over}" if most and most.pairs else None


def _long(effect: Effect) -> tuple[Any, ...]:
    found = effect.contrast
    compared = (
        (found.value, found.interval.low, found.interval.high, len(found.pairs), found.over) if found else (None,) * 5
    )
    by = "ratio" if effect.figure.ratio else "difference"
    return (effect.axis, effect.level, effect.first, effect.figure.key, effect.runs, effect.mean, *compared, by)
