"""Clients, their keys, weights and quotas. Of a key only its sha256 is stored: 256 random bits need no slow hash."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from onelook.service.database import Database
from onelook.service.models.names import SHARED
from onelook.service.schema import Record, clients, keys, shares
from onelook.structures.errors import UserError

PREFIX = "onelook_"
"""A secret begins so, for programs that look for secrets in the wrong places."""


@dataclass(frozen=True)
class Client:
    """Whoever sends jobs, its share of the work and its limits."""

    id: str
    name: str
    weight: float
    """Jobs of it are taken in proportion to this while others wait."""
    max_waiting: int
    """Jobs of it that may wait."""
    jobs_per_minute: int
    """Jobs that it may ask for a minute; 0 sets no limit."""
    admin: bool
    """Whether it may manage clients and shared models."""
    disabled: bool
    created_at: float


@dataclass(frozen=True)
class Key:
    """A key as it is listed: the secret itself is not kept."""

    id: str
    client_id: str
    label: str
    created_at: float
    revoked_at: float | None


@dataclass(frozen=True)
class NewKey:
    """A key and its secret, which is told this once."""

    id: str
    secret: str


def add_client(
    database: Database,
    name: str,
    weight: float = 1.0,
    max_waiting: int = 10_000,
    jobs_per_minute: int = 0,
    admin: bool = False,
) -> Client:
    """Return a new client. Raises UserError for a name that is taken or a number out of range."""
    values = {"name": name, "weight": weight, "max_waiting": max_waiting, "jobs_per_minute": jobs_per_minute}
    _check(values)
    client_id = f"c{secrets.token_hex(8)}"

    def work(connection: Connection) -> Client:
        now: float = connection.execute(select(database.now())).scalar_one()
        row = {"id": client_id, **values, "admin": admin, "disabled": False, "created_at": now}
        connection.execute(insert(clients), row)
        share = {"client_id": client_id, "virtual_time": 0.0, "tokens": float(jobs_per_minute), "tokens_at": now}
        connection.execute(insert(shares), share)
        return Client(**row)  # type: ignore[arg-type]

    try:
        return database.run(work)
    except IntegrityError:
        raise UserError(f"name: expected a new name, got {name!r}, which another client has") from None


def change_client(database: Database, client_id: str, **changes: Any) -> Client | None:
    """Change fields of a client (name, weight, max_waiting, jobs_per_minute, admin, disabled) and return it; None when absent.

    Raises UserError for an unknown field, a name that is taken or a number out of range.
    """
    unknown = set(changes) - {"name", "weight", "max_waiting", "jobs_per_minute", "admin", "disabled"}
    if unknown:
        raise UserError(f"client: expected fields that can be changed, got {', '.join(sorted(unknown))}")
    _check(changes)
    try:
        if changes:
            this = update(clients).where(clients.c.id == client_id).values(**changes)
            database.run(lambda connection: connection.execute(this))
    except IntegrityError:
        raise UserError(f"name: expected a new name, got {changes['name']!r}, which another client has") from None
    return find_client(database, client_id)


def find_client(database: Database, client_id: str) -> Client | None:
    """Return a client by its id, None when it is absent."""
    return first_client(database, select(clients).where(clients.c.id == client_id))


def find_client_named(database: Database, name: str) -> Client | None:
    """Return a client by its name, None when it is absent."""
    return first_client(database, select(clients).where(clients.c.name == name))


def list_clients(database: Database) -> list[Client]:
    """Return every client by name."""
    asked = select(clients).order_by(clients.c.name)
    return database.read(lambda connection: [_client(row) for row in connection.execute(asked)])


def add_key(database: Database, client_id: str, label: str = "") -> NewKey | None:
    """Return a new key of a client, with its secret; None when the client is absent."""
    new = NewKey(f"k{secrets.token_hex(8)}", PREFIX + secrets.token_urlsafe(32))

    def work(connection: Connection) -> NewKey | None:
        known = connection.execute(select(clients.c.id, database.now().label("now")).where(clients.c.id == client_id))
        row = known.first()
        if row is None:
            return None
        values = {"id": new.id, "client_id": client_id, "digest": digest_of(new.secret), "label": label}
        connection.execute(insert(keys), {**values, "created_at": row.now})
        return new

    return database.run(work)


def revoke_key(database: Database, key_id: str) -> bool:
    """Make a key worthless and return whether there was one; one that was revoked stays so."""
    this = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=database.now())

    def work(connection: Connection) -> bool:
        connection.execute(this)
        return connection.execute(select(keys.c.id).where(keys.c.id == key_id)).first() is not None

    return database.run(work)


def list_keys(database: Database, client_id: str) -> list[Key]:
    """Return a client's keys, oldest first."""
    columns = (keys.c.id, keys.c.client_id, keys.c.label, keys.c.created_at, keys.c.revoked_at)
    asked = select(*columns).where(keys.c.client_id == client_id).order_by(keys.c.created_at, keys.c.id)
    return database.read(lambda connection: [Key(**row._mapping) for row in connection.execute(asked)])


def client_of(database: Database, secret: str) -> Client | None:
    """Return the client whose key has this secret; None for an unknown or revoked one, and for a disabled client."""
    asked = select(clients).join(keys, keys.c.client_id == clients.c.id)
    asked = asked.where(keys.c.digest == digest_of(secret), keys.c.revoked_at.is_(None), clients.c.disabled.is_(False))
    return first_client(database, asked)


def first_client(database: Database, asked: Select[*tuple[Any, ...]]) -> Client | None:
    """Return the client that a query of `clients` finds first; None for none."""
    row = database.read(lambda connection: connection.execute(asked).first())
    return None if row is None else _client(row)


def digest_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(values: dict[str, Any]) -> None:
    name = values.get("name", "x")
    if not 1 <= len(name) <= 200 or not name.isprintable() or name == SHARED:
        raise UserError(f"name: expected 1 to 200 printable characters, and not {SHARED!r}, got {name[:80]!r}")
    if not 0.001 <= values.get("weight", 1.0) <= 1000:
        raise UserError(f"weight: expected a number from 0.001 to 1000, got {values['weight']}")
    if not 1 <= values.get("max_waiting", 1) <= 10_000_000:
        raise UserError(f"max_waiting: expected a number from 1 to 10000000, got {values['max_waiting']}")
    if not 0 <= values.get("jobs_per_minute", 0) <= 10_000_000:
        raise UserError(f"jobs_per_minute: expected a number from 0 to 10000000, got {values['jobs_per_minute']}")


def _client(row: Record) -> Client:
    return Client(**row._mapping)
