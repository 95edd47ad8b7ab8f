"""One image at once: handed to the worker that is home to the client, answered with what it saw, written nowhere."""

import asyncio
import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Request, Response

from onelook.service.api.answers import answer, result_answer
from onelook.service.api.backend import Backend
from onelook.service.api.front import parameters, query_of
from onelook.service.api.identity import KEYED, identify
from onelook.service.api.pictures import BODY, DirectWishes, Wishes, read_jobs
from onelook.service.direct import DirectRequest
from onelook.service.fetching import FetchFailedError, FetchRefusedError, fetch
from onelook.service.jobs.job import Fault, NewJob, Result
from onelook.service.messages import ResultAnswer
from onelook.service.problems import ProblemError, from_user_error, invalid
from onelook.structures.errors import UserError

router = APIRouter(prefix="/v1", tags=["detect"])


@router.post("/detect", response_model=ResultAnswer, openapi_extra={**BODY, **parameters(DirectWishes), **KEYED})
async def detect(request: Request) -> Response:
    """Look at one image and answer what is on it; nothing is kept."""
    backend: Backend = request.app.state.backend
    client = await identify(request, backend)
    backend.check_open()
    backend.buckets.spend(client)
    with _under_way(backend):
        job = await _only_job(request, backend)
        return _answered(backend, await _seen(backend, client.id, job, await _bytes(backend, job)))


async def _only_job(request: Request, backend: Backend) -> NewJob:
    """Return what is asked for. Raises the 422 for more than one image, and for a callback."""
    wishes, settings = query_of(request, DirectWishes), backend.settings
    whole = Wishes(model=wishes.model, threshold=wishes.threshold)
    jobs = await read_jobs(request, whole, settings.http, settings.decoding)
    if len(jobs) != 1:
        raise invalid("image", "one image", len(jobs))
    if jobs[0].callback is not None:
        raise invalid("callback", "none, as the answer comes at once", jobs[0].callback)
    return jobs[0]


@contextmanager
def _under_way(backend: Backend) -> Iterator[None]:
    """Count a request while it lasts. Raises the 503 when there are too many."""
    most = backend.settings.http.most_direct
    if backend.direct_under_way >= most:
        raise ProblemError(
            503,
            "full",
            f"detect: expected at most {most} requests at once, got more",
            retry_after=backend.direct_latency.seconds / most,  # until the first of them is answered
        )
    backend.direct_under_way += 1
    began = time.monotonic()
    try:
        yield
    finally:
        backend.direct_under_way -= 1
        backend.direct_latency.note(time.monotonic() - began)


async def _bytes(backend: Backend, job: NewJob) -> bytes:
    if job.upload is not None:
        return job.upload
    try:
        return await asyncio.to_thread(functools.partial(fetch, str(job.url), backend.settings.fetching))
    except FetchRefusedError as error:
        raise from_user_error(error, "url") from None
    except FetchFailedError as error:
        raise ProblemError(502, "fetch_failed", str(error)) from None


async def _seen(backend: Backend, client_id: str, job: NewJob, image: bytes) -> Result | Fault:
    """Return what the client's worker says. Raises the 503 where there is none, the 504 where it does not answer."""
    worker, seconds = await backend.worker_for(client_id), backend.settings.http.direct_seconds
    try:
        return await backend.lines.ask_worker(
            worker, DirectRequest(client_id, job.model, image, job.threshold, seconds)
        )
    except TimeoutError:
        raise ProblemError(504, "late", f"detect: expected an answer in {seconds:g} s, got none") from None
    except OSError:
        raise backend.no_worker("detect: expected a worker that answers, got none") from None


def _answered(backend: Backend, seen: Result | Fault) -> Response:
    if isinstance(seen, Result):
        backend.outages.over("worker")
        return answer(result_answer(seen))
    if seen.code == "stopping":
        raise backend.no_worker(f"detect: {seen.detail}")
    if seen.code == "store_down":
        raise ProblemError(503, "no_store", seen.detail, retry_after=backend.outages.seconds("store"))
    if seen.code == "busy":
        raise ProblemError(503, "busy", seen.detail, retry_after=backend.direct_latency.seconds)
    status = 500 if seen.code == "prediction_failed" else 422  # every other is the request's own
    told = from_user_error(
        UserError(seen.detail.removeprefix("image: ")), "image"
    )  # what the worker said of the picture
    raise ProblemError(status, seen.code, seen.detail, told.errors)
