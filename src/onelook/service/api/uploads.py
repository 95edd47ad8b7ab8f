"""Large uploads: kept in a file while they come, never in memory."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from fastapi import Request

from onelook.service.api.bodies import bounded

ZIPS = frozenset({"application/zip", "application/x-zip-compressed", "application/octet-stream"})


@asynccontextmanager
async def spooled(request: Request, most: int) -> AsyncIterator[BinaryIO]:
    """Give the body as a file at its beginning; it is gone with the block. Raises the 413."""
    with tempfile.TemporaryFile() as file:
        async for chunk in bounded(request, most).stream():
            file.write(chunk)
        file.seek(0)
        yield file
