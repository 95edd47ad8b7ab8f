"""The pages Data: what a client has uploaded, and one of it with its pictures, faults and statistics."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from onelook.service.api.backend import Open
from onelook.service.api.routes.data import DataId, find_own_data
from onelook.service.pages.rendering import page, reader_of
from onelook.service.trainings.data import list_data

router = APIRouter(include_in_schema=False)


@router.get("/data")
async def get_data_list(request: Request, backend: Open) -> HTMLResponse:
    """List the data, newest first."""
    client = (await reader_of(request, backend)).client
    found = await asyncio.to_thread(list_data, backend.settings.http.trainings, client.id) if client else []
    return await page(request, backend, "sets", {"found": found})


@router.get("/data/{data_id}")
async def get_data(request: Request, backend: Open, data_id: DataId) -> HTMLResponse:
    """Browse one."""
    client = (await reader_of(request, backend)).client
    if client is None:
        return await page(request, backend, "data")
    data = await asyncio.to_thread(find_own_data, backend, client, data_id)
    return await page(request, backend, "data", {"data": data})
