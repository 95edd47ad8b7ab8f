"""The images of a request: addresses in JSON, one image as the body, or a form with several; checked before they are accepted."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from onelook.service.api.bodies import (
    BINARY,
    checked,
    document,
    known_fields,
    media_type,
    parse_json,
    read_bytes,
    read_form,
    text_field,
    wrong_media_type,
)
from onelook.service.api.settings import HttpSettings
from onelook.service.decoding import DecodeSettings, check_image
from onelook.service.fetching import check_url
from onelook.service.jobs.job import NewJob
from onelook.service.messages import JobRequest, JobsRequest, Name, Share, Url
from onelook.service.problems import from_user_error, invalid
from onelook.structures.errors import UserError

Given = TypeVar("Given", str, bytes)

KINDS = "application/json, image/*, application/octet-stream or multipart/form-data"
_RAW = "application/octet-stream"
_MOST_JSON = 20 * 1024**2
"""Bytes of a thousand of the longest addresses with their callbacks."""
_AT_ONCE = 256 * 1024
"""Bytes of images whose headers are looked at without letting other requests go first."""
_FIELDS = {"image", "url", "model", "threshold", "callback"}


class Wishes(BaseModel):
    """What a request wants of its images; in the query beside a body that is an image."""

    model_config = ConfigDict(extra="forbid")

    model: Name | None = None
    threshold: Share | None = None
    callback: Url | None = None


class DirectWishes(BaseModel):
    """What a request for an answer at once wants."""

    model_config = ConfigDict(extra="forbid")

    model: Name | None = None
    threshold: Share | None = None


async def read_jobs(
    request: Request, wishes: Wishes, http: HttpSettings, decoding: DecodeSettings
) -> tuple[NewJob, ...]:
    """Return the images of a request, in its order, one at least. Raises the problem that names the field."""
    kind = media_type(request)
    if kind == "application/json":
        jobs = _from_json(await read_bytes(request, min(http.most_upload, _MOST_JSON)), wishes)
    elif kind.startswith("image/") or kind == _RAW:
        data = await read_bytes(request, min(http.most_upload, decoding.most_bytes))
        jobs = [_new(wishes, upload=data)]
    elif kind == "multipart/form-data":
        jobs = await _from_form(request, wishes, http)
    else:
        raise wrong_media_type(request, KINDS)
    if len(jobs) > http.most_jobs:
        raise invalid("jobs", f"at most {http.most_jobs}", len(jobs))
    if sum(len(job.upload or b"") for job in jobs) > _AT_ONCE:
        await asyncio.to_thread(_check_all, jobs, decoding)
    else:
        _check_all(jobs, decoding)
    return tuple(jobs)


def _from_json(body: bytes, wishes: Wishes) -> list[NewJob]:
    value = parse_json(body)
    many = isinstance(value, dict) and "jobs" in value
    asked = checked(JobsRequest, value).jobs if many else [checked(JobRequest, value)]
    return [
        NewJob(
            each.url,
            None,
            each.model or wishes.model,
            wishes.threshold if each.threshold is None else each.threshold,
            each.callback or wishes.callback,
        )
        for each in asked
    ]


async def _from_form(request: Request, wishes: Wishes, http: HttpSettings) -> list[NewJob]:
    """Return the images of a form: each `image` is a file, each `url` an address; other fields are for all of them."""
    form = await read_form(request, http.most_upload, http.most_jobs)
    try:
        known_fields(form, _FIELDS)
        own = {name: text_field(form, name) for name in ("model", "threshold", "callback")}
        given = {name: value for name, value in own.items() if value not in (None, "")}
        wishes = checked(Wishes, {**wishes.model_dump(), **given})
        jobs = []
        for name, value in form.multi_items():
            if name == "image" and not isinstance(value, str):
                jobs.append(_new(wishes, upload=await value.read()))
            elif name == "image":
                raise invalid("image", "a file", "text")
            elif name == "url":
                jobs.append(_new(wishes, url=str(value)))
    finally:
        await form.close()
    if not jobs:
        raise invalid("image, url", "one at least", "none")
    return jobs


def _new(wishes: Wishes, url: str | None = None, upload: bytes | None = None) -> NewJob:
    return NewJob(url, upload, wishes.model, wishes.threshold, wishes.callback)


def _check_all(jobs: list[NewJob], decoding: DecodeSettings) -> None:
    for number, job in enumerate(jobs):
        _check(job, number if len(jobs) > 1 else None, decoding)


def _check(job: NewJob, number: int | None, decoding: DecodeSettings) -> None:
    """Raise the 422 for an address that is none, and for an upload that can be no picture."""
    place = "" if number is None else f"jobs.{number}."
    if job.upload is not None:
        _name_field(f"{place}image", lambda data: check_image(data, decoding), job.upload)
    if job.url is not None:
        _name_field(f"{place}url", check_url, job.url)
    if job.callback is not None:
        _name_field(f"{place}callback", check_url, job.callback)


def _name_field(field: str, check: Callable[[Given], object], value: Given) -> None:
    """Raise the 422 that names the field when `check` refuses the value."""
    try:
        check(value)
    except UserError as error:
        raise from_user_error(error, field) from None


def digest_of(jobs: tuple[NewJob, ...]) -> str:
    """Return the sha256 of what a request asks for, the same whatever form it came in."""
    whole = hashlib.sha256()
    for job in jobs:
        picture = hashlib.sha256(job.upload).hexdigest() if job.upload is not None else ""
        whole.update(repr((job.url, picture, job.model, job.threshold, job.callback)).encode())
    return whole.hexdigest()


BODY = document(
    (
        "application/json",
        {"anyOf": [{"$ref": f"#/components/schemas/{kind}"} for kind in ("JobRequest", "JobsRequest")]},
    ),
    ("image/*", BINARY),
    (
        "multipart/form-data",
        {
            "type": "object",
            "properties": {
                "image": {"type": "array", "items": BINARY},
                "url": {"type": "array", "items": {"type": "string"}},
                "model": {"type": "string"},
                "threshold": {"type": "number", "minimum": 0, "maximum": 1},
                "callback": {"type": "string"},
            },
        },
    ),
)
"""What POST /v1/jobs takes."""
