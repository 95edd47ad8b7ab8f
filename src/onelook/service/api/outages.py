"""When it is worth asking again for what is away: where nothing else is known, about as long again as it has been away so far."""

import time
from collections.abc import Callable

LEAST, MOST = 1.0, 60.0
"""Seconds that are told; what nobody has asked for in the time of MOST has an outage of its own."""


class Outages:
    """What is away, and since when. For one thread at a time; a name given twice at once costs an estimate at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, float]] = {}

    def seconds(self, name: str) -> float:
        """Note that something is away now, and return the seconds to wait."""
        now = self._clock()
        since, last = self._known.get(name, (now, now))
        if now - last > MOST:
            since = now
        self._known[name] = since, now
        return min(max(now - since, LEAST), MOST)

    def over(self, name: str) -> None:
        """Note that something is back."""
        self._known.pop(name, None)
