"""Values of the core as messages, and messages as answers.

A message takes what it has of a value's fields, by name; seconds since 1970 become moments in UTC.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from onelook.service.clients import Client, Key
from onelook.service.jobs.job import Job, Result
from onelook.service.jobs.listing import QueueNumbers
from onelook.service.jobs.results import as_json
from onelook.service.messages import (
    ClientAnswer,
    FailedJobAnswer,
    JobAnswer,
    KeyAnswer,
    QueueAnswer,
    ResultAnswer,
)
from onelook.service.training_messages import DataAnswer, TrainingAnswer
from onelook.service.trainings.data import Data
from onelook.service.trainings.record import Training

FILE_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}
"""Of a run's files, and of reports: they bring their own styles, and are shown as a page of nobody's, in which no script runs."""


def answer(value: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a message as JSON: written once, by pydantic, without what the framework would do besides."""
    return Response(value.model_dump_json(by_alias=True), status, headers, "application/json")


def picture_answer(jpeg: bytes) -> Response:
    """Return a reduced picture; whoever has its key may keep it for a while."""
    return Response(jpeg, 200, {"Cache-Control": "private, max-age=600"}, "image/jpeg")


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def job_answer(job: Job) -> JobAnswer:
    """Return a job as its client sees it."""
    return JobAnswer.model_validate(_job(job))


def failed_job_answer(job: Job) -> FailedJobAnswer:
    """Return a failed job as an administrator sees it."""
    retries = job.url is not None or job.state == "dead"  # a dead one's upload is kept
    return FailedJobAnswer.model_validate({**_job(job), "retries": retries})


def _job(job: Job) -> dict[str, Any]:
    error, result = job.error, job.result
    return {**vars(job), "error": error and vars(error), "result": result and as_json(result)}


def result_answer(result: Result) -> ResultAnswer:
    """Return a result as its client sees it."""
    return ResultAnswer.model_validate(as_json(result))


def client_answer(client: Client) -> ClientAnswer:
    """Return a client as an administrator sees it."""
    return ClientAnswer.model_validate(vars(client))


def key_answer(key: Key) -> KeyAnswer:
    """Return a key as it is listed."""
    return KeyAnswer.model_validate(vars(key))


def queue_answer(counts: QueueNumbers) -> QueueAnswer:
    """Return the counts of one model."""
    return QueueAnswer.model_validate(vars(counts))


def data_answer(data: Data) -> DataAnswer:
    """Return uploaded data as its client sees it."""
    return DataAnswer.model_validate(vars(data))


def training_answer(training: Training, progress: Mapping[str, Any] | None) -> TrainingAnswer:
    """Return a training as its client sees it, with the latest line of its metrics."""
    return TrainingAnswer.model_validate({**vars(training), "progress": progress})
