"""Grids of this machine's command line, for administrators: how far each is, its runs, its report."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse, HTMLResponse

from onelook.experiments.overview import Overview
from onelook.service.api.answers import FILE_HEADERS, answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.grid_answers import grid_answer, grid_table
from onelook.service.api.identity import MANAGES
from onelook.service.grid_messages import GridList, GridTable
from onelook.service.grids import find_grid, list_grids, report_of_grid, report_of_run
from onelook.service.problems import not_found

router = APIRouter(prefix="/v1/grids", tags=["grids"], dependencies=[MANAGES])

GridName = Annotated[str, Path(pattern=r"^[^/\\\x00-\x1f\x7f]{1,200}$")]
_HTML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("", response_model=GridList)
async def get_grids(backend: Open) -> Response:
    """List the grids that lie in the folder `http.grids`, the one that changed last first."""
    found = await asyncio.to_thread(list_grids, backend.settings.http.grids)
    return answer(GridList(grids=[grid_answer(each) for each in found]))


@router.get("/{name}", response_model=GridTable)
async def get_grid(name: GridName, backend: Open) -> Response:
    """Look at a grid and all its runs, the most accurate first."""
    return answer(await asyncio.to_thread(lambda: grid_table(grid_named(backend, name))))


@router.get("/{name}/report.html", response_class=HTMLResponse, responses=_HTML)
async def get_grid_report(name: GridName, backend: Open) -> HTMLResponse:
    """Read what its runs tell together, as `onelook report` writes it; made of its rows now, and nothing is written."""
    async with backend.looks:
        page = await asyncio.to_thread(lambda: report_of_grid(grid_named(backend, name)))
    return HTMLResponse(page, headers=FILE_HEADERS)


@router.get("/{name}/runs/{run}/report.html", response_class=FileResponse, responses=_HTML)
async def get_grid_run_report(name: GridName, run: GridName, backend: Open) -> FileResponse:
    """Read the report of one of its runs."""
    path = await asyncio.to_thread(lambda: report_of_run(grid_named(backend, name), run))
    if path is None:
        raise not_found("report", run)
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=FILE_HEADERS)


def grid_named(backend: Backend, name: str) -> Overview:
    """Return a grid. Raises the 404."""
    found = find_grid(backend.settings.http.grids, name)
    if found is None:
        raise not_found("grid", name)
    return found
