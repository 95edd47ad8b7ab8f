"""`onelook client`: who may use the service, on the machine that has its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import UserError, nearest

if TYPE_CHECKING:  # the command line's help needs no database
    from onelook.service.database import Database

Config = Annotated[Path | None, typer.Option(help="The service's TOML file.")]
Place = Annotated[
    str | None, typer.Option("--database", help="The service's database; sqlite:///onelook.db by default.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def build_app() -> typer.Typer:
    """Return the commands for clients."""
    app = typer.Typer(no_args_is_help=True, help="Add and list the service's clients, and make keys for them.")
    app.command("add")(add)
    app.command("list")(list_)
    app.command("key")(key)
    return app


def add(
    name: Annotated[str, typer.Argument(help="The client's name.")],
    weight: Annotated[float, typer.Option(help="Its share of the work while others wait.")] = 1.0,
    max_waiting: Annotated[int, typer.Option(help="Jobs of it that may wait.")] = 10_000,
    jobs_per_minute: Annotated[int, typer.Option(help="Jobs that it may ask for a minute; 0 sets no limit.")] = 0,
    admin: Annotated[bool, typer.Option("--admin", help="It may manage clients and shared models.")] = False,
    config: Config = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Add a client and print its first key, which is told this once."""
    from onelook.service.clients import add_client, add_key

    with _database(config, database) as opened:
        made = add_client(opened, name, weight, max_waiting, jobs_per_minute, admin)
        new = add_key(opened, made.id, "first")
    secret = new.secret if new else ""
    if as_json:
        print_json({"client": asdict(made), "key": secret})
    else:
        typer.echo(f"client {made.id}\nkey {secret}")


def list_(config: Config = None, database: Place = None, as_json: AsJson = False) -> None:
    """List the clients with their weights, quotas and keys."""
    from onelook.service.clients import list_clients, list_keys

    with _database(config, database) as opened:
        rows = [(client, list_keys(opened, client.id)) for client in list_clients(opened)]
    if as_json:
        print_json({"clients": [{**asdict(client), "keys": [asdict(key) for key in keys]} for client, keys in rows]})
        return
    for client, keys in rows:
        valid = sum(key.revoked_at is None for key in keys)
        marks = "".join(
            f", {word}" for word, holds in (("admin", client.admin), ("disabled", client.disabled)) if holds
        )
        limit = client.jobs_per_minute or "no limit"
        typer.echo(
            f"{client.name}  {client.id}  weight {client.weight:g}, waiting at most {client.max_waiting}, "
            f"a minute {limit}, keys {valid}{marks}"
        )


def key(
    client: Annotated[str, typer.Argument(help="The client's name.")],
    revoke: Annotated[
        str | None, typer.Option(help="Make the key with this id worthless, in place of a new one.")
    ] = None,
    label: Annotated[str, typer.Option(help="What the new key is for.")] = "",
    config: Config = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Make another key for a client and print it, this once; or revoke one."""
    from onelook.service.clients import add_key, find_client_named, list_clients, list_keys, revoke_key

    with _database(config, database) as opened:
        known = find_client_named(opened, client)
        if known is None:
            names = [each.name for each in list_clients(opened)]
            raise UserError(f"client: expected a known name, got {client!r}{nearest(client, names)}")
        if revoke is None:
            new = add_key(opened, known.id, label)
            told = {"id": new.id, "key": new.secret} if new else {}
        else:
            if revoke not in {each.id for each in list_keys(opened, known.id)}:
                raise UserError(f"--revoke: expected the id of a key of {client!r}, got {revoke!r}")
            revoke_key(opened, revoke)
            told = {"revoked": revoke}
    if as_json:
        print_json(told)
    else:
        typer.echo("\n".join(f"{word} {value}" for word, value in told.items()))


@contextmanager
def _database(config: Path | None, url: str | None) -> Iterator["Database"]:
    """Give the service's database, its tables made where there are none."""
    from onelook.service.configuration import read_settings
    from onelook.service.database import open_database
    from onelook.service.migrations import migrate

    settings = read_settings(config, options={"service.database": url}).service
    opened = open_database(settings.database, settings.database_patience)
    try:
        migrate(opened)
        yield opened
    finally:
        opened.close()
