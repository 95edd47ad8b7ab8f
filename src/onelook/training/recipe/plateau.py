"""What follows from how a run's evaluations have gone so far: a lower rate, or the end.

Everything here is a function of the scores alone, so a run that goes on from a checkpoint, which holds them, decides alike.
"""

from collections.abc import Iterator, Sequence

BETTER = 1e-4
"""By how much a score must exceed the best one to count as progress."""

LOWEST = 0.001
"""Part of the highest rate below which the plateau's policy does not go."""


def plateau_factor(scores: Sequence[float], patience: int, factor: float) -> float:
    """Return the factor on the rate: multiplied by `factor` after every `patience` evaluations in a row without progress."""
    drops = sum(1 for waited in _waits(scores) if waited and waited % patience == 0)
    return max(factor**drops, LOWEST)


def stops_early(scores: Sequence[float], patience: int | None) -> bool:
    """Return whether the last `patience` evaluations brought no progress; without a patience, never."""
    return patience is not None and [0, *_waits(scores)][-1] >= patience


def _waits(scores: Sequence[float]) -> Iterator[int]:
    """Yield after every evaluation how many, that one included, have come since the last progress."""
    best, waited = float("-inf"), 0
    for score in scores:
        if score > best + BETTER:
            best, waited = score, 0
        else:
            waited += 1
        yield waited
