"""A run of the command line, brought to the pages: its best model for everyone to try, the run itself for the administrator."""

import re
from pathlib import Path

from onelook.service.configuration import AllSettings
from onelook.service.models.names import SHARED, check_name
from onelook.service.models.store import open_store, promote, publish
from onelook.structures.errors import UserError

_OTHER = re.compile(r"[^a-z0-9._-]+")


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
