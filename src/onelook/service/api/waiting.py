"""Requests that wait for a job to end: one look at the database for all of them, however many they are."""

import asyncio
from collections.abc import Callable, Collection

PAUSE = 0.025
"""Seconds between two looks."""

Finished = Callable[[Collection[str]], set[str]]
"""Those of some jobs' ids that have ended; called in a thread."""


class Waiters:
    """The requests of one event loop that wait."""

    def __init__(self, finished: Finished, pause: float = PAUSE) -> None:
        self._finished, self._pause = finished, pause
        self._events: dict[str, list[asyncio.Event]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._released = False

    async def wait(self, job_id: str, seconds: float) -> None:
        """Return when the job has ended, when `seconds` are over, or when the service ends."""
        if self._released or seconds <= 0:
            return
        event = asyncio.Event()
        self._events.setdefault(job_id, []).append(event)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            waiting = self._events.get(job_id, [])
            if event in waiting:
                waiting.remove(event)
            if not waiting:
                self._events.pop(job_id, None)

    def release(self) -> None:
        """Let every request go on, now and from now on: the service ends."""
        self._released = True
        self._wake(list(self._events))

    async def close(self) -> None:
        """Let every request go on, and the last look end: it holds a connection."""
        self.release()
        if self._looking is not None:
            await self._looking

    async def _look(self) -> None:
        """Look as long as somebody waits; a database that does not answer is for the waiting request to find out."""
        while self._events:
            await asyncio.sleep(self._pause)
            asked = list(self._events)
            try:
                ended = await asyncio.to_thread(self._finished, asked)
            except Exception:
                ended = set(asked)
            self._wake(ended)

    def _wake(self, job_ids: Collection[str]) -> None:
        for job_id in job_ids:
            for event in self._events.pop(job_id, []):
                event.set()
