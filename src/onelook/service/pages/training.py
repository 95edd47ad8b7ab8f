"""The page Train: data that is checked, a network, hyperparameters, a forecast that follows them, and the start."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from onelook.service.api.backend import Open
from onelook.service.pages.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/train")
async def get_train(request: Request, backend: Open) -> HTMLResponse:
    """Show the form; `?from=` fills in what another training was told, `?data=` chooses data beforehand."""
    http = backend.settings.http
    return await page(request, backend, "train", {"roots": http.data_roots, "most_data": http.most_data})
