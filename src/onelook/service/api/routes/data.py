"""Labelled images to train on: upload a zip, list, remove."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from onelook.service.api.answers import answer, data_answer
from onelook.service.api.backend import Open
from onelook.service.api.bodies import BINARY, document, media_type, wrong_media_type
from onelook.service.api.identity import Caller
from onelook.service.api.uploads import ZIPS, spooled
from onelook.service.messages import DataAnswer, DataList
from onelook.service.problems import ProblemError, not_found
from onelook.service.trainings.data import add_data, find_data, list_data, remove_data
from onelook.service.trainings.record import list_trainings

router = APIRouter(prefix="/v1/data", tags=["trainings"])

DataId = Annotated[str, Path(pattern=r"^[a-z0-9]{1,64}$")]


@router.post("", status_code=201, response_model=DataAnswer, openapi_extra=document(("application/zip", BINARY)))
async def post_data(
    request: Request,
    backend: Open,
    client: Caller,
    name: Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = "data",
) -> Response:
    """Upload labelled images as a zip, in any format that onelook reads."""
    backend.check_open()
    if media_type(request) not in ZIPS:
        raise wrong_media_type(request, "application/zip")
    root, most = backend.settings.http.trainings, backend.settings.http.most_data
    left = most - sum(each.bytes for each in await asyncio.to_thread(list_data, root, client.id))
    if left <= 0:
        raise ProblemError(
            409, "no_room", f"data: expected less than {most} bytes kept, got no room; remove some first"
        )
    async with spooled(request, left) as archive:
        data = await asyncio.to_thread(add_data, root, client.id, name, archive, left)
    return answer(data_answer(data), 201, {"Location": f"/v1/data/{data.id}"})


@router.get("", response_model=DataList)
async def get_data_list(backend: Open, client: Caller) -> Response:
    """List what you have uploaded, newest first."""
    found = await asyncio.to_thread(list_data, backend.settings.http.trainings, client.id)
    return answer(DataList(data=[data_answer(each) for each in found]))


@router.get("/{data_id}", response_model=DataAnswer)
async def get_data(data_id: DataId, backend: Open, client: Caller) -> Response:
    """Look at what you have uploaded."""
    found = await asyncio.to_thread(find_data, backend.settings.http.trainings, client.id, data_id)
    if found is None:
        raise not_found("data", data_id)
    return answer(data_answer(found))


@router.delete("/{data_id}", status_code=204)
async def delete_data(data_id: DataId, backend: Open, client: Caller) -> Response:
    """Remove what you have uploaded; not while a training needs it."""

    def work() -> bool:
        root = backend.settings.http.trainings
        used = [each.id for each in list_trainings(root, client.id) if each.data == data_id and not each.has_ended]
        if used:
            raise ProblemError(409, "in_use", f"data: expected none that a training needs, got one that {used[0]} does")
        return remove_data(root, client.id, data_id)

    if not await asyncio.to_thread(work):
        raise not_found("data", data_id)
    return Response(status_code=204)
