"""The pages' styles, scripts and pictures, under an address that changes with their content: browsers may keep them for ever."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from onelook.service.pages.places import UI
from onelook.service.problems import not_found

router = APIRouter(include_in_schema=False)

_FOLDER = UI / "static"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
_KEPT = "public, max-age=31536000, immutable"
_ASKED_AGAIN = "no-cache"


@functools.cache
def static_files() -> Mapping[str, Path]:
    """Return every file by its path below `ui/static`, such as `scripts/try.js`."""
    found = sorted(path for path in _FOLDER.rglob("*") if path.suffix in _KINDS)
    return {path.relative_to(_FOLDER).as_posix(): path for path in found}


@functools.cache
def static_version() -> str:
    """Return a word for the content of all of them, the same in every process of the service."""
    whole = hashlib.sha256()
    for name, path in static_files().items():
        whole.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]


def static_address(name: str) -> str:
    """Return a file's address. Raises KeyError for one that is not there."""
    if name not in static_files():
        raise KeyError(name)
    return f"/static/{static_version()}/{name}"


@router.get("/static/{version}/{name:path}")
async def get_static(version: str, name: str) -> FileResponse:
    """Give a file; only what was listed can be had, whatever the path says."""
    path = static_files().get(name)
    if path is None:
        raise not_found("file", name)
    kept = _KEPT if version == static_version() else _ASKED_AGAIN
    headers = {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, headers=headers, media_type=_KINDS[path.suffix])
