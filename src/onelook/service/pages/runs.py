"""The pages Runs: all of a client's trainings with sparklines, several of them side by side, one of them as it goes; and grids."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from onelook.service.api.backend import Backend, Open
from onelook.service.api.grid_answers import grid_answer, grid_table
from onelook.service.api.identity import check_administrator
from onelook.service.api.routes.grids import GridName, grid_named
from onelook.service.api.routes.trainings import TrainingId, find_own
from onelook.service.clients import Client, list_clients
from onelook.service.grid_messages import GridAnswer
from onelook.service.grids import list_grids
from onelook.service.pages.rendering import page, reader_of
from onelook.service.trainings.data import list_data
from onelook.service.trainings.record import Training, list_trainings
from onelook.service.trainings.watching import loss_and_score

router = APIRouter(include_in_schema=False)

WIDTH, HEIGHT = 120, 28
"""Of a sparkline, in the units of its drawing."""
MOST_POINTS = 60
MOST_COMPARED = 6
"""Runs whose curves can still be told apart."""


@dataclass(frozen=True)
class Row:
    """A run as the list shows it; a line is the points of a drawing of WIDTH x HEIGHT, empty without any."""

    training: Training
    data: str
    losses: str
    scores: str
    score: float | None


@router.get("/runs")
async def get_runs(request: Request, backend: Open) -> HTMLResponse:
    """List the trainings, newest first, and for administrators the grids of this machine."""
    client = (await reader_of(request, backend)).client
    rows = await asyncio.to_thread(_rows, backend, client) if client else []
    grids = await asyncio.to_thread(_grids, backend) if client and client.admin else []
    return await page(request, backend, "runs", {"rows": rows, "width": WIDTH, "height": HEIGHT, "grids": grids})


@router.get("/runs/grids/{name}")
async def get_grid(request: Request, backend: Open, name: GridName) -> HTMLResponse:
    """Show a grid: its runs, the most accurate first, and the way to its report."""
    client = (await reader_of(request, backend)).client
    if client is None:
        return await page(request, backend, "grid")
    check_administrator(client)
    found = await asyncio.to_thread(lambda: grid_table(grid_named(backend, name)))
    axes = list(dict.fromkeys(axis for run in found.table for axis in run.axes))
    return await page(request, backend, "grid", {"grid": found, "axes": axes})


@router.get("/runs/compare")
async def compare_runs(request: Request, backend: Open, run: Annotated[tuple[str, ...], Query()] = ()) -> HTMLResponse:
    """Lay trainings side by side, MOST_COMPARED at once: curves, last numbers, and the settings in which they differ."""
    client = (await reader_of(request, backend)).client
    rows = await asyncio.to_thread(_rows, backend, client) if client else []
    chosen = [row for row in rows if row.training.id in run]
    shown, others = chosen[:MOST_COMPARED], [row.training.id for row in chosen[MOST_COMPARED:]]
    keys = sorted({key for row in shown for key in row.training.settings})
    differ = [key for key in keys if len({row.training.settings.get(key) for row in shown}) > 1]
    values = {"rows": shown, "settings": differ, "others": others, "gone": len(set(run)) - len(chosen)}
    return await page(request, backend, "compare", values)


@router.get("/runs/{training_id}")
async def get_run(request: Request, backend: Open, training_id: TrainingId) -> HTMLResponse:
    """Watch one training."""
    client = (await reader_of(request, backend)).client
    if client is None:
        return await page(request, backend, "run")
    training = await asyncio.to_thread(find_own, backend, client, training_id)
    clients = await asyncio.to_thread(list_clients, backend.database) if client.admin else []
    data = _names(backend.settings.http.trainings, client).get(training.data, training.data)
    return await page(request, backend, "run", {"training": training, "data": data, "clients": clients})


def _grids(backend: Backend) -> list[GridAnswer]:
    return [grid_answer(each) for each in list_grids(backend.settings.http.grids)]


def _rows(backend: Backend, client: Client) -> list[Row]:
    root = backend.settings.http.trainings
    names = _names(root, client)
    trainings = [each for each in list_trainings(root, client.id) if each.kind == "training"]
    return [_row(root, each, names.get(each.data, each.data)) for each in trainings]


def _row(root: Path, training: Training, data: str) -> Row:
    losses, scores = loss_and_score(root, training)
    return Row(training, data, sparkline(losses), sparkline(scores), scores[-1] if scores else None)


def _names(root: Path, client: Client) -> dict[str, str]:
    return {data.id: data.name for data in list_data(root, client.id)}


def sparkline(values: Sequence[float]) -> str:
    """Return the points of a line through values, left to right and from the least to the greatest; empty for fewer than two."""
    if len(values) < 2:
        return ""
    picked = [values[round(place * (len(values) - 1) / (MOST_POINTS - 1))] for place in range(MOST_POINTS)]
    shown = values if len(values) <= MOST_POINTS else picked
    least, span = min(shown), (max(shown) - min(shown)) or 1.0
    across = WIDTH / (len(shown) - 1)
    points = (
        (number * across, HEIGHT - 2 - (value - least) / span * (HEIGHT - 4)) for number, value in enumerate(shown)
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
