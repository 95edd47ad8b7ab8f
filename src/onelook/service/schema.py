"""The tables. Times are seconds since 1970 by the database's clock; ids are random text, so that none can be guessed.

`migrations/` makes them; a test compares what it makes with what stands here.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    text,
)

metadata = MetaData()

Record = Row[*tuple[Any, ...]]
"""A row of any of these tables."""

TO_TAKE = text("state = 'waiting'")
LEASED = text("state IN ('running', 'delayed')")
ENDED = text("state IN ('done', 'failed', 'dead', 'cancelled')")
"""Conditions of the partial indexes; a query uses the index only when it says the very same."""

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only for INTEGER PRIMARY KEY

clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("weight", Double, nullable=False),
    Column("max_waiting", Integer, nullable=False),
    Column("jobs_per_minute", Integer, nullable=False),  # 0: as many as it likes
    Column("admin", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
)

sessions = Table(  # browsers that signed in, by a key or by a ticket
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
    Column("key_id", Text, ForeignKey("keys.id", ondelete="CASCADE")),  # the session ends when this is revoked
    Column("expires_at", Double, nullable=False),
)

tickets = Table(  # each opens one session
    "tickets",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("client_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Double, nullable=False),
)

shares = Table(  # what a client has had, and what it may still ask for
    "shares",
    metadata,
    Column("client_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True),
    Column("virtual_time", Double, nullable=False),  # jobs taken / weight, moved up when it comes back from idling
    Column("tokens", Double, nullable=False),  # jobs that may be asked for now
    Column("tokens_at", Double, nullable=False),
)

queues = Table(  # one row a client and model: the counts that would otherwise be counted
    "queues",
    metadata,
    Column("client_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("waiting", Integer, nullable=False, server_default="0"),
    Column("delayed", Integer, nullable=False, server_default="0"),
    Column("running", Integer, nullable=False, server_default="0"),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("failed", BigInteger, nullable=False, server_default="0"),
    Column("dead", BigInteger, nullable=False, server_default="0"),
    Column("cancelled", BigInteger, nullable=False, server_default="0"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("seq", _NUMBER, primary_key=True, autoincrement=True),  # the order in which jobs came
    Column("id", Text, nullable=False, unique=True),
    Column("client_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), nullable=False),
    Column("model", Text, nullable=False),
    Column("url", Text),  # none: the picture lies in `uploads`
    Column("threshold", Double),
    Column("callback", Text),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),  # counts up whenever it is taken: the fence against late results
    Column("failures", Integer, nullable=False),  # times that it took its worker down or failed for a passing reason
    Column("owner", Text),  # the worker that has it, or had it last
    Column("due", Double),  # running: when the lease ends; delayed: when it waits again; ended: when it is forgotten
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("error_code", Text),
    Column("error_detail", Text),
    Index(
        "jobs_to_take",
        "client_id",
        "model",
        "seq",
        sqlite_where=TO_TAKE,
        postgresql_where=TO_TAKE,
    ),
    Index(
        "jobs_leased",
        "due",
        sqlite_where=LEASED,
        postgresql_where=LEASED,
    ),
    Index(
        "jobs_ended",
        "due",
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    ),
    Index("jobs_of_client", "client_id", "seq"),
)

uploads = Table(  # pictures that came with the request, until their job has ended
    "uploads",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("client_id", Text, ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # of the request
    Column("job_ids", Text, nullable=False),  # JSON
    Column("created_at", Double, nullable=False, index=True),
)

callbacks = Table(  # notes still to be sent
    "callbacks",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", Text),
    Column("due", Double, nullable=False, index=True),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("address", Text, nullable=False),  # where it answers at once; empty: nowhere
    Column("models", Text, nullable=False),  # JSON list of what it has loaded
    Column("started_at", Double, nullable=False),
    Column("seen_until", Double, nullable=False),
)

model_faults = Table(  # versions that would not load
    "model_faults",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", Double, nullable=False),
)
