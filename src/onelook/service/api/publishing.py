"""Uploaded models become versions in the model store: a zipped bundle, a `.cfg` with its `.weights`, or a run's best model."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from onelook.service.clients import Client
from onelook.service.messages import PublishedVersion
from onelook.service.models.names import SHARED
from onelook.service.models.store import ModelStore, StoreDownError, current, promote, publish, resolve
from onelook.service.problems import ProblemError, invalid
from onelook.service.unpacking import only_folder, unpack
from onelook.structures.bundle import darknet_bundle, write_bundle
from onelook.structures.errors import FormatError, UserError

_MOST_FILES = 100
_WRITING_SECONDS = 0.5


def owner_of(client: Client, shared: bool) -> str:
    """Return whose model is meant. Raises the 403 when a client that is no administrator would change a shared one."""
    if shared and not client.admin:
        raise ProblemError(
            403, "no_admin", "shared: expected an administrator's key to change a shared model, got another"
        )
    return SHARED if shared else client.id


def publish_zip(
    store: ModelStore, owner: str, name: str, archive: BinaryIO, most_bytes: int, promoted: bool | None
) -> PublishedVersion:
    """Publish the bundle in a zip. Raises UserError for what is no bundle."""
    with _own_folder() as folder:
        unpack(archive, folder, most_bytes, "bundle", _MOST_FILES)
        return publish_bundle(store, owner, name, only_folder(folder), promoted)


def publish_darknet(
    store: ModelStore, owner: str, name: str, files: dict[str, BinaryIO], promoted: bool | None
) -> PublishedVersion:
    """Publish a model of Darknet's files: `cfg`, `weights` and, where classes have names, `names`. Raises UserError."""
    with _own_folder() as folder:
        paths = {field: folder / f"model.{field}" for field in files}
        for field, path in paths.items():
            with path.open("wb") as out:
                while chunk := files[field].read(1024**2):
                    out.write(chunk)
        write_bundle(folder / "bundle", darknet_bundle(paths["cfg"], paths["weights"], paths.get("names")))
        return publish_bundle(store, owner, name, folder / "bundle", promoted)


def publish_bundle(store: ModelStore, owner: str, name: str, folder: Path, promoted: bool | None) -> PublishedVersion:
    """Publish the bundle in a folder; it serves when that is asked for, or with None when none does yet. Raises UserError."""
    made = publish(store, owner, name, folder)
    serves = promoted if promoted is not None else current(store, owner, name) is None
    if serves:
        promote(store, owner, name, made.version)
    return PublishedVersion(name=name, shared=owner == SHARED, version=made.version, promoted=serves)


def publish_run(store: ModelStore, owner: str, name: str, model: Path) -> PublishedVersion:
    """Let a run's best model serve, as it is now: one that goes on may write a better one at any moment. Raises UserError."""
    with _own_folder() as folder:
        for last in (False, False, True):
            shutil.copytree(model, folder / "model", dirs_exist_ok=True)
            try:
                return publish_bundle(store, owner, name, folder / "model", promoted=True)
            except StoreDownError:
                raise
            except FormatError:  # half of it was of before
                if last:
                    raise
                time.sleep(_WRITING_SECONDS)
    raise AssertionError("the last try returns or raises")


def weights_of(store: ModelStore, client_id: str, name: str) -> tuple[str, str]:
    """Return the owner and the current version of a client's or a shared model. Raises the 422 when there is none."""
    found = resolve(store, client_id, name)
    if found is None:
        raise invalid("weights", "one of your own models or a shared one", name, "no_model")
    return found[0], found[1].version


@contextmanager
def _own_folder() -> Iterator[Path]:
    """Give a folder for what was uploaded; what is wrong with it is told without the folder, which the client does not know."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Path(folder)
        except StoreDownError:
            raise
        except UserError as error:
            raise FormatError(str(error).replace(f"{folder}/", "").replace(folder, "the upload")) from None
