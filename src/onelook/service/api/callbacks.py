"""Notes that a job has ended, sent to the address that came with it: by the same rules as images are fetched."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

from onelook.service.api.answers import job_answer
from onelook.service.fetching import FetchFailedError, FetchRefusedError, post
from onelook.service.jobs.callbacks import Callback, callback_failed, callback_sent, take_callbacks
from onelook.service.jobs.listing import find_job

if TYPE_CHECKING:
    from onelook.service.api.backend import Backend

_log = logging.getLogger(__name__)


def send_callbacks(backend: Backend) -> int:
    """Send the notes that are due and return how many arrived; others are tried again later."""
    owner = f"{socket.gethostname()}:{os.getpid()}"
    return sum(_send(backend, note) for note in take_callbacks(backend.database, owner) if backend.ready)


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
