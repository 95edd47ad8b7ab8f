"""The typed client against the API that it is made for."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.service.api.conftest import URL, Api
from tests.structures.small_models import small_bundle

from onelook.datasets.generated import make_blood
from onelook.service.client import Service, ServiceError
from onelook.service.messages import ProblemDocument
from onelook.structures.bundle import write_bundle


class Through(httpx2.BaseTransport):
    """Hands the client's requests to the app, without a network."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._api.http.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def service(api: Api) -> Iterator[Service]:
    """Give anna's client."""
    with Service("http://testserver", api.keys["anna"], patience=0, transport=Through(api)) as made:
        yield made


def test_jobs_are_posted_looked_at_listed_and_cancelled(service: Service, tmp_path: Path, picture: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(picture)

    ids = [*service.post(URL), *service.post(tmp_path / "a.jpg", threshold=0.3), *service.post([picture, URL])]
    many = service.post([URL, URL], model="default")

    assert [job.id for job in service.jobs()] == [*ids, *many][::-1]
    assert service.job(ids[1]).threshold == 0.3
    assert service.job(ids[0], wait=0.2).state == "waiting"
    assert service.cancel(ids[0]).state == "cancelled"
    assert [job.id for job in service.jobs("cancelled")] == [ids[0]]
    assert service.whoami().queues[0].waiting == 5


def test_the_same_key_makes_no_second_job(service: Service) -> None:
    assert service.post(URL, idempotency_key="k") == service.post(URL, idempotency_key="k")


def test_a_refusal_is_an_error_with_its_problem(service: Service) -> None:
    with pytest.raises(ServiceError, match=r"422 .*jobs\.1\.url: expected an address") as caught:
        service.post([URL, "http://"])
    assert caught.value.problem.errors[0].field == "jobs.1.url"


def test_models_are_published_and_listed(service: Service, bundle: Path) -> None:
    made = service.publish("cells", bundle)

    assert service.model("cells").current == made.version
    assert {model.name for model in service.models()} == {"cells", "default"}
    assert service.promote("cells", made.version).current == made.version


def test_what_is_no_longer_needed_is_removed(service: Service, bundle: Path, tmp_path: Path) -> None:
    make_blood(tmp_path / "blood", {"train": 2, "val": 1}, seed=1, size=(96, 72))
    write_bundle(tmp_path / "other", small_bundle(2))
    data = service.upload_data(tmp_path / "blood")
    forecast = service.train(data.id, "yolov3-tiny", forecast=True)
    serving, other = service.publish("cells", bundle), service.publish("cells", tmp_path / "other")

    with pytest.raises(ServiceError, match=r"409 .*expected one that has ended, got one that is waiting"):
        service.delete_training(forecast.id)
    service.stop_training(forecast.id)
    assert [each.id for each in service.trainings("forecast", "stopped")] == [forecast.id]
    service.delete_training(forecast.id)
    service.delete_data(data.id)
    service.delete_version("cells", other.version)

    assert (service.trainings(), service.data()) == ([], [])
    assert [each.version for each in service.model("cells").versions] == [serving.version]


def test_all_trainings_are_listed_page_by_page() -> None:
    asked: list[dict[str, str]] = []

    def page(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(request.url.params))
        return httpx2.Response(200, json={"trainings": [], "next": "0" * 16 + "t1" if len(asked) < 3 else None})

    with Service("http://x", "k", transport=httpx2.MockTransport(page)) as service:
        assert service.trainings("forecast") == []

    usual = {"kind": "forecast", "limit": "500"}
    assert asked == [usual, *[{**usual, "before": "0" * 16 + "t1"}] * 2]


def test_an_administrator_adds_clients(api: Api) -> None:
    with Service("http://testserver", api.keys["admin"], transport=Through(api)) as admin:
        made = admin.add_client(f"carl {api.clients['admin'].id}", weight=2)
        key = admin.add_key(made.id)

        assert made.id in {client.id for client in admin.clients()}
    with Service("http://testserver", key.secret, transport=Through(api)) as carl:
        assert carl.whoami().client.weight == 2


class Later(httpx2.BaseTransport):
    """Says `later` so many times, then answers."""

    def __init__(self, times: int) -> None:
        self.left = times

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.left -= 1
        if self.left >= 0:
            problem = ProblemDocument(type="urn:x", title="Busy", status=503, detail="later")
            return httpx2.Response(503, headers={"Retry-After": "1"}, content=problem.model_dump_json())
        return httpx2.Response(200, json={"models": []})


def test_what_is_asked_to_come_later_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)

    with Service("http://x", "k", transport=Later(2)) as service:
        assert service.models() == []
    with Service("http://x", "k", patience=0, transport=Later(1)) as hasty, pytest.raises(ServiceError, match="503"):
        hasty.models()

    assert pauses == [1.0, 1.0]


class Away(httpx2.BaseTransport):
    """Answers, then is away for so many requests."""

    def __init__(self, times: int) -> None:
        self.left, self.asked = times, 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        if self.asked > 1 and self.left > 0:
            self.left -= 1
            raise httpx2.ConnectError("refused", request=request)
        return httpx2.Response(200, json={"models": [], "jobs": [], "replayed": False})


def test_what_may_be_asked_twice_is_asked_again_when_a_service_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)

    for ask in (Service.models, lambda service: service.post(URL)):
        transport = Away(2)
        with Service("http://x", "k", transport=transport) as service:
            service.models()
            assert ask(service) == []
        assert transport.asked == 4
    with Service("http://x", "k", transport=Away(1)) as service:
        service.models()
        with pytest.raises(httpx2.ConnectError):
            service.cancel("j1")

    assert pauses == [1.0] * 4


def test_a_service_that_never_answered_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", pytest.fail)
    transport = Away(1)
    transport.asked = 1

    with Service("http://x", "k", transport=transport) as service, pytest.raises(httpx2.ConnectError):
        service.models()


def test_an_answer_that_is_no_problem_is_told_by_its_status() -> None:
    proxy = httpx2.MockTransport(lambda request: httpx2.Response(502, text="<html>Bad gateway"))

    with (
        Service("http://x", "k", transport=proxy) as service,
        pytest.raises(ServiceError, match="502 Bad Gateway: <html>"),
    ):
        service.models()


def test_a_training_is_followed_over_connections_that_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    running, done = (f'event: state\ndata: {{"state": "{state}"}}\n\n' for state in ("running", "done"))
    first = f'id: 1\nevent: progress\ndata: {{"step": 0}}\n\n{running}'
    second = f': nothing new\n\nid: 2\nevent: progress\ndata: {{"step": 1}}\n\n{running}{done}'
    problem = ProblemDocument(type="urn:x", title="Busy", status=503, detail="later").model_dump_json()
    answers = [(200, first), (0, ""), (503, problem), (200, second), (200, done)]
    asked: list[str | None] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("Last-Event-ID"))
        status, text = answers[len(asked) - 1]
        if not status:
            raise httpx2.ConnectError("refused", request=request)
        return httpx2.Response(status, text=text)

    with Service("http://x", "k", transport=httpx2.MockTransport(answer)) as service:
        events = list(service.follow("t1"))

    assert events == [
        ("progress", {"step": 0}),
        ("state", {"state": "running"}),
        ("progress", {"step": 1}),
        ("state", {"state": "done"}),
    ]
    assert asked == [None, "1", "1", "1"]


def test_who_may_not_follow_is_told_at_once() -> None:
    problem = ProblemDocument(type="urn:x", title="Not Found", status=404, detail="no training").model_dump_json()
    refusing = httpx2.MockTransport(lambda request: httpx2.Response(404, text=problem))

    with Service("http://x", "k", transport=refusing) as service, pytest.raises(ServiceError, match="404"):
        list(service.follow("t1"))
