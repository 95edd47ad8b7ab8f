"""schemathesis asks every operation of the document what nobody thought of; nothing may be a fault, or not as documented."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.service.api.conftest import below

from onelook.service.api.app import create_app
from onelook.service.api.protocol import Protocol
from onelook.service.client import Service
from onelook.service.clients import add_client, add_key
from onelook.service.models.names import SHARED
from onelook.service.models.store import promote, publish

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Asked = tuple[str, str, dict[str, str]]
NOTHING_TO_GET_WRONG = {"/healthz", "/readyz"}
KNOWN_503 = {"/v1/detect"}
"""Without a worker these answer 503, as documented."""


@pytest.fixture(scope="module", autouse=True)
def binary_bodies() -> None:
    """Let schemathesis send archives and images as the bytes that they are."""
    schemathesis.serializer.alias(["application/zip", "image/*"], "application/octet-stream")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Asked]:
    """Give the address of an API on a socket, an administrator's key, and names of what is there."""
    chosen = below(tmp_path_factory.mktemp("asked"))
    app = create_app(replace(chosen, http=replace(chosen.http, most_wait=0.2)))
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Protocol, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    backend = app.state.backend
    promote(backend.store, SHARED, "default", publish(backend.store, SHARED, "default", bundle).version)
    key = add_key(backend.database, add_client(backend.database, "asking", admin=True).id)
    assert key is not None
    port = server.servers[0].sockets[0].getsockname()[1]
    address, secret = f"http://127.0.0.1:{port}", key.secret
    with Service(address, secret) as service:
        made = service.publish("cells", bundle)
        other = service.add_client("another")
        (job,) = service.post("http://archive.example/1.jpg")
    yield address, secret, {"job_id": job, "name": "cells", "version": made.version, "client_id": other.id}
    server.should_exit = True
    thread.join()


def ask_everything(address: str, key: str, there: dict[str, str], mode: GenerationMode, examples: int) -> int:
    """Return how many requests were made; raise what schemathesis finds."""
    schema: Any = schemathesis.openapi.from_dict(create_app().openapi())
    how = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    asked = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and operation.path in NOTHING_TO_GET_WRONG:
            continue

        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            if asked % 2:  # every other request is about something that is there
                case.path_parameters.update({name: there[name] for name in case.path_parameters if name in there})
            answer = case.call(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30)
            checks = CHECKS[1:] if case.operation.path in KNOWN_503 and answer.status_code == 503 else CHECKS
            case.validate_response(answer, checks=checks)

        how(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    return asked


def test_no_request_is_a_fault_or_answered_otherwise_than_documented(served: Asked) -> None:
    assert ask_everything(*served, GenerationMode.POSITIVE, 2) > 40


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_many_requests_find_nothing(served: Asked, mode: GenerationMode) -> None:
    assert ask_everything(*served, mode, 6) > 80
