"""Models: upload versions, let one serve, go back; a client's own, or shared with all by an administrator."""

import asyncio
from collections.abc import Callable
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import FormData, UploadFile

from onelook.service.api.answers import answer, moment
from onelook.service.api.backend import Backend, Open
from onelook.service.api.bodies import BINARY, document, known_fields, media_type, read_form, wrong_media_type
from onelook.service.api.identity import Caller
from onelook.service.api.publishing import owner_of, publish_darknet, publish_zip
from onelook.service.api.uploads import ZIPS, spooled
from onelook.service.clients import Client
from onelook.service.messages import (
    ModelAnswer,
    ModelFaultAnswer,
    ModelList,
    PublishedVersion,
    VersionAnswer,
)
from onelook.service.models.faults import faults, forget
from onelook.service.models.names import SHARED
from onelook.service.models.store import current, model_names, promote, remove_version, roll_back, versions
from onelook.service.problems import invalid, not_found

router = APIRouter(prefix="/v1/models", tags=["models"])

ModelName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Version = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}$")]
Shared = Annotated[bool, Query(description="The shared model of this name, in place of your own")]

_BODY = document(
    ("application/zip", BINARY),
    (
        "multipart/form-data",
        {
            "type": "object",
            "properties": dict.fromkeys(("bundle", "cfg", "weights", "names"), BINARY),
        },
    ),
)


@router.get("", response_model=ModelList)
async def get_models(backend: Open, client: Caller) -> Response:
    """List your models and the shared ones."""

    def work() -> list[ModelAnswer]:
        return [
            _told(backend, owner, name) for owner in (client.id, SHARED) for name in model_names(backend.store, owner)
        ]

    return answer(ModelList(models=await asyncio.to_thread(work)))


@router.get("/{name}", response_model=ModelAnswer)
async def get_model(name: ModelName, backend: Open, client: Caller, shared: Shared = False) -> Response:
    """Look at a model: its versions, which one serves, and which would not load."""
    owner = SHARED if shared else client.id
    return answer(await asyncio.to_thread(lambda: _found(backend, owner, name)))


@router.post("/{name}/versions", status_code=201, response_model=PublishedVersion, openapi_extra=_BODY)
async def post_version(
    request: Request,
    name: ModelName,
    backend: Open,
    client: Caller,
    shared: Shared = False,
    promote: Annotated[bool | None, Query(description="Whether it serves at once; left out: if none does yet")] = None,
) -> Response:
    """Upload a version: a bundle as a zip, or a form with `cfg`, `weights` and perhaps `names`."""
    backend.check_open()
    owner, most = owner_of(client, shared), backend.settings.http.most_model
    if media_type(request) in ZIPS:
        async with spooled(request, most) as archive:
            made = await asyncio.to_thread(publish_zip, backend.store, owner, name, archive, most, promote)
    elif media_type(request) == "multipart/form-data":
        form = await read_form(request, most, 4)
        try:
            made = await asyncio.to_thread(_from_form, backend, owner, name, form, promote)
        finally:
            await form.close()
    else:
        raise wrong_media_type(request, "application/zip or multipart/form-data")
    return answer(made, 201, {"Location": f"/v1/models/{name}"})


def _from_form(backend: Backend, owner: str, name: str, form: FormData, promote: bool | None) -> PublishedVersion:
    known_fields(form, {"bundle", "cfg", "weights", "names"})
    files: dict[str, BinaryIO] = {}
    for field, value in form.items():
        if not isinstance(value, UploadFile):
            raise invalid(field, "a file", "text")
        files[field] = value.file
    if set(files) == {"bundle"}:
        most = backend.settings.http.most_model
        return publish_zip(backend.store, owner, name, files["bundle"], most, promote)
    if not {"cfg", "weights"} <= set(files) <= {"cfg", "weights", "names"}:
        raise invalid(
            "form", "`bundle`, or `cfg` and `weights` and perhaps `names`", ", ".join(sorted(files)) or "no file"
        )
    return publish_darknet(backend.store, owner, name, files, promote)


@router.post("/{name}/versions/{version}/promote", response_model=ModelAnswer)
async def promote_version(
    name: ModelName, version: Version, backend: Open, client: Caller, shared: Shared = False
) -> Response:
    """Let a version serve, from the next batch on."""

    def change(owner: str) -> None:
        _check_version(backend, owner, name, version)
        promote(backend.store, owner, name, version)

    return await _changed(backend, client, name, shared, change)


@router.post("/{name}/rollback", response_model=ModelAnswer)
async def roll_back_model(name: ModelName, backend: Open, client: Caller, shared: Shared = False) -> Response:
    """Let the version serve again that did before."""

    def change(owner: str) -> None:
        _found(backend, owner, name)
        roll_back(backend.store, owner, name)

    return await _changed(backend, client, name, shared, change)


async def _changed(
    backend: Backend, client: Client, name: str, shared: bool, change: Callable[[str], None]
) -> Response:
    """Answer the model as it is after `change`, which is given its owner. Raises the 403 of who may not change it."""
    owner = owner_of(client, shared)

    def work() -> ModelAnswer:
        change(owner)
        return _told(backend, owner, name)

    return answer(await asyncio.to_thread(work))


@router.delete("/{name}/versions/{version}", status_code=204)
async def delete_version(
    name: ModelName, version: Version, backend: Open, client: Caller, shared: Shared = False
) -> Response:
    """Remove a version that does not serve."""
    owner = owner_of(client, shared)

    def work() -> None:
        _check_version(backend, owner, name, version)
        remove_version(backend.store, owner, name, version)
        forget(backend.database, owner, name, version)

    await asyncio.to_thread(work)
    return Response(status_code=204)


def _check_version(backend: Backend, owner: str, name: str, version: str) -> None:
    if version not in {each.version for each in versions(backend.store, owner, name)}:
        raise not_found("version", f"{name}@{version}")


def _found(backend: Backend, owner: str, name: str) -> ModelAnswer:
    told = _told(backend, owner, name)
    if not told.versions:
        raise not_found("model", name)
    return told


def _told(backend: Backend, owner: str, name: str) -> ModelAnswer:
    latest = current(backend.store, owner, name)
    return ModelAnswer(
        name=name,
        shared=owner == SHARED,
        current=latest.version if latest else None,
        history=list(latest.history) if latest else [],
        versions=[
            VersionAnswer(version=each.version, created_at=moment(each.created_at), bytes=each.size)
            for each in versions(backend.store, owner, name)
        ],
        faults=[ModelFaultAnswer.model_validate(vars(each)) for each in faults(backend.database, owner, name)],
    )
