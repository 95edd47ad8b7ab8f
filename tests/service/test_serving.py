"""`onelook serve` as a user types it: one command, a key, an address, results, and a drain."""

import io
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import httpx2
import numpy as np
import pytest
from PIL import Image as Pillow
from tests.structures.small_models import small_bundle

from onelook.service import serving
from onelook.service.api.settings import HttpSettings
from onelook.service.client import Service, ServiceError
from onelook.service.clients import change_client, list_clients
from onelook.service.configuration import AllSettings
from onelook.service.database import open_database
from onelook.service.serving import FIRST_CLIENT, WELCOME, prepare
from onelook.service.settings import ServiceSettings
from onelook.structures.bundle import write_bundle


@dataclass
class Served:
    process: subprocess.Popen[str]
    address: str
    welcome: str
    key: str
    folder: Path


def started(folder: Path) -> subprocess.Popen[str]:
    words = ["serve", "--port", "0", "--set", "http.notice_seconds=1.5", "--set", "http.most_trainings=0"]
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "onelook", *words], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a service that has just begun, on an empty folder."""
    folder = tmp_path_factory.mktemp("served")
    process = started(folder)
    assert process.stdout is not None
    first, second, third = (process.stdout.readline() for _ in range(3))
    assert first.startswith("first key, of the administrator 'admin'; it is told this once: onelook_"), first
    assert second.startswith(f"{WELCOME}http://127.0.0.1:"), second
    assert third.startswith("http://127.0.0.1:"), third
    yield Served(process, third.strip(), second.removeprefix(WELCOME).strip(), first.split()[-1], folder)
    process.kill()
    process.wait()
    process.stdout.close()


def ready(address: str) -> int:
    """Return the status of /readyz, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


@pytest.mark.slow
def test_the_first_address_signs_a_browser_in_once(served: Served) -> None:
    with httpx2.Client(follow_redirects=True) as browser, httpx2.Client(follow_redirects=True) as late:
        page = browser.get(served.welcome)
        refused = late.get(served.welcome)
        told = browser.get(f"{served.address}/v1/self").json()

    assert (page.status_code, page.url.path) == (200, "/")
    assert told["client"]["name"] == FIRST_CLIENT
    assert refused.status_code == 401


@pytest.mark.parametrize(("host", "is_signed_in"), [("127.0.0.1", True), ("0.0.0.0", False), ("::1", True)])
def test_only_this_machine_is_given_an_address_that_signs_in(tmp_path: Path, host: str, is_signed_in: bool) -> None:
    settings = AllSettings(ServiceSettings(f"sqlite:///{tmp_path / 'onelook.db'}"), HttpSettings(host=host))

    welcome, run = prepare(settings, print)

    assert (welcome is not None) == is_signed_in
    assert run is None


def test_the_first_start_tells_a_key_once_and_opens_the_database_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AllSettings(ServiceSettings(f"sqlite:///{tmp_path / 'onelook.db'}"))
    opened: list[str] = []
    said: list[str] = []
    monkeypatch.setattr(serving, "open_database", lambda url, _: (opened.append(url), open_database(url))[1])

    prepare(settings, said.append)
    prepare(settings, said.append)

    assert len(said) == 1
    assert said[0].startswith("first key, of the administrator 'admin'; it is told this once: onelook_")
    assert opened == [settings.service.database] * 2


def test_without_its_administrator_nobody_is_signed_in(tmp_path: Path) -> None:
    settings = AllSettings(ServiceSettings(f"sqlite:///{tmp_path / 'onelook.db'}"))
    prepare(settings, print)
    with closing(open_database(settings.service.database)) as database:
        (admin,) = list_clients(database)
        change_client(database, admin.id, disabled=True)

    assert prepare(settings, print) == (None, None)


@pytest.mark.slow
def test_one_command_answers_from_the_upload_of_a_model_to_a_result_and_drains(served: Served, tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", small_bundle())
    file = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(1).integers(0, 256, (50, 80, 3), np.uint8)).save(file, "PNG")
    with Service(served.address, served.key) as service:
        made = service.publish("default", tmp_path / "bundle")
        ids = service.post([file.getvalue()] * 20)
        jobs = [service.job(id_, wait=60) for id_ in ids]
        at_once = service.detect(file.getvalue(), threshold=0.1)
        refused = service.job(service.post("http://127.0.0.1:8080/x.jpg")[0], wait=60)
        with pytest.raises(ServiceError, match="422") as unreadable:
            service.detect(b"GIF89a" + bytes(50))

    assert {job.state for job in jobs} == {"done"}
    assert all(job.result and job.result.model_version.endswith(f"default@{made.version}") for job in jobs)
    assert jobs[0].result is not None
    assert jobs[0].result.detections
    assert all(0 <= side <= 1 for found in jobs[0].result.detections for side in found.box)
    assert at_once.model_version == jobs[0].result.model_version
    assert (refused.state, refused.error.code if refused.error else "") == ("failed", "fetch_refused")
    assert unreadable.value.problem.errors
    assert ready(served.address) == 200
    served.process.send_signal(signal.SIGTERM)
    time.sleep(0.4)
    assert ready(served.address) == 503, "not ready, and still answering"
    with Service(served.address, served.key) as service:
        assert service.whoami().queues[0].done == 20
    assert served.process.wait(60) == 0
    assert ready(served.address) == 0
    lines = [json.loads(line) for line in (served.folder / "log").read_text().splitlines()]
    assert any(line.get("jobs") == ids[:10] and line["route"] == "/v1/jobs" for line in lines)


@pytest.mark.slow
def test_a_second_start_prints_no_key_and_a_taken_port_is_one_line(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "onelook", "serve", "--port", port],
            cwd=served.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert done.returncode == 2
    assert "expected an address to listen on, got Address already in use" in done.stderr
    assert "first key" not in done.stdout


def test_of_two_that_begin_at_the_same_time_one_makes_the_first_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, said = AllSettings(ServiceSettings(f"sqlite:///{tmp_path / 'onelook.db'}")), list[str]()
    prepare(settings, said.append)
    monkeypatch.setattr(serving, "list_clients", lambda _: [])

    prepare(settings, said.append)

    assert len(said) == 1


def test_a_second_signal_waits_for_nobody_who_waits_for_a_job(tmp_path: Path) -> None:
    server = serving._Server(AllSettings(), print, None, None)
    called: list[object] = []
    server._loop = SimpleNamespace(call_soon_threadsafe=called.append)
    waiters = SimpleNamespace(release="released")
    server._app.state.backend = SimpleNamespace(ready=False, waiters=waiters)

    server.handle_exit(signal.SIGTERM, None)

    assert server.should_exit
    assert called == ["released"]
