"""The settings of the whole service: a TOML file with a table for each part, the environment, and what the command line says.

Later ones win. `ONELOOK__SERVICE__DATABASE` in the environment is `database` of the table `[service]`: a place for secrets.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onelook.service.api.settings import HttpSettings
from onelook.service.decoding import DecodeSettings
from onelook.service.fetching import FetchSettings
from onelook.service.settings import ServiceSettings
from onelook.structures.errors import UserError, nearest
from onelook.structures.settings import make_settings, parse_overrides, read_toml

PREFIX = "ONELOOK__"
TABLES = ("service", "http", "fetching", "decoding")


@dataclass(frozen=True)
class AllSettings:
    """The settings of every part."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    fetching: FetchSettings = field(default_factory=FetchSettings)
    decoding: DecodeSettings = field(default_factory=DecodeSettings)


def read_settings(
    file: Path | None = None,
    pairs: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AllSettings:
    """Return the settings of a TOML file, the environment (this process's when none is given) and the command line.

    `pairs` are `table.key=value`; `options` are by `table.key` too, those that are None left out. Raises UserError for an unknown
    table or key, a value of the wrong kind or out of range.
    """
    values = _by_table(read_toml(file) if file else {}, str(file))
    environment = os.environ if environment is None else environment
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX):
            _place(values, name.removeprefix(PREFIX).lower().replace("__", "."), value, name)
    for key, value in parse_overrides(pairs).items():
        _place(values, key, value, "--set")
    for key, value in (options or {}).items():
        if value is not None:
            _place(values, key, value, key)
    where = f"{file}: [{{}}]" if file else "[{}]"
    return AllSettings(
        make_settings(ServiceSettings, values["service"], where.format("service")),
        make_settings(HttpSettings, values["http"], where.format("http")),
        make_settings(FetchSettings, values["fetching"], where.format("fetching")),
        make_settings(DecodeSettings, values["decoding"], where.format("decoding")),
    )


def _by_table(given: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    for name, table in given.items():
        if name not in TABLES or not isinstance(table, dict):
            raise UserError(f"{where}: expected tables {', '.join(TABLES)}, got {name!r}{nearest(name, TABLES)}")
    return {name: dict(given.get(name, {})) for name in TABLES}


def _place(values: dict[str, dict[str, Any]], key: str, value: Any, where: str) -> None:
    table, dot, name = key.partition(".")
    if table not in values or not dot:
        known = ", ".join(f"{each}.KEY" for each in TABLES)
        raise UserError(f"{where}: expected one of {known}, got {key!r}{nearest(table, TABLES)}")
    values[table][name] = value
