"""Versions that would not load, written down for whoever published them; the version before goes on serving."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from onelook.service.database import Database
from onelook.service.schema import model_faults


@dataclass(frozen=True)
class ModelFault:
    """Why a version would not load, where and when that was seen last."""

    version: str
    worker: str
    detail: str
    at: float


def report(database: Database, owner: str, name: str, version: str, worker: str, detail: str) -> None:
    """Write down that a version would not load."""
    this = (model_faults.c.owner == owner, model_faults.c.name == name, model_faults.c.version == version)

    def work(connection: Connection) -> None:
        now: float = connection.execute(select(database.now())).scalar_one()
        connection.execute(delete(model_faults).where(*this))
        row = {"owner": owner, "name": name, "version": version, "worker": worker, "detail": detail, "at": now}
        connection.execute(insert(model_faults), row)

    database.run(work)


def faults(database: Database, owner: str, name: str) -> list[ModelFault]:
    """Return a model's versions that would not load, the latest first."""
    columns = (model_faults.c.version, model_faults.c.worker, model_faults.c.detail, model_faults.c.at)
    asked = select(*columns).where(model_faults.c.owner == owner, model_faults.c.name == name)
    asked = asked.order_by(model_faults.c.at.desc())
    return database.read(lambda connection: [ModelFault(**row._mapping) for row in connection.execute(asked)])
