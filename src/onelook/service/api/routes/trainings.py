"""Trainings: forecast, start, follow, stop, resume, and let the best model serve."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from fastapi.responses import StreamingResponse

from onelook.service.api.answers import answer, training_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.identity import Caller
from onelook.service.api.publishing import owner_of, publish_run, weights_of
from onelook.service.clients import Client
from onelook.service.messages import PromoteRequest, PublishedVersion, TrainingAnswer, TrainingList, TrainingRequest
from onelook.service.models.store import copy_out
from onelook.service.problems import ProblemError, from_user_error, invalid, not_found
from onelook.service.trainings.data import find_data
from onelook.service.trainings.record import (
    Training,
    change,
    find_training,
    folder_of,
    list_trainings,
    new_training,
    progress_lines,
    run_of,
)
from onelook.service.trainings.running import stop
from onelook.service.unpacking import remove
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import parse_cfg

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])

TrainingId = Annotated[str, Path(pattern=r"^[a-z0-9]{1,64}$")]

LOOK_SECONDS = 0.5
MOST_UNFINISHED = 20
"""Trainings of one client that may wait or run."""
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,63}")


@router.post("", status_code=202, response_model=TrainingAnswer)
async def post_training(asked: TrainingRequest, backend: Open, client: Caller) -> Response:
    """Start a training on uploaded data, or with `kind` forecast learn what it would take."""
    backend.check_open()
    training = await asyncio.to_thread(_new, backend, client, asked)
    headers = {"Location": f"/v1/trainings/{training.id}", "Retry-After": "5"}
    return answer(_told(backend, training), 202, headers)


def _new(backend: Backend, client: Client, asked: TrainingRequest) -> Training:
    """Return a training that waits, with the weights that it starts from beside it. Raises the 422 that names the field."""
    root = backend.settings.http.trainings
    _check(root, client, asked)
    weights = None if asked.weights is None else weights_of(backend.store, client.id, asked.weights)
    training = new_training(
        root,
        client.id,
        asked.kind,
        asked.data,
        asked.network or "network.cfg",
        asked.cfg,
        settings=asked.settings,
        time_budget=asked.time_budget,
        weights=asked.weights,
        state="waiting" if weights is None else "stopped",
    )
    if weights is None:
        return training
    owner, version = weights
    try:
        copy_out(backend.store, owner, str(asked.weights), version, folder_of(root, training) / "weights")
    except UserError:
        remove(folder_of(root, training))
        raise
    return change(root, training, state="waiting")


def _check(root: Folder, client: Client, asked: TrainingRequest) -> None:
    if find_data(root, client.id, asked.data) is None:
        raise invalid("data", "the id of data of your own", asked.data, "no_data")
    if (asked.network is None) == (asked.cfg is None):
        raise invalid("network, cfg", "one of them", "both" if asked.network else "none")
    for key, value in asked.settings.items():
        if not _SETTING.fullmatch(key) or "\0" in str(value):
            raise invalid("settings", "names such as learning_rate", key)
    if asked.cfg is not None:
        _check_cfg(asked.cfg)
    unfinished = sum(not training.has_ended for training in list_trainings(root, client.id))
    if unfinished >= MOST_UNFINISHED:
        detail = f"trainings: expected at most {MOST_UNFINISHED} that wait or run, got one more"
        raise ProblemError(429, "quota", detail, retry_after=60)


def _check_cfg(text: str) -> None:
    try:
        parse_cfg(text, "network.cfg")
    except UserError as error:
        raise from_user_error(error, "cfg") from None


@router.get("", response_model=TrainingList)
async def get_trainings(backend: Open, client: Caller) -> Response:
    """List your trainings, newest first."""
    found = await asyncio.to_thread(list_trainings, backend.settings.http.trainings, client.id)
    return answer(TrainingList(trainings=[training_answer(each, None) for each in found]))


@router.get("/{training_id}", response_model=TrainingAnswer)
async def get_training(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Look at a training and the latest line of its progress."""
    return answer(await asyncio.to_thread(lambda: _told(backend, _find(backend, client, training_id))))


@router.get(
    "/{training_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def get_events(
    training_id: TrainingId,
    backend: Open,
    client: Caller,
    last_event_id: Annotated[int, Header(ge=0, description="Go on behind this event")] = 0,
) -> StreamingResponse:
    """Follow a training as server-sent events: `progress` with a line of its metrics, `state` when that changes."""
    training = await asyncio.to_thread(_find, backend, client, training_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(backend, training, last_event_id), media_type="text/event-stream", headers=headers)


async def _events(backend: Backend, training: Training, seen: int) -> AsyncIterator[str]:
    """Yield what is new until the training has ended, or the service ends: the client then asks another process."""
    root, state = backend.settings.http.trainings, ""
    while True:
        latest = await asyncio.to_thread(find_training, root, training.client_id, training.id) or training
        for line in await asyncio.to_thread(progress_lines, root, latest, seen):
            seen += 1
            yield f"id: {seen}\nevent: progress\ndata: {json.dumps(line)}\n\n"
        if latest.state != state:
            state = latest.state
            yield f"event: state\ndata: {training_answer(latest, None).model_dump_json()}\n\n"
        if latest.has_ended or not backend.ready:
            return
        await asyncio.sleep(LOOK_SECONDS)


@router.post("/{training_id}/stop", status_code=202, response_model=TrainingAnswer)
async def stop_training(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Ask a training to save itself and stop; it can be resumed."""

    def work() -> TrainingAnswer:
        training = _find(backend, client, training_id)
        return _told(backend, stop(backend.settings.http.trainings, training))

    return answer(await asyncio.to_thread(work), 202)


@router.post("/{training_id}/resume", status_code=202, response_model=TrainingAnswer)
async def resume_training(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Let a training that was stopped, or that failed, go on from where it was saved."""
    backend.check_open()

    def work() -> TrainingAnswer:
        training = _find(backend, client, training_id)
        if training.state not in ("stopped", "failed"):
            raise ProblemError(
                409, "not_stopped", f"training: expected one that has stopped, got one that is {training.state}"
            )
        return _told(backend, change(backend.settings.http.trainings, training, state="waiting", error=None))

    return answer(await asyncio.to_thread(work), 202)


@router.post("/{training_id}/promote", status_code=201, response_model=PublishedVersion)
async def promote_training(training_id: TrainingId, asked: PromoteRequest, backend: Open, client: Caller) -> Response:
    """Let the best model of a training serve, under a name of yours."""
    owner = owner_of(client, asked.shared)

    def work() -> PublishedVersion:
        training = _find(backend, client, training_id)
        folder = run_of(backend.settings.http.trainings, training) / "model"
        if not (folder / "bundle.toml").is_file():
            raise ProblemError(409, "no_model", "training: expected one that has saved a model, got one that has not")
        return publish_run(backend.store, owner, asked.name, folder, asked.shared)

    return answer(await asyncio.to_thread(work), 201, {"Location": f"/v1/models/{asked.name}"})


def _find(backend: Backend, client: Client, training_id: str) -> Training:
    training = find_training(backend.settings.http.trainings, client.id, training_id)
    if training is None:
        raise not_found("training", training_id)
    return training


def _told(backend: Backend, training: Training) -> TrainingAnswer:
    lines = progress_lines(backend.settings.http.trainings, training)
    return training_answer(training, lines[-1] if lines else None)
