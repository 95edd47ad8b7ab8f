"""Jobs: post images, look what became of them, cancel."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from onelook.service.api.answers import answer, job_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.front import parameters, query_of
from onelook.service.api.identity import KEYED, Caller, identify
from onelook.service.api.pictures import BODY, Wishes, digest_of, read_jobs
from onelook.service.clients import Client
from onelook.service.jobs.finish import cancel
from onelook.service.jobs.job import Accepted, Job, Submission
from onelook.service.jobs.listing import find_job, list_jobs
from onelook.service.messages import AcceptedJob, AcceptedJobs, JobAnswer, JobList, JobState
from onelook.service.problems import invalid, not_found

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_ID = r"^[a-z0-9]{1,64}$"
JobId = Annotated[str, Path(pattern=_ID)]
JobBefore = Annotated[str | None, Query(pattern=_ID, description="`next` of the page before")]
_LONGEST = 255


_KEY = {
    "type": "string",
    "minLength": 1,
    "maxLength": _LONGEST,
    "description": "The same key gives the same jobs again",
}


@router.post(
    "",
    status_code=202,
    response_model=AcceptedJobs,
    openapi_extra={**BODY, **parameters(Wishes, Idempotency_Key=_KEY), **KEYED},
)
async def post_jobs(request: Request) -> Response:
    """Ask for images to be looked at: by address, as one image, or as a form of several; all are accepted, or none."""
    backend: Backend = request.app.state.backend
    client = await identify(request, backend)
    backend.check_open()
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _LONGEST:
        raise invalid("Idempotency-Key", f"1 to {_LONGEST} characters", key)
    jobs = await read_jobs(request, query_of(request, Wishes), backend.settings.http, backend.settings.decoding)
    for name in {job.model for job in jobs}:
        await backend.check_model(client.id, name)
    digest = digest_of(jobs) if key is not None else ""
    accepted = await asyncio.wrap_future(backend.submitter.submit(Submission(client.id, jobs, key, digest)))
    request.state.job_ids = accepted.job_ids
    return _accepted(backend, accepted)


def _accepted(backend: Backend, accepted: Accepted) -> Response:
    told = [AcceptedJob(id=id_, location=f"/v1/jobs/{id_}") for id_ in accepted.job_ids]
    place = told[0].location if len(told) == 1 else "/v1/jobs"
    headers = {"Location": place, "Retry-After": str(backend.pace.seconds())}
    return answer(AcceptedJobs(jobs=told, replayed=accepted.replayed), 202, headers)


@router.get("", response_model=JobList)
async def get_jobs(
    backend: Open,
    client: Caller,
    state: Annotated[JobState | None, Query()] = None,
    before: JobBefore = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List your jobs, newest first, without results."""
    jobs = await asyncio.to_thread(list_jobs, backend.database, client.id, state, before, limit)
    following = jobs[-1].id if len(jobs) == limit else None
    return answer(JobList(jobs=[job_answer(job) for job in jobs], next=following))


@router.get("/{job_id}", response_model=JobAnswer)
async def get_job(
    request: Request,
    job_id: JobId,
    backend: Open,
    client: Caller,
    wait: Annotated[float, Query(ge=0, le=600, description="Seconds to wait for its end")] = 0,
) -> Response:
    """Look at a job; with `wait`, as soon as it has ended."""
    job = await _find(backend, client, job_id)
    if not job.has_ended and wait > 0:
        await backend.waiters.wait(job_id, min(wait, backend.settings.http.most_wait))
        job = await _find(backend, client, job_id)
    request.state.job_ids = (job_id,)
    headers = {} if job.has_ended else {"Retry-After": str(backend.pace.seconds())}
    return answer(job_answer(job), 200, headers)


@router.delete("/{job_id}", response_model=JobAnswer)
async def delete_job(request: Request, job_id: JobId, backend: Open, client: Caller) -> Response:
    """Cancel a job; one that has ended stays as it is."""
    job = await asyncio.to_thread(cancel, backend.database, backend.settings.service, client.id, job_id)
    if job is None:
        raise not_found("job", job_id)
    request.state.job_ids = (job_id,)
    return answer(job_answer(job))


async def _find(backend: Backend, client: Client, job_id: str) -> Job:
    job = await asyncio.to_thread(find_job, backend.database, client.id, job_id)
    if job is None:
        raise not_found("job", job_id)
    return job
