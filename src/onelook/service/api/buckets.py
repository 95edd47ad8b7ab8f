"""Requests a minute of each client for what writes no job: a bucket of tokens in this process's memory."""

import time

from onelook.service.clients import Client
from onelook.service.problems import ProblemError

MOST_BUCKETS = 10_000


class Buckets:
    """What every client may still ask for at once."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def spend(self, client: Client) -> None:
        """Take one request from the client's bucket. Raises the 429 that says when there will be one."""
        if not client.jobs_per_minute:
            return
        now, most, rate = time.monotonic(), float(client.jobs_per_minute), client.jobs_per_minute / 60
        tokens, at = self._buckets.get(client.id, (most, now))
        tokens = min(most, tokens + (now - at) * rate)
        if tokens < 1:
            detail = f"jobs_per_minute: expected at most {client.jobs_per_minute}, got more"
            raise ProblemError(429, "quota", detail, retry_after=(1 - tokens) / rate)
        if len(self._buckets) >= MOST_BUCKETS:
            self._buckets.clear()
        self._buckets[client.id] = (tokens - 1, now)
