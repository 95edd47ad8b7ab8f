"""A training as it goes: its metrics, as events or asked for; what it sees, takes and says; the files of its run."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

from onelook.service.api.answers import FILE_HEADERS, answer, picture_answer, training_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.bodies import BINARY
from onelook.service.api.identity import Caller, caller, identify
from onelook.service.api.mistake_answers import Judgement, judgement
from onelook.service.api.routes.trainings import TrainingId, find_own
from onelook.service.clients import Client
from onelook.service.database import DatabaseDownError
from onelook.service.problems import ProblemError, not_found
from onelook.service.training_messages import (
    Mistakes,
    SampleEvaluation,
    SampleList,
    SettingAnswer,
    SettingList,
    TrainingProgress,
)
from onelook.service.trainings import watching
from onelook.service.trainings.looking import thumbnail
from onelook.service.trainings.record import Training, cfg_of, find_training, progress_lines, run_of
from onelook.training.watch.samples import LEAST_SCORE, MOST_BOXES

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])

LOOK_SECONDS = 0.5
QUIET_SECONDS = 15.0
"""After which a comment is sent where nothing is new, so that a connection is not taken for dead, and a dead one is noticed."""

Split = Annotated[
    str | None, Query(max_length=64, description="By default the one that the report begins with: test, else val")
]


@router.get("/settings", response_model=SettingList, dependencies=[Depends(caller)])
async def get_settings() -> Response:
    """List every hyperparameter with its default, bounds and meaning, and the networks by name."""

    def work() -> SettingList:
        from onelook.training.setting_words import NETWORKS, describe_settings

        told = [SettingAnswer.model_validate(vars(each)) for each in describe_settings()]
        return SettingList(settings=told, networks=list(NETWORKS))

    return answer(await asyncio.to_thread(work))


@router.get("/{training_id}/progress", response_model=TrainingProgress)
async def get_progress(
    training_id: TrainingId,
    backend: Open,
    client: Caller,
    after: Annotated[int, Query(ge=0, le=10_000_000, description="`next` of the answer before")] = 0,
) -> Response:
    """Look at a training as it goes, and at its metrics behind those that were seen before."""

    def work() -> TrainingProgress:
        return _progress(backend, find_own(backend, client, training_id), after)

    return answer(await asyncio.to_thread(work))


def _progress(backend: Backend, training: Training, after: int) -> TrainingProgress:
    root = backend.settings.http.trainings
    lines, steps = progress_lines(root, training), watching.steps_of(root, training)
    return TrainingProgress(
        training=training_answer(training, lines[-1] if lines else None),
        steps=steps,
        seconds_left=None if training.state != "running" else watching.seconds_left(lines, steps),
        lines=lines[after:],
        next=max(after, len(lines)),
        resources=watching.resources(root, training),
        evaluations=len(watching.sample_lines(root, training)),
    )


@router.get(
    "/{training_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def get_events(
    request: Request,
    training_id: TrainingId,
    backend: Open,
    client: Caller,
    last_event_id: Annotated[int, Header(ge=0, description="Go on behind this event")] = 0,
) -> StreamingResponse:
    """Follow a training as server-sent events: `progress` with a line of its metrics, `state` when that changes."""
    training = await asyncio.to_thread(find_own, backend, client, training_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(request, backend, training, last_event_id), media_type="text/event-stream", headers=headers
    )


async def _events(request: Request, backend: Backend, training: Training, seen: int) -> AsyncIterator[str]:
    """Yield what is new until the training has ended, the key is void, or the service ends: then another process is asked."""
    root, state, told_at = backend.settings.http.trainings, "", time.monotonic()
    while await _may_still(request, backend):
        latest = await asyncio.to_thread(find_training, root, training.client_id, training.id) or training
        for line in await asyncio.to_thread(progress_lines, root, latest, seen):
            seen, told_at = seen + 1, time.monotonic()
            yield f"id: {seen}\nevent: progress\ndata: {json.dumps(line)}\n\n"
        if latest.state != state:
            state = latest.state
            yield f"event: state\ndata: {training_answer(latest, None).model_dump_json()}\n\n"
        if latest.has_ended or not backend.ready:
            return
        if time.monotonic() - told_at > QUIET_SECONDS:
            told_at = time.monotonic()
            yield ": nothing new\n\n"
        await asyncio.sleep(LOOK_SECONDS)


async def _may_still(request: Request, backend: Backend) -> bool:
    """Return whether whoever asked may go on: a key may be revoked while its events come. A lost database takes nobody's right."""
    try:
        await identify(request, backend)
    except ProblemError:
        return False
    except DatabaseDownError:
        return True
    return True


@router.get("/{training_id}/samples", response_model=SampleList)
async def get_samples(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Look at what the model saw on a few pictures at each evaluation, beside the truth."""

    def work() -> SampleList:
        lines = watching.sample_lines(backend.settings.http.trainings, find_own(backend, client, training_id))
        for image in (image for line in lines for image in line["images"]):
            image["file"] = Folder(image["file"]).name
        return SampleList(
            evaluations=[SampleEvaluation.model_validate(line) for line in lines], least=LEAST_SCORE, most=MOST_BOXES
        )

    return answer(await asyncio.to_thread(work))


@router.get(
    "/{training_id}/samples/{number}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": BINARY}}}},
)
async def get_sample_picture(
    training_id: TrainingId,
    number: Annotated[int, Path(ge=0, le=1000)],
    backend: Open,
    client: Caller,
    side: Annotated[int, Query(ge=32, le=2048, description="Most pixels of its longer side")] = 320,
) -> Response:
    """Look at one of those pictures, reduced to a JPEG."""

    def work() -> bytes:
        lines = watching.sample_lines(backend.settings.http.trainings, find_own(backend, client, training_id))
        files = [image["file"] for image in lines[-1]["images"]] if lines else []
        return _reduced(backend, files, number, side)

    async with backend.looks:
        return picture_answer(await asyncio.to_thread(work))


@router.get("/{training_id}/mistakes", response_model=Mistakes)
async def get_mistakes(
    training_id: TrainingId,
    backend: Open,
    client: Caller,
    split: Split = None,
    start: Annotated[int, Query(ge=0, le=10_000_000, description="How many of the worst pictures to leave out")] = 0,
) -> Response:
    """Look at what the best model of a training that is done takes for what, and at the pictures on which it does worst."""

    def work() -> Mistakes:
        return _judgement(backend, client, training_id, split).told_from(start)

    async with backend.looks:
        return answer(await asyncio.to_thread(work))


@router.get(
    "/{training_id}/mistakes/{number}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": BINARY}}}},
)
async def get_mistaken_picture(
    training_id: TrainingId,
    number: Annotated[int, Path(ge=0, le=10_000_000)],
    backend: Open,
    client: Caller,
    split: Split = None,
    side: Annotated[int, Query(ge=32, le=2048, description="Most pixels of its longer side")] = 320,
) -> Response:
    """Look at a picture of that split by its number, reduced to a JPEG."""

    def work() -> bytes:
        return _reduced(backend, _judgement(backend, client, training_id, split).paths, number, side)

    async with backend.looks:
        return picture_answer(await asyncio.to_thread(work))


def _reduced(backend: Backend, files: Sequence[str | Folder], number: int, side: int) -> bytes:
    """Return one of these pictures by its number, as a JPEG of `side` pixels at most. Raises the 404 for a number beyond."""
    if number >= len(files):
        raise not_found("picture", str(number))
    return thumbnail(Folder(files[number]), side, backend.settings.decoding.most_pixels)


def _judgement(backend: Backend, client: Client, training_id: str, split: str | None) -> Judgement:
    """Return what is known of a split. Raises the 404 for a training that has not been evaluated, and for another split."""
    found = judgement(run_of(backend.settings.http.trainings, find_own(backend, client, training_id)), split)
    if found is None:
        raise not_found("split", split or "the first")
    return found


@router.get("/{training_id}/log", response_class=PlainTextResponse)
async def get_log(training_id: TrainingId, backend: Open, client: Caller) -> PlainTextResponse:
    """Read the end of what the training said."""

    def work() -> str:
        return watching.log_of(backend.settings.http.trainings, find_own(backend, client, training_id))

    return PlainTextResponse(await asyncio.to_thread(work), headers={"Cache-Control": "no-store"})


@router.get(
    "/{training_id}/files/{name}",
    response_class=FileResponse,
    responses={200: {"content": {"*/*": {"schema": BINARY}}}},
)
async def get_file(
    training_id: TrainingId,
    name: Annotated[str, Path(pattern=r"^[a-z]{1,64}\.[a-z]{1,16}$")],
    backend: Open,
    client: Caller,
) -> FileResponse:
    """Read a file of the run: report.html, chart.png, diagnosis.md, settings.toml, environment.json, metrics or resources.jsonl.

    `network.cfg` is the one that came with the request, whatever its name was.
    """

    def work() -> Folder:
        training, root = find_own(backend, client, training_id), backend.settings.http.trainings
        path = cfg_of(root, training) if name == watching.CFG else run_of(root, training) / name
        if path is None or name not in watching.FILES or not path.is_file():
            raise not_found("file", name)
        return path

    return FileResponse(await asyncio.to_thread(work), media_type=watching.FILES[name], headers=FILE_HEADERS)
