"""A typed client of the service: `Service("http://127.0.0.1:8000", key).detect("photo.jpg")`.

Whatever the service refuses is a `ServiceError` with its problem; what it asks to try later (429, 503) is tried again as often as
`patience` allows, after as long as it says. So is what found nobody there, as while a service is begun again: where it has answered
before, and where asking twice does no more than asking once.
"""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx2

from onelook.service.messages import (
    AcceptedJobs,
    ClientAnswer,
    ClientList,
    JobAnswer,
    JobList,
    JobState,
    ModelAnswer,
    ModelList,
    NewKeyAnswer,
    ProblemDocument,
    PublishedVersion,
    ResultAnswer,
    SelfAnswer,
    Told,
)
from onelook.service.training_messages import (
    DataAnswer,
    DataList,
    TrainingAnswer,
    TrainingKind,
    TrainingList,
    TrainingState,
)

Answer = TypeVar("Answer", bound=Told)
Picture = str | Path | bytes
"""An address (http, https), a file, or a file's bytes."""
Query = Mapping[str, str | int | float | bool | None]

WAIT_SECONDS = 30.0
"""Seconds of one `?wait=`: less than proxies between allow."""
_LATER = (429, 503)
_QUIET_SECONDS = 60.0
"""Without a word of a training's events after which a connection counts as dead; the service says one every 15 s."""
_ENDED = ("done", "failed", "stopped")
_AWAY_SECONDS = 1.0
"""Between two tries while nobody is there."""


class ServiceError(Exception):
    """What the service refused, with the problem that it told."""

    def __init__(self, problem: ProblemDocument, retry_after: float | None) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem, self.retry_after = problem, retry_after


class Service:
    """One client's view of a service. Any number of threads may share it."""

    def __init__(
        self,
        address: str,
        key: str,
        patience: float = 60.0,
        timeout: float = 60.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`patience` is how many seconds are spent at most on trying again, `timeout` how many on one answer."""
        self._patience, self._timeout, self._has_answered = patience, timeout, False
        self._http = httpx2.Client(
            base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=timeout, transport=transport
        )

    def __enter__(self) -> "Service":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def detect(self, picture: Picture, model: str | None = None, threshold: float | None = None) -> ResultAnswer:
        """Return what is on one image, at once."""
        query = {"model": model, "threshold": threshold}
        return self._read(ResultAnswer, "POST", "/v1/detect", query, **_body(picture))

    def post(
        self,
        pictures: Picture | Sequence[Picture],
        model: str | None = None,
        threshold: float | None = None,
        callback: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[str]:
        """Return the ids of jobs for one image or many; all are accepted, or none.

        Without a key of one's own a new one is made, so that a request that is sent again makes no second job.
        """
        query = {"model": model, "threshold": threshold, "callback": callback}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        body = _body(pictures) if isinstance(pictures, str | Path | bytes) else _bodies(pictures)
        headers |= body.pop("headers", {})
        accepted = self._read(AcceptedJobs, "POST", "/v1/jobs", query, headers=headers, **body)
        return [job.id for job in accepted.jobs]

    def job(self, job_id: str, wait: float = 0) -> JobAnswer:
        """Return a job; with `wait`, as soon as it has ended, and after so many seconds at the latest."""
        until = time.monotonic() + wait
        while True:
            left = min(max(until - time.monotonic(), 0), WAIT_SECONDS)
            job = self._read(JobAnswer, "GET", f"/v1/jobs/{job_id}", {"wait": round(left, 3) or None})
            if job.has_ended or time.monotonic() >= until:
                return job

    def jobs(self, state: JobState | None = None) -> Iterator[JobAnswer]:
        """Yield all jobs, newest first and without results."""
        before: str | None = None
        while True:
            page = self._read(JobList, "GET", "/v1/jobs", {"state": state, "before": before, "limit": 500})
            yield from page.jobs
            before = page.next
            if before is None:
                return

    def cancel(self, job_id: str) -> JobAnswer:
        """Cancel a job and return it as it is then."""
        return self._read(JobAnswer, "DELETE", f"/v1/jobs/{job_id}")

    def whoami(self) -> SelfAnswer:
        """Return who this key is, and how its jobs stand."""
        return self._read(SelfAnswer, "GET", "/v1/self")

    def models(self) -> list[ModelAnswer]:
        """Return one's own models and the shared ones."""
        return self._read(ModelList, "GET", "/v1/models").models

    def model(self, name: str, shared: bool = False) -> ModelAnswer:
        """Return one model with its versions."""
        return self._read(ModelAnswer, "GET", f"/v1/models/{name}", {"shared": shared})

    def publish(
        self, name: str, model: Path, names: Path | None = None, shared: bool = False, promote: bool | None = None
    ) -> PublishedVersion:
        """Upload a bundle's folder, a zip of it, or a `.cfg` whose `.weights` lie beside it."""
        query = {"shared": shared, "promote": promote}
        path = f"/v1/models/{name}/versions"
        if model.suffix == ".cfg":
            parts = {"cfg": model, "weights": model.with_suffix(".weights"), **({"names": names} if names else {})}
            files = {field: (file.name, file.read_bytes()) for field, file in parts.items()}
            return self._read(PublishedVersion, "POST", path, query, files=files)
        return self._read(PublishedVersion, "POST", path, query, content=_zipped(model), headers=_ZIP)

    def promote(self, name: str, version: str, shared: bool = False) -> ModelAnswer:
        """Let a version serve."""
        return self._read(ModelAnswer, "POST", f"/v1/models/{name}/versions/{version}/promote", {"shared": shared})

    def roll_back(self, name: str, shared: bool = False) -> ModelAnswer:
        """Let the version serve again that did before."""
        return self._read(ModelAnswer, "POST", f"/v1/models/{name}/rollback", {"shared": shared})

    def delete_version(self, name: str, version: str, shared: bool = False) -> None:
        """Remove a version that does not serve."""
        self._ask("DELETE", f"/v1/models/{name}/versions/{version}", {"shared": shared})

    def upload_data(self, data: Path, name: str = "data") -> DataAnswer:
        """Upload labelled images: a folder, or a zip of one."""
        return self._read(DataAnswer, "POST", "/v1/data", {"name": name}, content=_zipped(data), headers=_ZIP)

    def data(self) -> list[DataAnswer]:
        """Return what was uploaded to train on."""
        return self._read(DataList, "GET", "/v1/data").data

    def delete_data(self, data_id: str) -> None:
        """Remove what was uploaded."""
        self._ask("DELETE", f"/v1/data/{data_id}")

    def train(self, data: str, network: str | None = None, forecast: bool = False, **more: Any) -> TrainingAnswer:
        """Start a training, or with `forecast` learn what it would take; `more` as POST /v1/trainings takes it, `cfg` too."""
        asked = {"data": data, "network": network, "kind": "forecast" if forecast else "training", **more}
        return self._read(TrainingAnswer, "POST", "/v1/trainings", json=asked)

    def training(self, training_id: str) -> TrainingAnswer:
        """Return how a training stands."""
        return self._read(TrainingAnswer, "GET", f"/v1/trainings/{training_id}")

    def trainings(self, kind: TrainingKind | None = None, state: TrainingState | None = None) -> list[TrainingAnswer]:
        """Return all trainings and forecasts, those of a kind or in a state, newest first."""
        found: list[TrainingAnswer] = []
        asked: dict[str, str | int | None] = {"kind": kind, "state": state, "limit": 500}
        while True:
            page = self._read(TrainingList, "GET", "/v1/trainings", asked)
            found += page.trainings
            if page.next is None:
                return found
            asked["before"] = page.next

    def follow(self, training_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield events of a training as they come, each as its name and its data, until it has ended.

        A connection that ends before, as when the service is begun again, is made anew behind the last event, as long as there is
        patience. Raises ServiceError, and TransportError for a service that is not there.
        """
        seen, state, until = "", "", 0.0
        while True:
            try:
                for id_, name, data in self._events(training_id, seen):
                    seen, until = id_ or seen, 0.0
                    if name != "state" or data["state"] != state:
                        yield name, data
                    state = data["state"] if name == "state" else state
                    if state in _ENDED:
                        return
            except (httpx2.TransportError, ServiceError) as error:
                until = until or time.monotonic() + self._patience
                passes = error.problem.status in _LATER if isinstance(error, ServiceError) else self._has_answered
                if not passes or time.monotonic() + _AWAY_SECONDS > until:
                    raise
            time.sleep(_AWAY_SECONDS)

    def _events(self, training_id: str, seen: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield the id, name and data of each event of one connection, behind the one with the id `seen`."""
        headers = {"Last-Event-ID": seen} if seen else {}
        quiet = httpx2.Timeout(self._timeout, read=max(self._timeout, _QUIET_SECONDS))
        with self._http.stream("GET", f"/v1/trainings/{training_id}/events", headers=headers, timeout=quiet) as answer:
            self._has_answered = True
            if answer.status_code != 200:
                answer.read()
                raise _error(answer)
            id_, name = "", "message"
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    id_ = value
                elif field == "event":
                    name = value
                elif field == "data":
                    yield id_, name, json.loads(value)
                    id_, name = "", "message"

    def stop_training(self, training_id: str) -> TrainingAnswer:
        """Ask a training to save itself and stop."""
        return self._read(TrainingAnswer, "POST", f"/v1/trainings/{training_id}/stop")

    def resume_training(self, training_id: str) -> TrainingAnswer:
        """Let a training go on that was stopped."""
        return self._read(TrainingAnswer, "POST", f"/v1/trainings/{training_id}/resume")

    def delete_training(self, training_id: str) -> None:
        """Remove a training or a forecast that has ended, with its run."""
        self._ask("DELETE", f"/v1/trainings/{training_id}")

    def promote_training(self, training_id: str, name: str, shared: bool = False) -> PublishedVersion:
        """Let the best model of a training serve."""
        asked = {"name": name, "shared": shared}
        return self._read(PublishedVersion, "POST", f"/v1/trainings/{training_id}/promote", json=asked)

    def clients(self) -> list[ClientAnswer]:
        """Return every client; for an administrator."""
        return self._read(ClientList, "GET", "/v1/clients").clients

    def add_client(self, name: str, **limits: float) -> ClientAnswer:
        """Add a client; for an administrator. `limits` are weight, max_waiting, jobs_per_minute."""
        return self._read(ClientAnswer, "POST", "/v1/clients", json={"name": name, **limits})

    def add_key(self, client_id: str, label: str = "") -> NewKeyAnswer:
        """Make a key for a client; for an administrator."""
        return self._read(NewKeyAnswer, "POST", f"/v1/clients/{client_id}/keys", json={"label": label})

    def _read(self, kind: type[Answer], method: str, path: str, query: Query | None = None, **more: Any) -> Answer:
        """Return the answer as `kind`. Raises ServiceError."""
        return kind.model_validate_json(self._ask(method, path, query, **more))

    def _ask(self, method: str, path: str, query: Query | None = None, **more: Any) -> bytes:
        """Return the answer's body, tried again as long as there is patience. Raises ServiceError, and TransportError for none."""
        until = time.monotonic() + self._patience
        given = {name: value for name, value in (query or {}).items() if value is not None}
        once = method == "GET" or "Idempotency-Key" in more.get("headers", {})
        while True:
            try:
                answer = self._http.request(method, path, params=given, **more)
            except httpx2.TransportError:
                if not (once and self._has_answered) or time.monotonic() + _AWAY_SECONDS > until:
                    raise
                time.sleep(_AWAY_SECONDS)
                continue
            self._has_answered = True
            if answer.is_success:
                return answer.content
            error = _error(answer)
            pause = error.retry_after or 1.0
            if answer.status_code not in _LATER or time.monotonic() + pause > until:
                raise error
            time.sleep(pause)


_ZIP = {"Content-Type": "application/zip"}
_RAW = {"Content-Type": "application/octet-stream"}


def _error(answer: httpx2.Response) -> ServiceError:
    """Return what a refusal tells; something between that knows no problems is told by its status."""
    later = answer.headers.get("Retry-After", "")
    try:
        problem = ProblemDocument.model_validate_json(answer.content)
    except ValueError:
        status, reason = answer.status_code, answer.reason_phrase
        problem = ProblemDocument(type="about:blank", title=reason, status=status, detail=answer.text[:200])
    return ServiceError(problem, float(later) if later.isdigit() else None)


def _body(picture: Picture) -> dict[str, Any]:
    """Return how one image goes into a request."""
    if isinstance(picture, bytes):
        return {"content": picture, "headers": _RAW}
    if isinstance(picture, str) and picture.startswith(("http://", "https://")):
        return {"json": {"url": picture}}
    return {"content": Path(picture).read_bytes(), "headers": _RAW}


def _bodies(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Return how many images go into a request: addresses as JSON, files as a form."""
    single = [_body(picture) for picture in pictures]
    if all("json" in each for each in single):
        return {"json": {"jobs": [each["json"] for each in single]}}
    parts: list[tuple[str, tuple[str | None, bytes]]] = []
    for number, each in enumerate(single):
        if "json" in each:
            parts.append(("url", (None, each["json"]["url"].encode())))
        else:
            parts.append(("image", (f"image{number}", each["content"])))
    return {"files": parts}


def _zipped(path: Path) -> bytes:
    """Return a folder as a zip; a file as it is."""
    if path.is_file():
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(path))
    return packed.getvalue()
