import threading

import pytest
from sqlalchemy import inspect, text

from onelook.service.database import Database
from onelook.service.migrations import MIGRATIONS, check_version, migrate, version_of
from onelook.service.schema import metadata
from onelook.structures.errors import UserError


def test_migrating_makes_every_table_column_and_index_of_the_schema(empty_database: Database) -> None:
    assert migrate(empty_database) == list(MIGRATIONS)

    seen = inspect(empty_database.engine)
    assert set(seen.get_table_names()) == {*metadata.tables, "schema_version"}
    for name, table in metadata.tables.items():
        columns = {column["name"]: (str(column["type"]), column["nullable"]) for column in seen.get_columns(name)}
        dialect = empty_database.engine.dialect
        assert columns == {
            column.name: (column.type.compile(dialect), bool(column.nullable)) for column in table.columns
        }, name
        unique = {tuple(each["column_names"]) for each in seen.get_unique_constraints(name)}
        indexes = {each["name"] for each in seen.get_indexes(name)} - {
            each["name"] for each in seen.get_unique_constraints(name)
        }
        assert indexes == {index.name for index in table.indexes}, name
        assert unique == {(column.name,) for column in table.columns if column.unique}, name


def test_migrating_again_changes_nothing(empty_database: Database) -> None:
    migrate(empty_database)

    assert migrate(empty_database) == []
    assert version_of(empty_database) == len(MIGRATIONS)


def test_many_processes_may_migrate_at_once(empty_database: Database) -> None:
    ran: list[list[str]] = []
    threads = [threading.Thread(target=lambda: ran.append(migrate(empty_database))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ran) == [[], [], [], list(MIGRATIONS)]


def test_an_old_database_and_a_newer_one_are_told_apart(empty_database: Database) -> None:
    with pytest.raises(UserError, match=f"expected schema {len(MIGRATIONS)}, got 0"):
        check_version(empty_database)
    migrate(empty_database)
    check_version(empty_database)
    with empty_database.writing() as connection:
        connection.execute(text("INSERT INTO schema_version VALUES (99, 'from tomorrow')"))

    with pytest.raises(UserError, match="newer onelook"):
        migrate(empty_database)
