"""Versions that would not load, written down for whoever published them; the version before goes on serving."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, text

from onelook.service.database import Database, storable
from onelook.service.schema import model_faults

_REPORT = text(
    "INSERT INTO model_faults (owner, name, version, worker, detail, at)"
    " VALUES (:owner, :name, :version, :worker, :detail, :at) ON CONFLICT (owner, name, version)"
    " DO UPDATE SET worker = excluded.worker, detail = excluded.detail, at = excluded.at"
)
"""Several workers meet the same bad version at the same time."""


@dataclass(frozen=True)
class ModelFault:
    """Why a version would not load, where and when that was seen last."""

    version: str
    worker: str
    detail: str
    at: float


def report(database: Database, owner: str, name: str, version: str, worker: str, detail: str) -> None:
    """Write down that a version would not load; it stands there once, as it was seen last."""
    words = {"owner": owner, "name": name, "version": version, "worker": worker, "detail": storable(detail)}

    def work(connection: Connection) -> None:
        now: float = connection.execute(select(database.now())).scalar_one()
        connection.execute(_REPORT, {**words, "at": now})

    database.run(work)


def forget(database: Database, owner: str, name: str, version: str) -> None:
    """Forget the fault of a version that was removed."""
    this = (model_faults.c.owner == owner, model_faults.c.name == name, model_faults.c.version == version)
    database.run(lambda connection: connection.execute(delete(model_faults).where(*this)))


def faults(database: Database, owner: str, name: str) -> list[ModelFault]:
    """Return a model's versions that would not load, the latest first."""
    columns = (model_faults.c.version, model_faults.c.worker, model_faults.c.detail, model_faults.c.at)
    asked = select(*columns).where(model_faults.c.owner == owner, model_faults.c.name == name)
    asked = asked.order_by(model_faults.c.at.desc())
    return database.read(lambda connection: [ModelFault(**row._mapping) for row in connection.execute(asked)])
