"""What goes over the wire, in both directions: the API's document is made of these, and the client reads them.

Times are UTC as ISO 8601. Boxes are x1, y1, x2, y2 in fractions of the image as it is shown.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

JobState = Literal["waiting", "delayed", "running", "done", "failed", "dead", "cancelled"]

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="Name of a model")]
Share = Annotated[float, Field(ge=0, le=1)]
Url = Annotated[str, Field(min_length=1, max_length=8192, description="http or https, on the public internet")]


class Asked(BaseModel):
    """What a client sends: a field that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """What the service answers: a client that is older than the service passes over what it does not know."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class FieldError(Told):
    """What is wrong with one field."""

    field: str
    expected: str
    got: str


class ProblemDocument(Told):
    """RFC 9457: what went wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


class JobRequest(Asked):
    """One image by its address."""

    url: Url
    model: Name | None = Field(None, description="One of your models, or a shared one; `default` when left out")
    threshold: Share | None = Field(None, description="Least score that is told; the model's own when left out")
    callback: Url | None = Field(None, description="Is sent the job, by POST, when it has ended")


class JobsRequest(Asked):
    """Many images at once: all are accepted, or none."""

    jobs: Annotated[list[JobRequest], Field(min_length=1, max_length=1000)]


class AcceptedJob(Told):
    """A job that will be done, and where to look for it."""

    id: str
    location: str


class AcceptedJobs(Told):
    """The jobs of one request, in its order."""

    jobs: list[AcceptedJob]
    replayed: bool = Field(description="Whether an earlier request with the same Idempotency-Key had made them")


class Detection(Told):
    """One object."""

    name: str = Field(alias="class")
    index: int = Field(description="Of the class, from 0")
    score: float
    box: tuple[float, float, float, float] = Field(description="x1, y1, x2, y2 in fractions of the image")


class ClassAnswer(Told):
    """How likely one class is."""

    name: str = Field(alias="class")
    index: int
    score: float


class TimingsAnswer(Told):
    """Seconds."""

    waited: float
    fetched: float
    predicted: float
    total: float


class ResultAnswer(Told):
    """What was seen on one image: detections by a detector, classes by a classifier; best first."""

    model_version: str = Field(description="owner/name@version")
    width: int
    height: int
    detections: list[Detection] | None = None
    classes: list[ClassAnswer] | None = None
    timings: TimingsAnswer


class FaultAnswer(Told):
    """Why a job has no result."""

    code: str
    detail: str


class JobAnswer(Told):
    """A job as its client sees it."""

    id: str
    state: JobState
    model: str
    url: str | None = None
    threshold: float | None = None
    callback: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = Field(None, description="When the job and its result are forgotten")
    attempt: int
    failures: int
    error: FaultAnswer | None = None
    result: ResultAnswer | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "dead", "cancelled")


class JobList(Told):
    """Jobs, newest first and without results."""

    jobs: list[JobAnswer]
    next: str | None = Field(None, description="Give it as `before` to see older ones; none when there are no more")


class ModelFaultAnswer(Told):
    """A version that a worker could not load; the one before goes on serving."""

    version: str
    worker: str
    detail: str
    at: datetime


class VersionAnswer(Told):
    """One version of a model; its content never changes."""

    version: str
    created_at: datetime
    bytes: int


class ModelAnswer(Told):
    """A model: its versions, which one serves, and which have served before."""

    name: str
    shared: bool
    current: str | None
    history: list[str] = Field(description="Versions that served before, the latest first")
    versions: list[VersionAnswer]
    faults: list[ModelFaultAnswer]


class ModelList(Told):
    """Your models and the shared ones."""

    models: list[ModelAnswer]


class PublishedVersion(Told):
    """A version that was uploaded."""

    name: str
    shared: bool
    version: str
    promoted: bool


class NewClient(Asked):
    """A client to be."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    weight: Annotated[float, Field(ge=0.001, le=1000)] = 1.0
    max_waiting: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    jobs_per_minute: Annotated[int, Field(ge=0, le=10_000_000, description="0 sets no limit")] = 0
    admin: bool = False


class ClientChange(Asked):
    """What is to be changed; what is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    weight: Annotated[float, Field(ge=0.001, le=1000)] | None = None
    max_waiting: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    jobs_per_minute: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    admin: bool | None = None
    disabled: bool | None = None


class ClientAnswer(Told):
    """A client, its share and its limits."""

    id: str
    name: str
    weight: float
    max_waiting: int
    jobs_per_minute: int
    admin: bool
    disabled: bool
    created_at: datetime


class ClientList(Told):
    """Every client."""

    clients: list[ClientAnswer]


class NewKeyRequest(Asked):
    """A key to be."""

    label: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class NewKeyAnswer(Told):
    """A key, with the secret that is told this once."""

    id: str
    secret: str


class KeyAnswer(Told):
    """A key as it is listed."""

    id: str
    label: str
    created_at: datetime
    revoked_at: datetime | None = None


class KeyList(Told):
    """A client's keys."""

    keys: list[KeyAnswer]


class QueueAnswer(Told):
    """Your jobs for one model."""

    model: str
    waiting: int
    delayed: int
    running: int
    done: int
    failed: int
    dead: int
    cancelled: int


class SelfAnswer(Told):
    """Who you are, and how your jobs stand."""

    client: ClientAnswer
    queues: list[QueueAnswer]


class WorkerAnswer(Told):
    """A worker that lives."""

    id: str
    host: str
    pid: int
    models: list[str] = Field(description="Loaded now, as owner/name@version")
    started_at: datetime


class ClientQueueAnswer(QueueAnswer):
    """A client's jobs for one model."""

    client_id: str
    client_name: str


class ServiceAnswer(Told):
    """How the whole service stands."""

    waiting: int
    delayed: int
    running: int
    oldest_seconds: float = Field(description="How long the oldest waiting job has waited; 0: none waits")
    per_second: float = Field(description="Jobs that ended within the last minute, a second")
    queues: list[ClientQueueAnswer]
    workers: list[WorkerAnswer]


class FailedJobAnswer(JobAnswer):
    """A job that failed, as an administrator sees it."""

    client_id: str
    retries: bool = Field(description="Whether it can be tried again: its picture is still to be had")


class FailedJobList(Told):
    """Failed jobs of all clients, newest first."""

    jobs: list[FailedJobAnswer]
    next: str | None = Field(None, description="Give it as `before` to see older ones; none when there are no more")
