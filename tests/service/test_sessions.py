"""Sessions of browsers, on both databases: opened by a key or once by a ticket, ended by time, sign-out, revocation."""

import pytest
from sqlalchemy import text

from onelook.service.clients import Client, add_key, change_client, revoke_key
from onelook.service.database import Database
from onelook.service.sessions import (
    add_ticket,
    client_of_session,
    close_session,
    csrf_of,
    is_csrf_of,
    open_session,
    use_ticket,
)


@pytest.fixture
def key(database: Database, client: Client) -> tuple[str, str]:
    """Return the id and the secret of a key of the client."""
    made = add_key(database, client.id)
    assert made is not None
    return made.id, made.secret


def opened(database: Database, key: str, seconds: float = 60) -> str:
    secret = open_session(database, key, seconds)
    assert secret is not None
    return secret


def test_a_key_opens_a_session_of_its_client(database: Database, client: Client, key: tuple[str, str]) -> None:
    assert client_of_session(database, opened(database, key[1])) == client
    assert open_session(database, "onelook_nobody", 60) is None
    assert client_of_session(database, "nothing") is None


def test_the_secret_itself_is_not_stored(database: Database, key: tuple[str, str]) -> None:
    secret = opened(database, key[1])

    with database.reading() as connection:
        rows = connection.execute(text("SELECT * FROM sessions")).all()
    assert len(rows) == 1
    assert secret not in str(rows)


def test_a_session_ends_with_its_time_and_is_cleared_away(database: Database, key: tuple[str, str]) -> None:
    secret = opened(database, key[1], seconds=-1)
    assert client_of_session(database, secret) is None
    opened(database, key[1])

    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 1


def test_a_session_ends_when_it_is_closed(database: Database, key: tuple[str, str]) -> None:
    ended, other = opened(database, key[1]), opened(database, key[1])
    close_session(database, ended)

    assert client_of_session(database, ended) is None
    assert client_of_session(database, other) is not None


def test_a_session_ends_with_its_key(database: Database, key: tuple[str, str]) -> None:
    secret = opened(database, key[1])
    revoke_key(database, key[0])

    assert client_of_session(database, secret) is None


def test_a_disabled_client_has_no_session(database: Database, client: Client, key: tuple[str, str]) -> None:
    secret = opened(database, key[1])
    change_client(database, client.id, disabled=True)

    assert client_of_session(database, secret) is None


def test_a_ticket_opens_one_session(database: Database, client: Client) -> None:
    ticket = add_ticket(database, client.id)
    secret = use_ticket(database, ticket, 60)

    assert secret is not None
    assert client_of_session(database, secret) == client
    assert use_ticket(database, ticket, 60) is None
    assert use_ticket(database, "another", 60) is None


def test_an_old_ticket_opens_nothing(database: Database, client: Client) -> None:
    ticket = add_ticket(database, client.id)
    with database.writing() as connection:
        connection.execute(text("UPDATE tickets SET expires_at = 1"))

    assert use_ticket(database, ticket, 60) is None


def test_the_token_of_a_session_is_its_own(database: Database, key: tuple[str, str]) -> None:
    one, other = opened(database, key[1]), opened(database, key[1])

    assert is_csrf_of(csrf_of(one), one)
    assert not is_csrf_of(csrf_of(other), one)
    assert not is_csrf_of("", one)
    assert not is_csrf_of("é", one)
    assert one not in csrf_of(one)
