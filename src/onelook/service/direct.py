"""Asking a worker directly, for a client that waits: no row is written, the answer is not kept.

The worker is the client's home while it is not busy with this process's other requests, so that its model stays loaded there; else
the next by rendezvous hashing.
"""

import asyncio
import json
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from onelook.service.jobs.job import Fault, Result
from onelook.service.jobs.results import from_json
from onelook.service.models.names import DEFAULT
from onelook.service.scheduler import homes_of
from onelook.service.workers import WorkerInfo

_LENGTH = struct.Struct(">I")
_LONGEST_ANSWER = 64 << 20
MOST_AT_HOME = 2
"""Requests of this process that a client's home has before others are asked too: one that it computes, one that it decodes."""


@dataclass(frozen=True)
class DirectRequest:
    """One picture, as the file's bytes, to be looked at now."""

    client_id: str
    model: str | None
    image: bytes
    threshold: float | None = None
    seconds: float = 30.0
    """After which the answer is worth nothing."""


def choose_worker(
    workers: Sequence[WorkerInfo], client_id: str, busy: Mapping[str, int] | None = None
) -> WorkerInfo | None:
    """Return the worker to ask for a client; None where no worker answers.

    `busy` says how many requests each has from here, by id: a client's home comes first while it has few, then the next.
    """
    busy = busy or {}
    by_id = {worker.id: worker for worker in workers if worker.address}
    order = [by_id[name] for name in homes_of(client_id, by_id)]
    free = (worker for worker in order if busy.get(worker.id, 0) < MOST_AT_HOME)
    return next(free, min(order, key=lambda worker: busy.get(worker.id, 0), default=None))


async def ask(address: str, request: DirectRequest) -> Result | Fault:
    """Return what the worker at `address` says, over a connection of its own. Raises OSError when the worker is gone."""
    lines = DirectLines()
    try:
        return await lines.ask(address, request)
    finally:
        lines.close()


class DirectLines:
    """Connections to workers, kept from request to request. For one event loop."""

    def __init__(self) -> None:
        """Connect to nobody yet."""
        self._idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}
        self.busy: Counter[str] = Counter()
        """Requests under way by the worker's id, for `choose_worker`."""

    async def ask_worker(self, worker: WorkerInfo, request: DirectRequest) -> Result | Fault:
        """Return what the worker says, counted as busy meanwhile. Raises OSError when it is gone."""
        self.busy[worker.id] += 1
        try:
            return await self.ask(worker.address, request)
        finally:
            self.busy[worker.id] -= 1

    async def ask(self, address: str, request: DirectRequest) -> Result | Fault:
        """Return what the worker at `address` says. Raises OSError when it is gone; TimeoutError, one too, when it is slow."""
        place, _, token = address.partition("#")
        kept = self._idle.setdefault(address, [])
        line = kept.pop() if kept else await _connect(place)
        try:
            async with asyncio.timeout(request.seconds):
                answer = await _exchange(line, request, token)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            line[1].close()
            raise ConnectionError(f"the worker at {place} is gone: {error}") from None
        except BaseException:
            line[1].close()
            raise
        kept.append(line)
        return answer

    def close(self) -> None:
        """End every connection."""
        for lines in self._idle.values():
            for _, writer in lines:
                with suppress(RuntimeError):  # the loop has ended
                    writer.close()
        self._idle.clear()


async def _connect(place: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    kind, _, where = place.partition(":")
    if kind == "unix":
        return await asyncio.open_unix_connection(where, limit=1 << 20)
    host, _, port = where.rpartition(":")
    return await asyncio.open_connection(host, int(port), limit=1 << 20)


async def _exchange(
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: DirectRequest, token: str
) -> Result | Fault:
    reader, writer = line
    header = {
        "token": token,
        "client_id": request.client_id,
        "model": request.model or DEFAULT,
        "threshold": request.threshold,
        "seconds": request.seconds,
        "size": len(request.image),
    }
    text = json.dumps(header).encode()
    writer.write(_LENGTH.pack(len(text)) + text + request.image)
    await writer.drain()
    length = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))[0]
    if length > _LONGEST_ANSWER:
        raise ConnectionError(f"an answer of {length} bytes")
    body: dict[str, Any] = json.loads(await reader.readexactly(length))
    if "fault" in body:
        return Fault(**body["fault"])
    return from_json(body["result"])
