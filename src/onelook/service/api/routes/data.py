"""Labelled images to train on: upload a zip, list, look at, check, divide, remove."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from onelook.service.api.answers import answer, data_answer, picture_answer
from onelook.service.api.backend import Backend, Open
from onelook.service.api.bodies import (
    BINARY,
    checked,
    document,
    media_type,
    parse_json,
    read_bytes,
    wrong_media_type,
)
from onelook.service.api.data_answers import check_answer, image_answer
from onelook.service.api.identity import Caller
from onelook.service.api.uploads import ZIPS, spooled
from onelook.service.clients import Client
from onelook.service.problems import ProblemError, not_found
from onelook.service.training_messages import DataAnswer, DataCheck, DataList, DataPath, ImageList, SplitRequest
from onelook.service.trainings import looking
from onelook.service.trainings.data import (
    Data,
    DataUsedError,
    add_data,
    add_path,
    data_path,
    divide_data,
    find_data,
    list_data,
    remove_data,
)

router = APIRouter(prefix="/v1/data", tags=["trainings"])

_MOST_JSON = 64 * 1024

DataId = Annotated[str, Path(pattern=r"^[a-z0-9]{1,64}$")]


_BODY = document(("application/zip", BINARY), ("application/json", {"$ref": "#/components/schemas/DataPath"}))


@router.post("", status_code=201, response_model=DataAnswer, openapi_extra=_BODY)
async def post_data(
    request: Request,
    backend: Open,
    client: Caller,
    name: Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = "data",
) -> Response:
    """Upload labelled images as a zip, in any format that onelook reads; or name, as JSON, a folder that the server allows."""
    backend.check_open()
    root, roots = backend.settings.http.trainings, backend.settings.http.data_roots
    if media_type(request) == "application/json":
        asked = checked(DataPath, parse_json(await read_bytes(request, _MOST_JSON)))
        data = await asyncio.to_thread(add_path, root, client.id, asked.name, asked.path, roots)
    elif media_type(request) in ZIPS:
        left = await asyncio.to_thread(_room, backend, client)
        async with spooled(request, left) as archive:
            allow = partial(_allow, backend, client)
            data = await asyncio.to_thread(add_data, root, client.id, name, archive, left, allow)
    else:
        raise wrong_media_type(request, "application/zip or application/json")
    return answer(data_answer(data), 201, {"Location": f"/v1/data/{data.id}"})


def _room(backend: Backend, client: Client) -> int:
    """Return the bytes of data that a client may still keep. Raises the 409 for none."""
    root, most = backend.settings.http.trainings, backend.settings.http.most_data
    left = most - sum(each.bytes for each in list_data(root, client.id))
    if left <= 0:
        raise ProblemError(
            409, "no_room", f"data: expected less than {most} bytes kept, got no room; remove some first"
        )
    return left


def _allow(backend: Backend, client: Client, size: int) -> None:
    """Raise the 409 for data that would be more than a client may keep, as when two uploads came at the same time."""
    left = _room(backend, client)
    if size > left:
        raise ProblemError(409, "no_room", f"data: expected at most {left} bytes more, got {size}; remove some first")


@router.get("", response_model=DataList)
async def get_data_list(backend: Open, client: Caller) -> Response:
    """List what you have uploaded, newest first."""
    found = await asyncio.to_thread(list_data, backend.settings.http.trainings, client.id)
    return answer(DataList(data=[data_answer(each) for each in found]))


@router.get("/{data_id}", response_model=DataAnswer)
async def get_data(data_id: DataId, backend: Open, client: Caller) -> Response:
    """Look at what you have uploaded."""
    return answer(data_answer(await asyncio.to_thread(find_own_data, backend, client, data_id)))


@router.get("/{data_id}/check", response_model=DataCheck)
async def check_data(data_id: DataId, backend: Open, client: Caller) -> Response:
    """Find what is wrong with the data, all of it, and count what there is; the first time every picture is looked at."""

    def work() -> DataCheck:
        data = find_own_data(backend, client, data_id)
        top = data_path(backend.settings.http.trainings, client.id, data_id)
        return check_answer(looking.checked(top, data.path is not None), top)

    async with backend.looks:
        return answer(await asyncio.to_thread(work))


@router.get("/{data_id}/images", response_model=ImageList)
async def get_images(
    data_id: DataId,
    backend: Open,
    client: Caller,
    split: Annotated[str | None, Query(max_length=64)] = None,
    name: Annotated[str | None, Query(alias="class", max_length=500, description="A class that is on them")] = None,
    code: Annotated[str | None, Query(max_length=64, description="Of a finding about them")] = None,
    start: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 24,
) -> Response:
    """List the data's pictures with their boxes, those of a split, of a class, or guilty of a fault."""

    def work() -> ImageList:
        data = find_own_data(backend, client, data_id)
        top, changes = data_path(backend.settings.http.trainings, client.id, data_id), data.path is not None
        chosen = looking.choose(top, changes, looking.Wanted(split, name, code))
        dataset = looking.look(top, changes)
        shown = [image_answer(dataset, number, top) for number in chosen[start : start + limit]]
        return ImageList(total=len(chosen), images=shown)

    async with backend.looks:
        return answer(await asyncio.to_thread(work))


@router.get(
    "/{data_id}/images/{number}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {"schema": BINARY}}}},
)
async def get_picture(
    data_id: DataId,
    number: Annotated[int, Path(ge=0, le=10_000_000)],
    backend: Open,
    client: Caller,
    side: Annotated[int, Query(ge=32, le=2048, description="Most pixels of its longer side")] = 320,
) -> Response:
    """Look at one picture, as it is shown, reduced to a JPEG."""

    def work() -> bytes:
        data = find_own_data(backend, client, data_id)
        top = data_path(backend.settings.http.trainings, client.id, data_id)
        dataset = looking.look(top, data.path is not None)
        if number >= len(dataset):
            raise not_found("picture", str(number))
        return looking.thumbnail(dataset.paths[number], side, backend.settings.decoding.most_pixels)

    async with backend.looks:
        return picture_answer(await asyncio.to_thread(work))


@router.post("/{data_id}/split", status_code=201, response_model=DataAnswer)
async def split_data(data_id: DataId, asked: SplitRequest, backend: Open, client: Caller) -> Response:
    """Keep the same pictures once more, divided anew, every class alike; what was there stays as it is."""

    def work() -> Data:
        data, root = find_own_data(backend, client, data_id), backend.settings.http.trainings
        _room(backend, client)
        return divide_data(root, client.id, data, asked.ratios, asked.seed, partial(_allow, backend, client))

    async with backend.looks:
        made = await asyncio.to_thread(work)
    return answer(data_answer(made), 201, {"Location": f"/v1/data/{made.id}"})


@router.delete("/{data_id}", status_code=204)
async def delete_data(data_id: DataId, backend: Open, client: Caller) -> Response:
    """Remove what you have uploaded; not while a training needs it."""

    def work() -> bool:
        try:
            return remove_data(backend.settings.http.trainings, client.id, data_id)
        except DataUsedError as error:
            raise ProblemError(409, "in_use", str(error)) from None

    if not await asyncio.to_thread(work):
        raise not_found("data", data_id)
    return Response(status_code=204)


def find_own_data(backend: Backend, client: Client, data_id: str) -> Data:
    """Return a client's data. Raises the 404."""
    found = find_data(backend.settings.http.trainings, client.id, data_id)
    if found is None:
        raise not_found("data", data_id)
    return found
