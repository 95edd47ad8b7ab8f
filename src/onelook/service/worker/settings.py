"""What a worker is told, from one file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.service.decoding import DecodeSettings
from onelook.service.fetching import FetchSettings
from onelook.service.settings import ServiceSettings
from onelook.structures.errors import UserError
from onelook.structures.settings import make_settings, read_toml

OTHERS = ("http",)
"""Tables of the same file that are for others."""


@dataclass(frozen=True)
class WorkerSettings:
    """The tables [service], [fetching] and [decoding]."""

    service: ServiceSettings
    fetching: FetchSettings
    decoding: DecodeSettings


def read_worker_settings(config: Path | None, given: Mapping[str, Any]) -> WorkerSettings:
    """Return the settings of a file, or the defaults without one; `given` comes before the table [service].

    Raises UserError naming the file and what is wrong.
    """
    tables = read_toml(config) if config else {}
    where = str(config) if config else "onelook worker"
    kinds = {"service": ServiceSettings, "fetching": FetchSettings, "decoding": DecodeSettings}
    unknown = [name for name in tables if name not in {*kinds, *OTHERS}]
    if unknown:
        raise UserError(f"{where}: expected the tables {', '.join(kinds)}, got {unknown[0]!r}")
    service = make_settings(ServiceSettings, {**tables.get("service", {}), **given}, f"{where}: [service]")
    fetching = make_settings(FetchSettings, tables.get("fetching", {}), f"{where}: [fetching]")
    return WorkerSettings(
        service, fetching, make_settings(DecodeSettings, tables.get("decoding", {}), f"{where}: [decoding]")
    )
