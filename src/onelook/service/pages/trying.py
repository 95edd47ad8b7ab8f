"""The page Try: a picture, a model, and what it sees."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from onelook.service.api.backend import Open
from onelook.service.pages.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/")
async def get_try(request: Request, backend: Open) -> HTMLResponse:
    """Show the page; its script asks the API. `?model=` chooses a model beforehand."""
    http, decoding = backend.settings.http, backend.settings.decoding
    limits = {"bytes": min(http.most_upload, decoding.most_bytes), "pixels": decoding.most_pixels}
    return await page(request, backend, "try", {"limits": limits})
