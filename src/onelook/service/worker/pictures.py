"""Pictures of a batch, fetched and decoded ahead of the model: several addresses at once, one decoder's process for all."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from onelook.service.decoding import Decoder, DecodeSettings
from onelook.service.fetching import FetchFailedError, FetchRefusedError, FetchSettings, fetch
from onelook.service.jobs.job import ClaimedJob, Fault
from onelook.structures.errors import FormatError
from onelook.structures.letterbox import Image

_log = logging.getLogger("onelook.service.worker")
AT_ONCE = 8
"""Addresses that are asked at the same time."""


@dataclass(frozen=True)
class Opened:
    """A job's picture, (h, w, 3) uint8 RGB, or why there is none, and the seconds that it took."""

    image: Image | None
    fault: Fault | None
    passing: bool
    """Whether the fault may be gone later."""
    seconds: float
    began: float
    """When its batch was begun to be fetched, by the process's monotonic clock."""


class Pictures:
    """Opens the pictures of batches, for one thread."""

    def __init__(self, fetching: FetchSettings, decoding: DecodeSettings) -> None:
        """Start nothing yet; `close` ends what was started."""
        self._fetching = fetching
        self._decoder = Decoder(decoding)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch")

    def open(self, jobs: Sequence[ClaimedJob]) -> Iterator[Opened]:
        """Yield the jobs' pictures in order, decoded when asked for; one that cannot be had takes nothing from the others."""
        began = time.monotonic()
        bodies = deque(self._pool.submit(self._body, job) for job in jobs)
        while bodies:
            yield self._decoded(bodies.popleft().result, began)

    def close(self) -> None:
        """End the decoder's process; what is being fetched is waited for no longer."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._decoder.close()

    def _body(self, job: ClaimedJob) -> bytes:
        if job.url is not None:
            return fetch(job.url, self._fetching)
        if job.upload is None:
            raise FormatError("image: expected the picture that was uploaded, got none")
        return job.upload

    def _decoded(self, body: Callable[[], bytes], began: float) -> Opened:
        try:
            image = self._decoder.decode(body())
        except FetchFailedError as error:
            return Opened(None, Fault("fetch_failed", str(error)), True, time.monotonic() - began, began)
        except FetchRefusedError as error:
            return Opened(None, Fault("fetch_refused", str(error)), False, time.monotonic() - began, began)
        except FormatError as error:
            return Opened(None, Fault("image_unreadable", str(error)), False, time.monotonic() - began, began)
        except Exception:  # whatever a picture does, the next one is opened
            _log.exception("a picture could not be opened")
            fault = Fault("image_unreadable", "image: expected a picture, got one that could not be opened")
            return Opened(None, fault, False, time.monotonic() - began, began)
        return Opened(image, None, False, time.monotonic() - began, began)
