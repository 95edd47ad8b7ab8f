"""Jobs come in: what waits is accepted as one group, in one durable transaction.

Ids are made before the transaction: where the connection is lost while it commits, the next try sees whether they are there.
"""

import json
import queue
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, insert, select, update

from onelook.service.database import Database, DatabaseDownError
from onelook.service.jobs.counts import Moves, shift
from onelook.service.jobs.job import Accepted, Submission
from onelook.service.jobs.quotas import Allowance, allowances, check_room, check_waiting, spend, waiting_in_all
from onelook.service.jobs.refusals import IdempotencyError, RefusedError, UnknownClientError
from onelook.service.jobs.waking import wake
from onelook.service.schema import idempotency, jobs, shares, uploads
from onelook.service.settings import ServiceSettings

MOST_TOGETHER = 256
"""Requests that one transaction accepts."""
_RANDOM = 10
"""Random bytes of an id."""


class Submitter:
    """A thread that accepts what waits, as one group. Any number of threads may give it requests."""

    def __init__(self, database: Database, settings: ServiceSettings) -> None:
        """Begin; `close` ends it."""
        self._database, self._settings = database, settings
        self._waiting: queue.SimpleQueue[tuple[Submission, Future[Accepted]] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="submitter", daemon=True)
        self._thread.start()

    def submit(self, submission: Submission) -> Future[Accepted]:
        """Return at once what will hold the ids once they are durable.

        The future raises QuotaError, QueueFullError, IdempotencyError, UnknownClientError or DatabaseDownError; nothing of the
        request was written then, save that after DatabaseDownError it may have been. Raises RuntimeError once closed.
        """
        if self._closed:
            raise RuntimeError("the submitter is closed")
        future: Future[Accepted] = Future()
        self._waiting.put((submission, future))
        return future

    def close(self) -> None:
        """Accept what was given before, then end."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            group = [self._waiting.get()]
            while len(group) < MOST_TOGETHER and not self._waiting.empty():
                group.append(self._waiting.get())
            open_ = None not in group
            self._accept([each for each in group if each is not None and each[1].set_running_or_notify_cancel()])

    def _accept(self, group: list[tuple[Submission, Future[Accepted]]]) -> None:
        try:
            answers = submit(self._database, [submission for submission, _ in group], self._settings) if group else []
        except BaseException as error:  # whatever it is, somebody waits for it
            if len(group) > 1 and not isinstance(error, DatabaseDownError):
                for each in group:  # what is wrong with one of them is nothing to the others
                    self._accept([each])
                return
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if isinstance(answer, RefusedError):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def submit(
    database: Database, submissions: Sequence[Submission], settings: ServiceSettings
) -> list[Accepted | RefusedError]:
    """Return, for each request in order, the ids of its jobs or why they are not accepted; one transaction for all.

    Raises DatabaseDownError.
    """
    made = _new_ids([len(submission.jobs) for submission in submissions])
    tries = 0

    def work(connection: Connection) -> list[Accepted | RefusedError]:
        nonlocal tries
        tries += 1
        known = _already_there(connection, [ids[0] for ids in made]) if tries > 1 else set()
        group = _Group(connection, database, settings, sorted({each.client_id for each in submissions}))
        answers: list[Accepted | RefusedError] = []
        for submission, ids in zip(submissions, made, strict=True):
            answers.append(Accepted(ids) if ids[0] in known else group.accept(submission, ids))
        group.write()
        return answers

    return database.run(work)


@dataclass(frozen=True)
class _Taken:
    """An accepted request and the ids of its jobs."""

    submission: Submission
    ids: tuple[str, ...]


class _Group:
    """The requests of one transaction: accepted one by one in memory, then written together."""

    def __init__(
        self, connection: Connection, database: Database, settings: ServiceSettings, client_ids: list[str]
    ) -> None:
        self._connection, self._database, self._settings = connection, database, settings
        self._now: float = connection.execute(select(database.now())).scalar_one()
        self._allowed = allowances(connection, client_ids, self._now, database.is_sqlite)
        self._were_active = {client_id for client_id, allowed in self._allowed.items() if allowed.active}
        self._waiting = waiting_in_all(connection)
        self._taken: list[_Taken] = []
        self._keys: dict[tuple[str, str], _Taken] = {}

    def accept(self, submission: Submission, ids: tuple[str, ...]) -> Accepted | RefusedError:
        """Return the ids, or why the request is refused."""
        allowance = self._allowed.get(submission.client_id)
        if allowance is None:
            return UnknownClientError(submission.client_id)
        try:
            replay = self._replay(submission)
            if replay is not None:
                return replay
            self._spend(submission, allowance)
        except RefusedError as refusal:
            return refusal
        taken = _Taken(submission, ids)
        self._taken.append(taken)
        if submission.idempotency_key is not None:
            self._keys[submission.client_id, submission.idempotency_key] = taken
        return Accepted(ids)

    def write(self) -> None:
        """Write everything that was accepted."""
        if not self._taken:
            return
        rows = [self._row(taken.submission, n, id_) for taken in self._taken for n, id_ in enumerate(taken.ids)]
        self._connection.execute(insert(jobs), rows)
        pictures = [
            {"job_id": id_, "data": new.upload}
            for taken in self._taken
            for new, id_ in zip(taken.submission.jobs, taken.ids, strict=True)
            if new.upload is not None
        ]
        if pictures:
            self._connection.execute(insert(uploads), pictures)
        self._write_keys()
        self._write_shares()
        moves: Moves = Counter(
            (taken.submission.client_id, new.model_name, "waiting")
            for taken in self._taken
            for new in taken.submission.jobs
        )
        shift(self._connection, moves)

    def _replay(self, submission: Submission) -> Accepted | None:
        """Return the jobs of an earlier request with the same key, None when there is none."""
        key = submission.idempotency_key
        if key is None:
            return None
        taken = self._keys.get((submission.client_id, key))
        if taken is not None:
            digest, ids = taken.submission.digest, taken.ids
        else:
            asked = select(idempotency.c.digest, idempotency.c.job_ids)
            row = self._connection.execute(
                asked.where(idempotency.c.client_id == submission.client_id, idempotency.c.key == key)
            ).first()
            if row is None:
                return None
            digest, ids = row.digest, tuple(json.loads(row.job_ids))
        if digest != submission.digest:
            raise IdempotencyError(key)
        return Accepted(ids, replayed=True)

    def _spend(self, submission: Submission, allowance: Allowance) -> None:
        count = len(submission.jobs)
        check_room(self._connection, self._database, self._settings, self._waiting, count)
        check_waiting(self._connection, self._database, self._settings, submission.client_id, allowance, count)
        spend(allowance, count)
        self._waiting += count

    def _row(self, submission: Submission, number: int, id_: str) -> dict[str, object]:
        new = submission.jobs[number]
        return {
            "id": id_,
            "client_id": submission.client_id,
            "model": new.model_name,
            "url": new.url,
            "threshold": new.threshold,
            "callback": new.callback,
            "state": "waiting",
            "attempt": 0,
            "failures": 0,
            "created_at": self._now,
        }

    def _write_keys(self) -> None:
        rows = [
            {
                "client_id": client_id,
                "key": key,
                "digest": taken.submission.digest,
                "job_ids": json.dumps(taken.ids),
                "created_at": self._now,
            }
            for (client_id, key), taken in self._keys.items()
        ]
        if rows:
            self._connection.execute(insert(idempotency), rows)

    def _write_shares(self) -> None:
        """Write what is left of the buckets, and where clients begin that were idle."""
        came = {taken.submission.client_id for taken in self._taken}
        for client_id in sorted(client_id for client_id in came if self._allowed[client_id].jobs_per_minute):
            values = {"tokens": self._allowed[client_id].tokens, "tokens_at": self._now}
            self._connection.execute(update(shares).where(shares.c.client_id == client_id).values(**values))
        woken = came - self._were_active
        wake(self._connection, {client_id: self._allowed[client_id].virtual_time for client_id in woken})


def _already_there(connection: Connection, ids: list[str]) -> set[str]:
    return set(connection.execute(select(jobs.c.id).where(jobs.c.id.in_(ids))).scalars())


def _new_ids(counts: Sequence[int]) -> list[tuple[str, ...]]:
    """Return the ids of so many new jobs for each request, drawn together: each draw lets the other threads go first.

    Milliseconds come first, so that neighbours in time are neighbours in the index, then 80 random bits.
    """
    moment, drawn = f"{time.time_ns() // 1_000_000:012x}", secrets.token_hex(_RANDOM * sum(counts))
    ids = (moment + drawn[at : at + 2 * _RANDOM] for at in range(0, len(drawn), 2 * _RANDOM))
    return [tuple(islice(ids, count)) for count in counts]
