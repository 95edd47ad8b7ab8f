"""Browsers that signed in to the pages: a random secret in a cookie, of which only the sha256 is stored, as with keys.

A ticket opens one session and is gone: `onelook serve` prints one inside its first address.
"""

import hashlib
import hmac
import secrets

from sqlalchemy import Connection, delete, insert, or_, select

from onelook.service.clients import Client, client_of, digest_of, first_client
from onelook.service.database import Database
from onelook.service.schema import clients, keys, sessions, tickets

TICKET_SECONDS = 86400.0


def open_session(database: Database, key: str, seconds: float) -> str | None:
    """Return the secret of a new session of the client whose key this is; None for a key that opens nothing.

    It lasts for `seconds`, and no longer than the key is valid.
    """
    client = client_of(database, key)
    if client is None:
        return None
    key_id = select(keys.c.id).where(keys.c.digest == digest_of(key)).scalar_subquery()
    secret = secrets.token_urlsafe(32)
    values = {"digest": digest_of(secret), "client_id": client.id, "key_id": key_id}

    def work(connection: Connection) -> None:
        connection.execute(delete(sessions).where(sessions.c.expires_at <= database.now()))
        connection.execute(insert(sessions).values(**values, expires_at=database.now() + seconds))

    database.run(work)
    return secret


def add_ticket(database: Database, client_id: str) -> str:
    """Return a new ticket of a client, worth one session within a day."""
    secret = secrets.token_urlsafe(32)
    values = {"digest": digest_of(secret), "client_id": client_id}

    def work(connection: Connection) -> None:
        connection.execute(delete(tickets).where(tickets.c.expires_at <= database.now()))
        connection.execute(insert(tickets).values(**values, expires_at=database.now() + TICKET_SECONDS))

    database.run(work)
    return secret


def use_ticket(database: Database, ticket: str, seconds: float) -> str | None:
    """Return the secret of the session that a ticket opens, and end the ticket; None for one that was used or is too old."""
    secret = secrets.token_urlsafe(32)
    this = delete(tickets).where(tickets.c.digest == digest_of(ticket), tickets.c.expires_at > database.now())

    def work(connection: Connection) -> str | None:
        client_id = connection.execute(this.returning(tickets.c.client_id)).scalar()
        if client_id is None:
            return None
        values = {"digest": digest_of(secret), "client_id": client_id}
        connection.execute(insert(sessions).values(**values, expires_at=database.now() + seconds))
        return secret

    return database.run(work)


def client_of_session(database: Database, secret: str) -> Client | None:
    """Return the client whose session has this secret; None once it has ended, its key was revoked or the client disabled."""
    asked = select(clients).join(sessions, sessions.c.client_id == clients.c.id)
    asked = asked.outerjoin(keys, keys.c.id == sessions.c.key_id).where(
        sessions.c.digest == digest_of(secret),
        sessions.c.expires_at > database.now(),
        clients.c.disabled.is_(False),
        or_(sessions.c.key_id.is_(None), keys.c.revoked_at.is_(None)),
    )
    return first_client(database, asked)


def close_session(database: Database, secret: str) -> None:
    """End a session; one that has ended stays so."""
    this = delete(sessions).where(sessions.c.digest == digest_of(secret))
    database.run(lambda connection: connection.execute(this))


def csrf_of(secret: str) -> str:
    """Return the token that shows a page of this session to be the one that asks; the secret cannot be told from it."""
    return hashlib.sha256(f"csrf {secret}".encode()).hexdigest()


def is_csrf_of(token: str, secret: str) -> bool:
    """Return whether a token is the session's, in a time that tells nothing."""
    return hmac.compare_digest(token.encode(), csrf_of(secret).encode())
