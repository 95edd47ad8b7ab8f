"""Databases to test on: SQLite always, a real PostgreSQL where it is installed."""

import importlib.util
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy

from onelook.service.clients import Client, add_client
from onelook.service.database import Database, open_database
from onelook.service.jobs.job import NewJob, Submission
from onelook.service.jobs.submit import submit
from onelook.service.migrations import migrate
from onelook.service.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_program() -> ModuleType:
    """Return benchmarks/postgres.py as a module."""
    spec = importlib.util.spec_from_file_location("onelook_postgres", ROOT / "benchmarks" / "postgres.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def postgres_url(postgres_program: ModuleType) -> Iterator[str]:
    """Return the URL of a PostgreSQL of this run; skip, loudly, where none is installed."""
    if postgres_program.programs() is None:
        pytest.skip("POSTGRESQL ABSENT: apt-get install postgresql; the service was not tested on it")
    with postgres_program.running(fsync=False) as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give an empty database of each kind."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'onelook.db'}")
    else:
        url = request.getfixturevalue("postgres_url")
        name = f"test_{next(NUMBERS)}"
        engine = sqlalchemy.create_engine(
            url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        database = open_database(url.rpartition("/")[0] + f"/{name}")
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """Give a database of each kind with the newest schema."""
    migrate(empty_database)
    return empty_database


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    """Return settings with short times, everything below tmp_path."""
    return ServiceSettings(
        models=str(tmp_path / "models"), cache=tmp_path / "cache", retry_delay=0.05, steal_after=0, database_patience=2
    )


@pytest.fixture
def client(database: Database) -> Client:
    """Return a client without limits worth speaking of."""
    return add_client(database, "a client")


def put(
    database: Database, settings: ServiceSettings, client: Client, count: int = 1, model: str | None = None
) -> list[str]:
    """Submit `count` jobs and return their ids."""
    new = tuple(NewJob(url=f"http://example.org/{number}.jpg", model=model) for number in range(count))
    (accepted,) = submit(database, [Submission(client.id, new)], settings)
    if isinstance(accepted, Exception):
        raise accepted
    return list(accepted.job_ids)
