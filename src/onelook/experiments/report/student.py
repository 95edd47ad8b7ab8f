"""The mean of few numbers and how far it can be trusted: Student's t interval.

The distribution in closed form for whole degrees of freedom: Abramowitz and Stegun, Handbook of Mathematical Functions (1964),
26.7.3 and 26.7.4.
"""

import math
import statistics
from collections.abc import Sequence

from onelook.evaluation.bootstrap import Interval

LEVEL = 0.95


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the t interval of the mean of `values`; fewer than two have none, both ends are then None."""
    if len(values) < 2:
        return Interval(None, None, level)
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    reach = student_quantile(level, len(values) - 1) * spread / math.sqrt(len(values))
    return Interval(mean - reach, mean + reach, level)


def student_quantile(level: float, freedom: int) -> float:
    """Return the t that holds the middle `level` (0 to 1, both excluded) of the distribution: 12.706 for 0.95 and 1."""
    low, high = 0.0, math.pi / 2  # the angle whose tangent is t over the root of `freedom`
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _share_within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _share_within(angle: float, freedom: int) -> float:
    """Return the share of the distribution between -t and t."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for power in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (power - 1) / power
    return (angle + sine * total) * 2 / math.pi if odd else sine * total
