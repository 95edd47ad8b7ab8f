from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Connection, Text, bindparam, select, text
from sqlalchemy.exc import DBAPIError

from onelook.service.database import Database, DatabaseDownError, is_up, open_database, passes, storable, time_of
from onelook.structures.errors import UserError


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/name", "sqlite://", "postgresql://host"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="database: expected sqlite:///FILE or postgresql://"):
        open_database(url)


def test_times_are_the_databases_and_go_on(database: Database) -> None:
    first = time_of(database)

    assert first > 1_700_000_000
    assert 0 <= time_of(database) - first < 10
    assert is_up(database)


def test_a_mistake_in_a_statement_is_not_taken_for_a_lost_database(database: Database) -> None:
    with pytest.raises(DBAPIError) as told, database.reading() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))

    assert not passes(told.value)


def test_what_an_exception_leaves_is_not_written(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO schema_version VALUES (77, 'never')"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(work)

    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM schema_version WHERE number = 77")).scalar_one() == 0


def test_a_lost_connection_is_made_again_and_the_work_is_run_again(postgres_url: str) -> None:
    database, other = open_database(postgres_url), open_database(postgres_url)
    runs = 0

    def work(connection):
        nonlocal runs
        runs += 1
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        if runs == 1:
            with other.reading() as beside:
                beside.execute(text(f"SELECT pg_terminate_backend({own})"))
        return connection.execute(text("SELECT 1")).scalar_one()

    assert database.run(work) == 1
    assert runs == 2
    database.close()
    other.close()


def test_a_transaction_that_stands_still_is_ended_by_the_server(postgres_url: str) -> None:
    database = open_database(postgres_url)
    with database.reading() as connection:
        told = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()

    assert told == "5s"
    database.close()


def test_a_database_that_is_away_is_told_in_one_line() -> None:
    database = open_database("postgresql://nobody@127.0.0.1:9/none", patience=0.05)

    assert not is_up(database)
    with pytest.raises(DatabaseDownError, match=r"database: expected an answer, got .*; try again"):
        time_of(database)
    database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_pool_without_a_free_connection_is_a_database_that_does_not_answer(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path / 'x.db'}"
    database = open_database(url, patience=0.05, pool=1)
    with ExitStack() as held:
        for _ in range(1 if kind == "postgresql" else 15):
            held.enter_context(database.reading())

        with pytest.raises(DatabaseDownError, match="expected a free connection, got none in time"):
            time_of(database)

    assert is_up(database)
    database.close()


@pytest.mark.parametrize("words", ["a\0b", "\ud800", "x" * 5000])
def test_whatever_words_come_are_made_storable(database: Database, words: str) -> None:
    kept = storable(words)

    with database.reading() as connection:
        assert connection.execute(select(bindparam("words", kept, Text))).scalar_one() == kept
    assert 1 <= len(kept) <= 2000
