"""Uploaded models become versions in the model store: a zipped bundle, a `.cfg` with its `.weights`, or a run's best model."""

import tempfile
from pathlib import Path
from typing import BinaryIO

from onelook.service.clients import Client
from onelook.service.messages import PublishedVersion
from onelook.service.models.names import SHARED
from onelook.service.models.store import ModelStore, current, promote, publish, resolve
from onelook.service.problems import ProblemError, invalid
from onelook.service.unpacking import only_folder, unpack
from onelook.structures.bundle import darknet_bundle, write_bundle
from onelook.structures.errors import FormatError, UserError

_MOST_FILES = 100


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
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder), most_bytes, "bundle", _MOST_FILES)
        return _publish(store, owner, name, only_folder(Path(folder)), promoted, folder)


def publish_darknet(
    store: ModelStore, owner: str, name: str, files: dict[str, BinaryIO], promoted: bool | None
) -> PublishedVersion:
    """Publish a model of Darknet's files: `cfg`, `weights` and, where classes have names, `names`. Raises UserError."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {field: Path(folder) / f"model.{field}" for field in files}
        for field, path in paths.items():
            with path.open("wb") as out:
                while chunk := files[field].read(1024**2):
                    out.write(chunk)
        try:
            bundle = darknet_bundle(paths["cfg"], paths["weights"], paths.get("names"))
            write_bundle(Path(folder) / "bundle", bundle)
        except UserError as error:
            raise FormatError(_without(str(error), folder)) from None
        return _publish(store, owner, name, Path(folder) / "bundle", promoted, folder)


def publish_run(store: ModelStore, owner: str, name: str, folder: Path, shared: bool) -> PublishedVersion:
    """Publish a run's best model and let it serve."""
    made = publish(store, owner, name, folder)
    promote(store, owner, name, made.version)
    return PublishedVersion(name=name, shared=shared, version=made.version, promoted=True)


def weights_of(store: ModelStore, client_id: str, name: str) -> tuple[str, str]:
    """Return the owner and the current version of a client's or a shared model. Raises the 422 when there is none."""
    found = resolve(store, client_id, name)
    if found is None:
        raise invalid("weights", "one of your own models or a shared one", name, "no_model")
    return found[0], found[1].version


def _publish(
    store: ModelStore, owner: str, name: str, folder: Path, promoted: bool | None, temporary: str
) -> PublishedVersion:
    """Publish a bundle; it serves when that was asked for, or by itself when none does yet."""
    try:
        made = publish(store, owner, name, folder)
    except UserError as error:
        raise FormatError(_without(str(error), temporary)) from None
    serves = promoted if promoted is not None else current(store, owner, name) is None
    if serves:
        promote(store, owner, name, made.version)
    return PublishedVersion(name=name, shared=owner == SHARED, version=made.version, promoted=serves)


def _without(words: str, folder: str) -> str:
    """Return an error's words without the folder that the client does not know."""
    return words.replace(f"{folder}/", "").replace(folder, "the upload")
