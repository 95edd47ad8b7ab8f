"""`create_app`: the whole HTTP API, and the pages. Making it opens nothing; what it works on is opened when it starts."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.types import Receive, Scope, Send

from onelook import __version__
from onelook.service.api.backend import Backend
from onelook.service.api.callbacks import send_callbacks
from onelook.service.api.front import Front
from onelook.service.api.metrics import RequestNumbers
from onelook.service.api.observing import Observing
from onelook.service.api.refusals import answer_to
from onelook.service.api.routes import clients, data, detect, grids, health, jobs, models, service, trainings, watching
from onelook.service.api.strict import STRICT
from onelook.service.configuration import AllSettings
from onelook.service.database import DatabaseDownError
from onelook.service.jobs.expiry import expire_all
from onelook.service.messages import JobRequest, JobsRequest, ProblemDocument
from onelook.service.pages.problem import as_page
from onelook.service.pages.table import PAGES
from onelook.service.problems import MEDIA_TYPE, install_problems
from onelook.service.training_messages import DataPath

EXPIRE_SECONDS = 30.0
CALLBACK_SECONDS = 1.0
_log = logging.getLogger(__name__)

_PROBLEM = {
    "description": "A problem, as RFC 9457 has it",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}
_DESCRIPTION = """Post images, get what is on them: by a model of your own, which is never mixed with another client's.

Every mistake is answered as `application/problem+json` that says which field, what was expected and what came.
`429` and `503` say in `Retry-After` when it is worth asking again."""


def create_app(settings: AllSettings | None = None) -> FastAPI:
    """Return the app. Its database, model store and threads are opened when it starts, and closed when it ends."""
    settings = settings or AllSettings()
    numbers = RequestNumbers()

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        backend = await asyncio.to_thread(Backend, settings, numbers)
        app.state.backend = backend
        ended = asyncio.Event()
        chores = (
            _again(EXPIRE_SECONDS, ended, lambda: expire_all(backend.database, settings.service, ended.is_set)),
            _again(CALLBACK_SECONDS, ended, lambda: send_callbacks(backend)),
        )
        tasks = [asyncio.create_task(chore) for chore in chores]
        try:
            yield
        finally:
            ended.set()
            await asyncio.gather(*tasks, backend.waiters.close(), backend.pace.close())
            backend.lines.close()
            await asyncio.to_thread(backend.close)

    app = _App(
        numbers,
        title="onelook",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=running,
        responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
        generate_unique_id_function=lambda route: route.name,
        redoc_url=None,
        docs_url=None,
    )
    for resource in (jobs, detect, models, data, watching, trainings, grids, clients, service):
        app.include_router(resource.router, dependencies=[STRICT])
    app.include_router(health.router)
    for router in PAGES:
        app.include_router(router)
    install_problems(app, as_page(answer_to))
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


class _App(FastAPI):
    """FastAPI, before whose own layers stands what notes every request, and answers those that are asked most.

    Its layers take a sixth of such a request's time, and have nothing to do for it.
    """

    def __init__(self, numbers: RequestNumbers, **settings: Any) -> None:
        super().__init__(**settings)
        handlers = {("POST", "/v1/jobs"): jobs.post_jobs, ("POST", "/v1/detect"): detect.detect}
        self._front = Observing(Front(super().__call__, handlers), numbers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["app"] = self
        await self._front(scope, receive, send)


async def _again(seconds: float, ended: asyncio.Event, work: Callable[[], object]) -> None:
    """Do `work` in a thread, again and again until the end; a time that fails is told in the log and tried again."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), seconds)
            return
        try:
            await asyncio.to_thread(work)
        except DatabaseDownError as error:
            _log.warning("%s", error)
        except Exception:
            _log.exception("a chore failed")


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document, with the messages that routes read by themselves."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        _, read = models_json_schema(
            [(kind, "validation") for kind in (DataPath, JobRequest, JobsRequest, ProblemDocument)],
            ref_template="#/components/schemas/{model}",
        )
        made["components"]["schemas"].update(read["$defs"])
        app.openapi_schema = made
    return app.openapi_schema
