"""What a job is, from the request to its end.

waiting -> running -> done       a result
                   -> failed     a definite answer: the picture or the model is at fault
                   -> delayed    a passing fault; waits for its moment, then `waiting` again
                   -> dead       tried too often: the dead letters
waiting, delayed, running -> cancelled
running -> waiting               the lease ended without a sign of life
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from onelook.service.models.names import DEFAULT, check_name
from onelook.structures.errors import UserError

JobState = Literal["waiting", "delayed", "running", "done", "failed", "dead", "cancelled"]

STATES: tuple[JobState, ...] = get_args(JobState)
FINAL: tuple[JobState, ...] = ("done", "failed", "dead", "cancelled")
"""States that a job never leaves."""
OPEN: tuple[JobState, ...] = ("waiting", "delayed", "running")


@dataclass(frozen=True)
class NewJob:
    """One picture to look at: by its address, or as the file's bytes."""

    url: str | None = None
    upload: bytes | None = None
    model: str | None = None
    """Name of the client's own model, or of a shared one; None is the one called `default`."""
    threshold: float | None = None
    """Least score that is told; None takes the model's own."""
    callback: str | None = None
    """Address that is told when the job has ended."""

    def __post_init__(self) -> None:
        if (self.url is None) == (self.upload is None):
            raise UserError("url, upload: expected one of them, got " + ("none" if self.url is None else "both"))
        if self.threshold is not None and not (math.isfinite(self.threshold) and 0 <= self.threshold <= 1):
            raise UserError(f"threshold: expected a number from 0 to 1, got {self.threshold}")
        check_name("model", self.model_name)

    @property
    def model_name(self) -> str:
        """The model's name, `default` where none was given."""
        return DEFAULT if self.model is None else self.model


@dataclass(frozen=True)
class Submission:
    """The jobs of one request: all of them are accepted, or none."""

    client_id: str
    jobs: tuple[NewJob, ...]
    idempotency_key: str | None = None
    digest: str = ""
    """Of the request's body: a key that comes again must come with the same."""

    def __post_init__(self) -> None:
        if not self.jobs:
            raise UserError("jobs: expected at least one, got none")


@dataclass(frozen=True)
class Accepted:
    """The ids of a request's jobs, in its order."""

    job_ids: tuple[str, ...]
    replayed: bool = False
    """Whether an earlier request with the same key had made them."""


@dataclass(frozen=True)
class Fault:
    """Why a job has no result: a short word for programs, and a line for people."""

    code: str
    detail: str


@dataclass(frozen=True)
class Found:
    """One object: its class, its score in 0..1, and its box x1, y1, x2, y2 in fractions of the image."""

    name: str
    index: int
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class ClassScore:
    """How likely one class is, 0..1."""

    name: str
    index: int
    score: float


@dataclass(frozen=True)
class Timings:
    """Seconds that a job waited, its picture was fetched and decoded, the model took, and all of it from request to end."""

    waited: float
    fetched: float
    predicted: float
    total: float


@dataclass(frozen=True)
class Result:
    """What was seen on one picture, best first: objects by a detector, classes by a classifier."""

    model_version: str
    """`owner/name@version`."""
    width: int
    height: int
    detections: tuple[Found, ...] | None
    classes: tuple[ClassScore, ...] | None
    timings: Timings


@dataclass(frozen=True)
class Job:
    """A job as its client sees it."""

    id: str
    client_id: str
    model: str
    url: str | None
    threshold: float | None
    callback: str | None
    state: JobState
    created_at: float
    started_at: float | None
    finished_at: float | None
    expires_at: float | None
    attempt: int
    failures: int
    error: Fault | None = None
    result: Result | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in FINAL


@dataclass(frozen=True)
class ClaimedJob:
    """A job as the worker sees it that has it; `attempt` is what it must show with the result."""

    id: str
    client_id: str
    model: str
    url: str | None
    upload: bytes | None
    threshold: float | None
    attempt: int
    failures: int
    created_at: float
    claimed_at: float
