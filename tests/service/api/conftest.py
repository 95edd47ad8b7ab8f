"""An API on a database of its own, with clients, keys, a model, and a worker that is led by hand."""

import io
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow
from tests.service.holding import done, take
from tests.structures.small_models import small_bundle

from onelook.service.api.app import create_app
from onelook.service.api.backend import Backend
from onelook.service.api.settings import HttpSettings
from onelook.service.clients import Client, add_client, add_key
from onelook.service.configuration import AllSettings
from onelook.service.models.names import SHARED
from onelook.service.models.store import promote, publish
from onelook.service.problems import MEDIA_TYPE
from onelook.service.settings import ServiceSettings
from onelook.structures.bundle import write_bundle

URL = "http://archive.example/picture.jpg"


@dataclass(frozen=True)
class Api:
    """The API as a test uses it: three clients with keys, one of them an administrator."""

    http: TestClient
    backend: Backend
    clients: dict[str, Client]
    keys: dict[str, str] = field(repr=False)

    def ask(self, method: str, path: str, by: str = "anna", **more: Any) -> Any:
        """Return the answer to a client's request."""
        headers = {"Authorization": f"Bearer {self.keys[by]}"} | more.pop("headers", {})
        return self.http.request(method, path, headers=headers, **more)

    def add(self, name: str, **limits: Any) -> None:
        """Add a client with a key; its name in the database is told apart from other tests'."""
        client = add_client(self.backend.database, f"{name} {uuid.uuid4().hex[:8]}", **limits)
        key = add_key(self.backend.database, client.id)
        assert key is not None
        self.clients[name], self.keys[name] = client, key.secret

    def post(self, by: str = "anna", **more: Any) -> str:
        """Return the id of a job that was accepted."""
        answer = self.ask("POST", "/v1/jobs", by, **(more or {"json": {"url": URL}}))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["jobs"][0]["id"])

    def work(self) -> set[str]:
        """Do what a worker would take, and return the ids."""
        settings = self.backend.settings.service
        return done(self.backend.database, settings, take(self.backend.database, settings))


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Return a problem's members, after a look at what every problem has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"urn:onelook:problem:{code}", told
    assert told["status"] == status
    return told


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small detector."""
    folder = tmp_path_factory.mktemp("small") / "bundle"
    write_bundle(folder, small_bundle())
    return folder


@pytest.fixture
def picture() -> bytes:
    """Return a small JPEG."""
    file = io.BytesIO()
    Pillow.new("RGB", (40, 30), (90, 120, 30)).save(file, "JPEG")
    return file.getvalue()


def below(folder: Path) -> AllSettings:
    """Return settings with everything below a folder, and short times."""
    service = ServiceSettings(
        database=f"sqlite:///{folder / 'onelook.db'}",
        models=str(folder / "models"),
        cache=folder / "cache",
        retry_delay=0.05,
        steal_after=0,
        model_refresh=0,
    )
    http = HttpSettings(trainings=folder / "trainings", most_trainings=0, key_seconds=0, most_upload=1024**2)
    return AllSettings(service, http)


@contextmanager
def serving(settings: AllSettings, bundle: Path) -> Iterator[TestClient]:
    """Give an API that runs, with a shared model."""
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        store = app.state.backend.store
        promote(store, SHARED, "default", publish(store, SHARED, "default", bundle).version)
        yield client


def with_clients(http: TestClient) -> Api:
    """Return an API with three new clients."""
    app: Any = http.app
    api = Api(http, app.state.backend, {}, {})
    for name in ("anna", "bert", "admin"):
        api.add(name, admin=name == "admin")
    return api


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[TestClient]:
    """Give one API for all tests that look at their own clients alone."""
    with serving(below(tmp_path_factory.mktemp("service")), bundle) as http:
        yield http


@pytest.fixture
def api(running: TestClient) -> Api:
    """Return that API with clients of one's own."""
    return with_clients(running)


Start = Callable[..., Api]


@pytest.fixture
def start(tmp_path: Path, bundle: Path) -> Iterator[Start]:
    """Return a function that starts an API of one's own, with changes of its service or HTTP settings."""
    with ExitStack() as opened:

        def begin(service: dict[str, Any] | None = None, **http: Any) -> Api:
            usual = below(tmp_path)
            settings = replace(
                usual, service=replace(usual.service, **(service or {})), http=replace(usual.http, **http)
            )
            return with_clients(opened.enter_context(serving(settings, bundle)))

        yield begin
