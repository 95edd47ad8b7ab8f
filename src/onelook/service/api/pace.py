"""How long a client should wait before it asks again: by how fast jobs end, and by how long answers at once take."""

import asyncio
import time
from collections.abc import Callable
from math import ceil

LEAST, MOST = 1, 60
TRUSTED = 1.0
"""Seconds for which an estimate is told again."""


class Pace:
    """The estimate, made anew in a thread when it is old; whoever asks gets the last one at once."""

    def __init__(self, estimate: Callable[[], float]) -> None:
        """`estimate` gives seconds; it is called in a thread, and what it raises leaves the estimate as it was."""
        self._estimate, self._told, self._made = estimate, float(LEAST), 0.0
        self._task: asyncio.Task[None] | None = None

    def seconds(self) -> int:
        """Return whole seconds, 1 to 60."""
        if time.monotonic() > self._made + TRUSTED and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._make())
        return min(max(ceil(self._told), LEAST), MOST)

    async def close(self) -> None:
        """Let the last estimate end: it holds a connection."""
        if self._task is not None:
            await self._task

    async def _make(self) -> None:
        try:
            self._told = await asyncio.to_thread(self._estimate)
        except Exception:
            return  # a database that is away is told by the request that needs it
        finally:
            self._made = time.monotonic()


class Latency:
    """Seconds from a request to its answer, of late."""

    _WEIGHT = 0.1

    def __init__(self) -> None:
        """Know nothing yet."""
        self.seconds = 0.0

    def note(self, seconds: float) -> None:
        """Count one answer: the latest ten or so weigh most."""
        self.seconds += (seconds - self.seconds) * (self._WEIGHT if self.seconds else 1.0)
