"""Notes that a job has ended, sent to the address that came with it: by the same rules as images are fetched."""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from onelook.service.api.answers import job_answer
from onelook.service.fetching import FetchFailedError, FetchRefusedError, post
from onelook.service.jobs.callbacks import Callback, callback_failed, callback_sent, take_callbacks
from onelook.service.jobs.listing import find_job

if TYPE_CHECKING:
    from onelook.service.api.backend import Backend

_log = logging.getLogger(__name__)


AT_ONCE = 32
"""Notes that are sent at the same time."""
OF_ONE = 4
"""Of those, a client's with whose notes more are begun: addresses that do not answer keep no other client's waiting."""
_LOOK_SECONDS = 1.0


def send_callbacks(backend: Backend) -> int:
    """Send the notes that are due, return how many arrived once none is due any more; others are tried again later."""
    arrived, under_way = 0, dict[Future[bool], Callback]()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="callback") as pool:
        while True:
            while notes := _due(backend, under_way.values()):
                under_way |= {pool.submit(_send, backend, note): note for note in notes}
            if not under_way:
                return arrived
            ended, _ = wait(under_way, _LOOK_SECONDS, FIRST_COMPLETED)
            for each in ended:
                del under_way[each]
                arrived += each.result()


def _due(backend: Backend, under_way: Collection[Callback]) -> list[Callback]:
    """Return notes to begin with, none of a client of which enough are under way; none once the service ends."""
    room = min(AT_ONCE - len(under_way), OF_ONE)
    if room <= 0 or not backend.ready:
        return []
    counts = Counter(note.client_id for note in under_way)
    full = [client_id for client_id, count in counts.items() if count >= OF_ONE]
    owner = f"{socket.gethostname()}:{os.getpid()}"
    return take_callbacks(backend.database, owner, room, backend.settings.fetching.deadline, full)


def _send(backend: Backend, note: Callback) -> bool:
    job = find_job(backend.database, note.client_id, note.job_id)
    if job is None:  # it has been forgotten since
        callback_sent(backend.database, note)
        return False
    try:
        post(note.url, job_answer(job).model_dump_json(by_alias=True).encode(), backend.settings.fetching)
    except (FetchRefusedError, FetchFailedError) as error:
        again = callback_failed(backend.database, note)
        _log.info(
            "a callback failed", extra={"job": job.id, "client": job.client_id, "why": str(error), "again": again}
        )
        return False
    callback_sent(backend.database, note)
    return True
