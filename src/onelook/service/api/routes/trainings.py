"""Trainings: forecast, start, stop, resume, and let the best model serve; `watching` tells how they go."""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from math import ceil
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from onelook.service.api.answers import answer, training_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.identity import Caller
from onelook.service.api.publishing import owner_of, publish_run, weights_of
from onelook.service.clients import Client, find_client
from onelook.service.jobs.refusals import IdempotencyError
from onelook.service.messages import PublishedVersion
from onelook.service.models.store import StoreDownError, copy_out
from onelook.service.problems import ProblemError, from_user_error, invalid, not_found
from onelook.service.training_messages import (
    PromoteRequest,
    TrainingAnswer,
    TrainingKind,
    TrainingList,
    TrainingRequest,
    TrainingState,
)
from onelook.service.trainings.data import DataGoneError, find_data
from onelook.service.trainings.record import (
    PLACE,
    MovedError,
    TakenError,
    Training,
    Value,
    find_training,
    id_of,
    list_trainings,
    new_id,
    new_training,
    page_of,
    progress_lines,
    remove_training,
    run_of,
)
from onelook.service.trainings.running import resume, stop
from onelook.service.trainings.turns import Turn, turns
from onelook.service.trainings.watching import client_words
from onelook.structures.errors import FormatError, UserError
from onelook.structures.network.cfg import parse_cfg

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])

TrainingId = Annotated[str, Path(pattern=r"^[a-z0-9]{1,64}$")]

MOST_UNFINISHED = 20
"""Trainings of one client that may wait or run."""
_AT_ONCE = Turn(0.0, 0.0)
_ENDING_LOOKS, _ENDING_SECONDS = 50, 0.02
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,63}")


@router.post("", status_code=202, response_model=TrainingAnswer)
async def post_training(
    asked: TrainingRequest,
    backend: Open,
    client: Caller,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="The same key gives the same training again")
    ] = None,
) -> Response:
    """Start a training on uploaded data, or with `kind` forecast learn what it would take."""
    backend.check_open()
    training = await asyncio.to_thread(_only_new, backend, client, asked, idempotency_key)
    turn = (await asyncio.to_thread(_turns, backend)).get(training.id, _AT_ONCE)
    headers = {"Location": f"/v1/trainings/{training.id}", "Retry-After": str(max(ceil(turn.begins), 1))}
    return answer(_told(backend, training), 202, headers)


def _turns(backend: Backend) -> dict[str, Turn]:
    """Return when each unfinished training is likely to begin and to end, by id."""
    return turns(backend.settings.http.trainings, backend.settings.http.most_trainings)


def _only_new(backend: Backend, client: Client, asked: TrainingRequest, key: str | None) -> Training:
    """Return a new training, or the one that was asked for before with the same key. Raises IdempotencyError for another."""
    root, digest = backend.settings.http.trainings, hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
    if key is None:
        return _new(backend, client, asked, new_id(), digest)
    id_ = id_of(client.id, key)
    earlier = find_training(root, client.id, id_)
    if earlier is None:
        try:
            return _new(backend, client, asked, id_, digest)
        except TakenError:  # another request with this key was faster
            earlier = find_training(root, client.id, id_)
    if earlier is None or earlier.digest != digest:
        raise IdempotencyError(key)
    return earlier


def _new(backend: Backend, client: Client, asked: TrainingRequest, id_: str, digest: str) -> Training:
    """Return a training that waits, with the weights that it starts from beside it. Raises the 422 that names the field."""
    root = backend.settings.http.trainings
    _check(root, client, asked)
    _check_room(backend, client)
    weights = None if asked.weights is None else weights_of(backend.store, client.id, asked.weights)

    def fill(folder: Folder) -> None:
        if weights is not None:
            copy_out(backend.store, weights[0], str(asked.weights), weights[1], folder / "weights")

    def allow() -> None:
        _check_room(backend, client)
        _check_data(root, client, asked)

    return new_training(
        root,
        id_,
        client.id,
        asked.kind,
        asked.data,
        asked.network or asked.cfg_name,
        asked.cfg,
        fill,
        allow,
        settings=asked.settings,
        time_budget=asked.time_budget,
        weights=asked.weights,
        digest=digest,
    )


def _check_data(root: Folder, client: Client, asked: TrainingRequest) -> None:
    if find_data(root, client.id, asked.data) is None:
        raise invalid("data", "the id of data of your own", asked.data, "no_data")


def _check(root: Folder, client: Client, asked: TrainingRequest) -> None:
    _check_data(root, client, asked)
    if (asked.network is None) == (asked.cfg is None):
        raise invalid("network, cfg", "one of them", "both" if asked.network else "none")
    for key, value in asked.settings.items():
        if not _SETTING.fullmatch(key) or "\0" in str(value):
            raise invalid("settings", "names such as learning_rate", key)
    _check_settings(asked.settings)
    if asked.cfg is not None:
        _check_cfg(asked.cfg, asked.cfg_name)


def _check_room(backend: Backend, client: Client) -> None:
    """Raise the 429 for a client with too many trainings that wait or run; it says when the first of them is likely to end."""
    root = backend.settings.http.trainings
    unfinished = [training.id for training in list_trainings(root, client.id) if not training.has_ended]
    if len(unfinished) >= MOST_UNFINISHED:
        detail = f"trainings: expected at most {MOST_UNFINISHED} that wait or run, got one more; stop one"
        known = _turns(backend)
        first = min(known.get(id_, _AT_ONCE).ends for id_ in unfinished)
        raise ProblemError(429, "quota", detail, retry_after=first)


def _check_settings(settings: Mapping[str, Value]) -> None:
    """Raise the 422 that names the setting which is unknown, of the wrong kind or out of range."""
    from onelook.training.settings import make_train_settings

    try:
        make_train_settings(settings, "settings")
    except UserError as error:
        raise from_user_error(UserError(str(error).replace("settings: ", "settings.", 1))) from None


def _check_cfg(text: str, name: str) -> None:
    try:
        parse_cfg(text, name)
    except UserError as error:
        raise from_user_error(error, "cfg") from None


@router.get("", response_model=TrainingList)
async def get_trainings(
    backend: Open,
    client: Caller,
    kind: Annotated[TrainingKind | None, Query()] = None,
    state: Annotated[TrainingState | None, Query()] = None,
    before: Annotated[str | None, Query(pattern=PLACE, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List your trainings and forecasts, newest first."""
    found = await asyncio.to_thread(list_trainings, backend.settings.http.trainings, client.id)
    wanted = [each for each in found if kind in (None, each.kind) and state in (None, each.state)]
    page, following = page_of(wanted, before, limit)
    return answer(TrainingList(trainings=[training_answer(each, None) for each in page], next=following))


@router.get("/{training_id}", response_model=TrainingAnswer)
async def get_training(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Look at a training and the latest line of its progress."""
    return answer(await asyncio.to_thread(lambda: _told(backend, find_own(backend, client, training_id))))


@router.delete("/{training_id}", status_code=204)
async def delete_training(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Remove a training or a forecast that has ended, with its run; a model that was promoted from it stays."""

    def work() -> None:
        for _ in range(_ENDING_LOOKS):  # who ran it lets go of it a moment after its end is told
            training = find_own(backend, client, training_id)
            if remove_training(backend.settings.http.trainings, training):
                return
            if not training.has_ended:
                break
            time.sleep(_ENDING_SECONDS)
        state = "ending" if training.has_ended else training.state
        detail = f"training: expected one that has ended, got one that is {state}; stop it first"
        raise ProblemError(409, "not_ended", detail)

    await asyncio.to_thread(work)
    return Response(status_code=204)


@router.post("/{training_id}/stop", status_code=202, response_model=TrainingAnswer)
async def stop_training(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Ask a training to save itself and stop; it can be resumed."""

    def work() -> TrainingAnswer:
        training = find_own(backend, client, training_id)
        return _told(backend, stop(backend.settings.http.trainings, training))

    return answer(await asyncio.to_thread(work), 202)


@router.post("/{training_id}/resume", status_code=202, response_model=TrainingAnswer)
async def resume_training(training_id: TrainingId, backend: Open, client: Caller) -> Response:
    """Let a training that was stopped, or that failed, go on from where it was saved."""
    backend.check_open()

    def work() -> TrainingAnswer:
        training = find_own(backend, client, training_id)
        try:
            return _told(backend, resume(backend.settings.http.trainings, training))
        except DataGoneError as error:
            raise ProblemError(409, "no_data", str(error)) from None
        except MovedError as error:
            raise ProblemError(409, "not_stopped", str(error)) from None

    return answer(await asyncio.to_thread(work), 202)


@router.post("/{training_id}/promote", status_code=201, response_model=PublishedVersion)
async def promote_training(training_id: TrainingId, asked: PromoteRequest, backend: Open, client: Caller) -> Response:
    """Let the best model of a training serve, under a name of yours."""
    owner = owner_of(client, asked.shared)

    def work() -> PublishedVersion:
        receiver = owner if asked.client is None else _receiver(backend, client, asked)
        training = find_own(backend, client, training_id)
        folder = run_of(backend.settings.http.trainings, training) / "model"
        if not (folder / "bundle.toml").is_file():
            raise ProblemError(409, "no_model", "training: expected one that has saved a model, got one that has not")
        try:
            return publish_run(backend.store, receiver, asked.name, folder)
        except StoreDownError:
            raise
        except UserError as error:  # our folders are not told
            raise FormatError(client_words(backend.settings.http.trainings, training, str(error))) from None

    return answer(await asyncio.to_thread(work), 201, {"Location": f"/v1/models/{asked.name}"})


def _receiver(backend: Backend, client: Client, asked: PromoteRequest) -> str:
    """Return the other client that a model shall serve. Raises the 403 for who may not, and the 422 for nobody."""
    if not client.admin:
        raise ProblemError(
            403, "no_admin", "client: expected an administrator's key to serve another client, got another"
        )
    if asked.shared or find_client(backend.database, str(asked.client)) is None:
        raise invalid("client", "the id of a client, and shared=false", asked.client, "no_client")
    return str(asked.client)


def find_own(backend: Backend, client: Client, training_id: str) -> Training:
    """Return a client's training. Raises the 404."""
    training = find_training(backend.settings.http.trainings, client.id, training_id)
    if training is None:
        raise not_found("training", training_id)
    return training


def _told(backend: Backend, training: Training) -> TrainingAnswer:
    """Return a training with the latest line of its metrics."""
    lines = progress_lines(backend.settings.http.trainings, training)
    return training_answer(training, lines[-1] if lines else None)
