"""The service as a whole, for administrators: queues, workers, and jobs that failed with one more try."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from onelook.service.api.answers import answer, failed_job_answer, job_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.identity import MANAGES
from onelook.service.api.routes.jobs import JobBefore, JobId
from onelook.service.clients import list_clients
from onelook.service.jobs.again import failed_jobs, retry
from onelook.service.jobs.listing import drain_rate, numbers, oldest_waiting
from onelook.service.messages import ClientQueueAnswer, FailedJobList, JobAnswer, ServiceAnswer, WorkerAnswer
from onelook.service.problems import not_found
from onelook.service.workers import live_workers

router = APIRouter(prefix="/v1/service", tags=["service"], dependencies=[MANAGES])


@router.get("", response_model=ServiceAnswer)
async def get_service(backend: Open) -> Response:
    """Look how the whole service stands."""
    return answer(await asyncio.to_thread(service_answer, backend))


def service_answer(backend: Backend) -> ServiceAnswer:
    """Return the depth of every queue, the age of the oldest waiting job, the pace and the workers."""
    database, counts = backend.database, numbers(backend.database)
    names = {client.id: client.name for client in list_clients(database)}
    return ServiceAnswer(
        waiting=sum(each.waiting for each in counts),
        delayed=sum(each.delayed for each in counts),
        running=sum(each.running for each in counts),
        oldest_seconds=oldest_waiting(database),
        per_second=drain_rate(database, backend.settings.service),
        queues=[
            ClientQueueAnswer.model_validate({**vars(each), "client_name": names.get(each.client_id, "")})
            for each in counts
        ],
        workers=[WorkerAnswer.model_validate(vars(each)) for each in live_workers(database)],
    )


@router.get("/failed", response_model=FailedJobList)
async def get_failed(
    backend: Open,
    before: JobBefore = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List failed and dead jobs of all clients, newest first, with their cause."""
    found = await asyncio.to_thread(failed_jobs, backend.database, before, limit)
    following = found[-1].id if len(found) == limit else None
    return answer(FailedJobList(jobs=[failed_job_answer(job) for job in found], next=following))


@router.post("/failed/{job_id}/retry", response_model=JobAnswer)
async def retry_job(job_id: JobId, backend: Open) -> Response:
    """Let a failed job wait again, as if it had never been tried."""
    job = await asyncio.to_thread(retry, backend.database, job_id)
    if job is None:
        raise not_found("job", job_id)
    return answer(job_answer(job))
