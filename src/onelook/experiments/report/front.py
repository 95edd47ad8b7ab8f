"""Which runs are worth their time: the Pareto front of accuracy against seconds."""

from collections.abc import Sequence

from onelook.experiments.report.figures import ACCURACY, WALL, Figure
from onelook.experiments.report.rows import Row


def pareto_front(rows: Sequence[Row], cost: Figure = WALL, gain: Figure = ACCURACY) -> list[Row]:
    """Return the runs that no other beats in one figure without losing in the other, the cheapest first.

    Of runs that are equal in both, all are told; runs that lack a figure or are not done are none of them.
    """
    known = [
        (spent, won, row)
        for row in rows
        if row.done and (spent := cost.of(row.outcome)) is not None and (won := gain.of(row.outcome)) is not None
    ]
    known.sort(key=lambda point: (point[0], -point[1]))
    front: list[tuple[float, float, Row]] = []
    for spent, won, row in known:
        if not front or won > front[-1][1] or (spent, won) == front[-1][:2]:
            front.append((spent, won, row))
    return [row for _, _, row in front]
