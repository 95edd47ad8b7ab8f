"""A run of the command line, brought to the pages: its best model for everyone to try, the run itself for the administrator."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from onelook.service.configuration import AllSettings
from onelook.service.models.names import SHARED, check_name
from onelook.service.models.store import open_store, promote, publish
from onelook.service.trainings.data import add_path, list_data
from onelook.service.trainings.record import Value, find_training, id_of, new_training, run_of
from onelook.structures.errors import UserError
from onelook.structures.settings import spelled
from onelook.training.origin import Origin, read_origin
from onelook.training.run import Run

_OTHER = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True)
class Shown:
    """The paths of a run's pages."""

    trying: str
    """Of Try, with the run's model chosen."""
    run: str | None
    """Of the run itself; None where there is no administrator to see it."""


def show_run(settings: AllSettings, run: Path, administrator: str | None) -> Shown:
    """Let a run's best model serve everyone, and list the run, which stays where it is, among the administrator's.

    `administrator` is the id of one. Raises UserError for a folder that holds no run with a model.
    """
    model = show_model(settings, run)
    page = None if administrator is None else f"/runs/{list_run(settings.http.trainings, run, administrator)}"
    return Shown(f"/?{urlencode({'model': model})}", page)


def show_model(settings: AllSettings, run: Path) -> str:
    """Let a run's best model serve everyone, and return its name: the folder's, or of one called `run` that of the folder around.

    Raises UserError for a folder that holds no run with a model.
    """
    folder = run / "model"
    if not folder.is_dir():
        raise UserError(f"--show: expected a run with a model, got {str(run)!r}, which has no folder `model`")
    whole = run.resolve()
    named = whole.parent.name if whole.name == "run" else whole.name
    name = check_name("--show", _OTHER.sub("-", named.lower()).strip("._-")[:64])
    store = open_store(settings.service.models)
    promote(store, SHARED, name, publish(store, SHARED, name, folder).version)
    return name


def list_run(root: Path, run: Path, client_id: str) -> str:
    """Return the id of the training that stands for a run among a client's; the same run has the same id each time.

    A run that does not tell what it was made from is listed by its folder's name.
    """
    whole = run.resolve()
    id_ = id_of(client_id, str(whole))
    training = find_training(root, client_id, id_)
    if training is None:
        origin = _origin(Run(whole))
        cfg = Run(whole).origin / f"{origin.network}.cfg"
        training = new_training(
            root,
            id_,
            client_id,
            "training",
            _data(root, client_id, Path(origin.data)),
            cfg.name if cfg.is_file() else origin.network,
            cfg.read_text(encoding="utf-8") if cfg.is_file() else None,
            settings=_scalars(origin.given),
            state="done",
            finished_at=(whole / "model").stat().st_mtime,
        )
    with suppress(FileExistsError):
        run_of(root, training).symlink_to(whole, target_is_directory=True)
    return id_


def _origin(run: Run) -> Origin:
    """Return what the run was made from; of one that does not tell, its folder's name in the place of network and data."""
    try:
        return read_origin(run)
    except UserError:
        name = run.folder.name
        return Origin(name, name, None, "", {}, None, None, {})


def _data(root: Path, client_id: str, path: Path) -> str:
    """Return the id of the data at a path of this machine, known from now on; its name where it can no longer be read."""
    known = next((each.id for each in list_data(root, client_id) if each.path == str(path.resolve())), None)
    try:
        return known or add_path(root, client_id, path.name, str(path), [str(path)]).id
    except UserError:
        return path.name


def _scalars(given: Mapping[str, Any]) -> dict[str, Value]:
    """Return settings as a request has them: lists as words with commas between, tables left out."""
    lists = {key: spelled(value) for key, value in given.items() if isinstance(value, list)}
    return lists | {key: value for key, value in given.items() if isinstance(value, str | int | float | bool)}
