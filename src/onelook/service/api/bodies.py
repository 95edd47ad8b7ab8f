"""Request bodies, read in bounds: JSON, one image as it is, or a form with files."""

import json
from typing import Annotated, Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.types import Message

from onelook.service.problems import ProblemError, error_of, invalid

Asked = TypeVar("Asked", bound=BaseModel)
_MOST_FIELD = 1024**2
_MOST_FIELDS = 100


def media_type(request: Request) -> str:
    """Return the body's media type in lower case, without parameters; empty where none is told."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def wrong_media_type(request: Request, known: str) -> ProblemError:
    """Return the 415 that names what is taken here."""
    came = media_type(request) or "none"
    return ProblemError(415, "media_type", f"Content-Type: expected {known}, got {came!r}")


def bounded(request: Request, most: int) -> Request:
    """Return the same request, whose body raises the 413 as soon as it has more than `most` bytes."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise _too_large(most, told)
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > most:
            raise _too_large(most, "more")
        return message

    return Request(request.scope, receive)


def _too_large(most: int, came: str) -> ProblemError:
    told = error_of("body", f"at most {most} bytes", came)
    return ProblemError(413, "too_large", f"body: expected at most {most} bytes, got {came}", [told])


async def read_bytes(request: Request, most: int) -> bytes:
    """Return the body. Raises the 413."""
    return await bounded(request, most).body()


async def read_form(request: Request, most: int, most_files: int) -> FormData:
    """Return a form's fields and files; who reads it closes it. Raises the 413, and the 400 for a form that is broken."""
    return await bounded(request, most).form(max_files=most_files, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD)


def parse_json(body: bytes) -> Any:
    """Return what a body of JSON holds. Raises the 400 that says where it breaks off."""
    try:
        return json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        place = error.pos if isinstance(error, json.JSONDecodeError) else 0
        raise ProblemError(
            400,
            "not_json",
            f"body: expected JSON, got something else at character {place}",
            [{"field": "body", "expected": "JSON", "got": f"something else at character {place}"}],
        ) from None


def checked(kind: type[Asked], value: Any) -> Asked:
    """Return `value` as `kind`. Raises the 422 that names the fields."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None


def text_field(form: FormData, name: str) -> str | None:
    """Return a form's field; None where it is absent. Raises the 422 when it came as a file."""
    value = form.get(name)
    if value is None or isinstance(value, str):
        return value
    raise invalid(name, "text", "a file")


def known_fields(form: FormData, known: set[str]) -> None:
    """Raise the 422 for a field that nobody knows."""
    for name in form:
        if name not in known:
            raise invalid(name[:100], f"one of {', '.join(sorted(known))}", "a field of another name")


def document(*kinds: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that comes in several media types."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind, schema in kinds}}}


BINARY: Annotated[dict[str, Any], "schema of bytes"] = {"type": "string", "format": "binary"}
