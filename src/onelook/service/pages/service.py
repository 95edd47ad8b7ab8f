"""The page Service, for administrators: queues, workers, failed jobs, models, clients and their keys."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from onelook.service.api.answers import failed_job_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.identity import check_administrator
from onelook.service.api.routes.jobs import JobBefore
from onelook.service.api.routes.service import service_answer
from onelook.service.clients import list_clients, list_keys
from onelook.service.jobs.again import failed_jobs
from onelook.service.models.names import SHARED
from onelook.service.models.store import current, model_names, versions
from onelook.service.pages.rendering import page, reader_of

router = APIRouter(include_in_schema=False)

MOST_FAILED = 50


@router.get("/service")
async def get_service(request: Request, backend: Open, before: JobBefore = None) -> HTMLResponse:
    """Show how the service stands; of failed jobs the newest, or those that failed before another."""
    client = (await reader_of(request, backend)).client
    if client is not None:
        check_administrator(client)
    values = await asyncio.to_thread(_values, backend, before) if client else {}
    return await page(request, backend, "service", values)


def _values(backend: Backend, before: str | None) -> dict[str, Any]:
    clients = list_clients(backend.database)
    failed = failed_jobs(backend.database, before, MOST_FAILED + 1)
    return {
        "service": service_answer(backend),
        "failed": [failed_job_answer(job) for job in failed[:MOST_FAILED]],
        "older": failed[MOST_FAILED - 1].id if len(failed) > MOST_FAILED else None,
        "before": before,
        "clients": clients,
        "names": {each.id: each.name for each in clients},
        "shared": SHARED,
        "keys": {each.id: list_keys(backend.database, each.id) for each in clients},
        "models": [
            (owner, name, current(backend.store, owner, name), versions(backend.store, owner, name))
            for owner in (SHARED, *(each.id for each in clients))
            for name in model_names(backend.store, owner)
        ],
    }
