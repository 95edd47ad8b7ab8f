"""Clients, their keys and limits: for an administrator; and what a client may know of itself."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Response

from onelook.service.api.answers import answer, client_answer, key_answer, queue_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.identity import MANAGES, Administrator, Caller
from onelook.service.clients import add_client, add_key, change_client, find_client, list_clients, list_keys, revoke_key
from onelook.service.jobs.listing import numbers
from onelook.service.messages import (
    ClientAnswer,
    ClientChange,
    ClientList,
    KeyList,
    NewClient,
    NewKeyAnswer,
    NewKeyRequest,
    SelfAnswer,
)
from onelook.service.problems import ProblemError, not_found

router = APIRouter(prefix="/v1", tags=["clients"])

Id = Annotated[str, Path(pattern=r"^[a-z0-9]{1,64}$")]


@router.get("/self", response_model=SelfAnswer)
async def get_self(backend: Open, client: Caller) -> Response:
    """Tell who you are by your key, and how your jobs stand."""
    counts = await asyncio.to_thread(numbers, backend.database)
    own = [queue_answer(each) for each in counts if each.client_id == client.id]
    return answer(SelfAnswer(client=client_answer(client), queues=own))


@router.get("/clients", response_model=ClientList, dependencies=[MANAGES])
async def get_clients(backend: Open) -> Response:
    """List every client."""
    found = await asyncio.to_thread(list_clients, backend.database)
    return answer(ClientList(clients=[client_answer(each) for each in found]))


@router.post("/clients", status_code=201, response_model=ClientAnswer, dependencies=[MANAGES])
async def post_client(asked: NewClient, backend: Open) -> Response:
    """Add a client; it has no key yet."""
    made = await asyncio.to_thread(
        add_client,
        backend.database,
        asked.name,
        asked.weight,
        asked.max_waiting,
        asked.jobs_per_minute,
        asked.admin,
    )
    return answer(client_answer(made), 201, {"Location": f"/v1/clients/{made.id}"})


@router.get("/clients/{client_id}", response_model=ClientAnswer, dependencies=[MANAGES])
async def get_client(client_id: Id, backend: Open) -> Response:
    """Look at a client."""
    found = await asyncio.to_thread(find_client, backend.database, client_id)
    if found is None:
        raise not_found("client", client_id)
    return answer(client_answer(found))


@router.patch("/clients/{client_id}", response_model=ClientAnswer)
async def patch_client(client_id: Id, asked: ClientChange, backend: Open, admin: Administrator) -> Response:
    """Change a client's name, weight, quotas or rights, or disable it."""
    changes = asked.model_dump(exclude_none=True)
    if client_id == admin.id and (changes.get("disabled") or changes.get("admin") is False):
        raise ProblemError(409, "own_rights", "client: expected another than yourself to lose its rights, got yourself")
    changed = await asyncio.to_thread(lambda: change_client(backend.database, client_id, **changes))
    if changed is None:
        raise not_found("client", client_id)
    backend.forget_keys()
    return answer(client_answer(changed))


@router.get("/clients/{client_id}/keys", response_model=KeyList, dependencies=[MANAGES])
async def get_keys(client_id: Id, backend: Open) -> Response:
    """List a client's keys; the secrets are not kept."""
    await _must_exist(backend, client_id)
    found = await asyncio.to_thread(list_keys, backend.database, client_id)
    return answer(KeyList(keys=[key_answer(each) for each in found]))


@router.post("/clients/{client_id}/keys", status_code=201, response_model=NewKeyAnswer, dependencies=[MANAGES])
async def post_key(client_id: Id, asked: NewKeyRequest, backend: Open) -> Response:
    """Make a key; its secret is told this once."""
    made = await asyncio.to_thread(add_key, backend.database, client_id, asked.label)
    if made is None:
        raise not_found("client", client_id)
    return answer(NewKeyAnswer(id=made.id, secret=made.secret), 201)


@router.delete("/clients/{client_id}/keys/{key_id}", status_code=204, dependencies=[MANAGES])
async def delete_key(client_id: Id, key_id: Id, backend: Open) -> Response:
    """Revoke a key."""
    await _must_exist(backend, client_id)
    known = await asyncio.to_thread(list_keys, backend.database, client_id)
    if key_id not in {each.id for each in known}:
        raise not_found("key", key_id)
    await asyncio.to_thread(revoke_key, backend.database, key_id)
    backend.forget_keys()
    return Response(status_code=204)


async def _must_exist(backend: Backend, client_id: str) -> None:
    if await asyncio.to_thread(find_client, backend.database, client_id) is None:
        raise not_found("client", client_id)
