"""The best one-to-one assignment: which class is really which, which labels belong to which picture.

Source: H. W. Kuhn, "The Hungarian method for the assignment problem", 1955, in the form of shortest augmenting paths
(R. Jonker and A. Volgenant, 1987), with the innermost loop left to numpy.
"""

import numpy as np

from onelook.evaluation.problem import Integers, Reals


def assign(gain: Reals) -> Integers:
    """Return for every row of `gain` (n, n) its column (n,), such that the sum of the gains is the highest. No row gives none.

    Raises ValueError when it is not square.
    """
    if gain.ndim != 2 or gain.shape[0] != gain.shape[1]:
        raise ValueError(f"expected as many rows as columns, got {gain.shape}")
    count = len(gain)
    cost = (gain.max() - gain) if count else gain  # every reduced cost is at least 0
    row_price, column_price = np.zeros(count), np.zeros(count)
    row_of, column_of = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    for start in range(count):
        last, came_from = _path(cost, start, row_of, row_price, column_price)
        row = -1
        while row != start:  # every row on the path gives up its column for the next
            row = int(came_from[last])
            row_of[last] = row
            column_of[row], last = last, int(column_of[row])
    return column_of


def _path(cost: Reals, start: int, row_of: Integers, row_price: Reals, column_price: Reals) -> tuple[int, Integers]:
    """Return the free column at the end of the cheapest path of exchanges from row `start`, and each column's row before.

    The prices are raised in place, so that no reduced cost becomes negative.
    """
    count = len(cost)
    distance, came_from = np.full(count, np.inf), np.full(count, -1, np.int64)
    open_columns = np.ones(count, np.bool_)
    rows, row, reached, last = [start], start, 0.0, -1
    while last < 0:
        through = reached + cost[row] - row_price[row] - column_price
        nearer = open_columns & (through < distance)
        distance[nearer], came_from[nearer] = through[nearer], row
        column = int(np.argmin(np.where(open_columns, distance, np.inf)))
        reached = float(distance[column])
        open_columns[column] = False
        if row_of[column] < 0:
            last = column
        else:
            row = int(row_of[column])
            rows.append(row)
    closed = np.flatnonzero(~open_columns)
    column_price[closed] += distance[closed] - reached
    own = {int(row_of[column]): float(distance[column]) for column in closed if row_of[column] >= 0}
    for each in rows:
        row_price[each] += reached - own.get(each, 0.0)
    return last, came_from
