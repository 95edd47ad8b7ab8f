"""Values of the core as messages, and messages as answers."""

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
    FaultAnswer,
    JobAnswer,
    KeyAnswer,
    QueueAnswer,
    ResultAnswer,
)
from onelook.service.training_messages import DataAnswer, TrainingAnswer
from onelook.service.trainings.data import Data
from onelook.service.trainings.record import Training


def answer(value: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a message as JSON: written once, by pydantic, without what the framework would do besides."""
    return Response(value.model_dump_json(by_alias=True), status, headers, "application/json")


def picture_answer(jpeg: bytes) -> Response:
    """Return a reduced picture; whoever has its key may keep it for a while."""
    return Response(jpeg, 200, {"Cache-Control": "private, max-age=600"}, "image/jpeg")


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


def job_answer(job: Job) -> JobAnswer:
    """Return a job as its client sees it."""
    return JobAnswer(
        id=job.id,
        state=job.state,
        model=job.model,
        url=job.url,
        threshold=job.threshold,
        callback=job.callback,
        created_at=moment(job.created_at),
        started_at=_moment(job.started_at),
        finished_at=_moment(job.finished_at),
        expires_at=_moment(job.expires_at),
        attempt=job.attempt,
        failures=job.failures,
        error=None if job.error is None else FaultAnswer(code=job.error.code, detail=job.error.detail),
        result=None if job.result is None else result_answer(job.result),
    )


def failed_job_answer(job: Job) -> FailedJobAnswer:
    """Return a failed job as an administrator sees it."""
    retries = job.url is not None or job.state == "dead"  # a dead one's upload is kept
    return FailedJobAnswer(**job_answer(job).model_dump(), client_id=job.client_id, retries=retries)


def result_answer(result: Result) -> ResultAnswer:
    """Return a result as its client sees it."""
    return ResultAnswer.model_validate(as_json(result))


def client_answer(client: Client) -> ClientAnswer:
    """Return a client as an administrator sees it."""
    return ClientAnswer(
        id=client.id,
        name=client.name,
        weight=client.weight,
        max_waiting=client.max_waiting,
        jobs_per_minute=client.jobs_per_minute,
        admin=client.admin,
        disabled=client.disabled,
        created_at=moment(client.created_at),
    )


def key_answer(key: Key) -> KeyAnswer:
    """Return a key as it is listed."""
    return KeyAnswer(id=key.id, label=key.label, created_at=moment(key.created_at), revoked_at=_moment(key.revoked_at))


def queue_answer(counts: QueueNumbers) -> QueueAnswer:
    """Return the counts of one model."""
    return QueueAnswer(
        model=counts.model,
        waiting=counts.waiting,
        delayed=counts.delayed,
        running=counts.running,
        done=counts.done,
        failed=counts.failed,
        dead=counts.dead,
        cancelled=counts.cancelled,
    )


def data_answer(data: Data) -> DataAnswer:
    """Return uploaded data as its client sees it."""
    return DataAnswer(
        id=data.id,
        name=data.name,
        created_at=moment(data.created_at),
        bytes=data.bytes,
        files=data.files,
        images=data.images,
        boxes=data.boxes,
        classes=list(data.classes),
        format=data.format,
        path=data.path,
    )


def training_answer(training: Training, progress: Mapping[str, Any] | None) -> TrainingAnswer:
    """Return a training as its client sees it, with the latest line of its metrics."""
    return TrainingAnswer(
        id=training.id,
        kind=training.kind,
        state=training.state,
        data=training.data,
        network=training.network,
        weights=training.weights,
        settings=dict(training.settings),
        time_budget=training.time_budget,
        created_at=moment(training.created_at),
        started_at=_moment(training.started_at),
        finished_at=_moment(training.finished_at),
        progress=None if progress is None else dict(progress),
        result=None if training.result is None else dict(training.result),
        error=training.error,
    )
