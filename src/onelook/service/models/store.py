"""The model store: a folder or an S3 bucket that holds versions which never change, and for each model a pointer to one of them.

    OWNER/NAME/versions/VERSION/FILE...   a bundle's files
    OWNER/NAME/versions/VERSION.json      sizes and sha256 of them; written last, so that a version is whole or not there
    OWNER/NAME/current.json               the version in use and those before it; one object, replaced as a whole

A version is called by its content, so that the same bundle is the same version whoever publishes it. Anything that can write here
may publish, a training on another machine as well as the service.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from onelook.service.models import pointer
from onelook.service.models.names import DEFAULT, SHARED, check_name
from onelook.service.models.pointer import Current
from onelook.structures.bundle import NAMED, read_bundle
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import new_folder
from onelook.structures.named_bundle import GRAPH, read_named_bundle

FILES = ("network.cfg", NAMED, GRAPH, "classes.txt", "weights.safetensors", "bundle.toml")
"""What a version may consist of."""

REMEMBERED = 10
"""Versions before the current one that the pointer remembers."""

_PIECE = 8 << 20

ModelStore = LocalStore | S3Store


class StoreDownError(UserError):
    """The store did not answer; what it holds is not known."""


@dataclass(frozen=True)
class StoredFile:
    """A file of a version: its name, its bytes and its sha256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ModelVersion:
    """A version as it was published."""

    owner: str
    name: str
    version: str
    files: tuple[StoredFile, ...]
    created_at: float
    """Seconds since 1970 by the store's clock."""

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


def open_store(place: str) -> ModelStore:
    """Return the store in a folder, which is made when absent, or at `s3://bucket/prefix`.

    For S3 the keys, the region and the endpoint come from the environment (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, ...).
    Raises UserError for another address or a folder that cannot be made.
    """
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        if not bucket:
            raise UserError(f"models: expected s3://bucket/prefix, got {place!r}")
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http:")
        return S3Store(bucket, prefix=prefix or None, client_options={"allow_http": True} if plain else None)
    if "://" in place:
        raise UserError(f"models: expected a folder or s3://bucket/prefix, got {place!r}")
    try:
        return LocalStore(Path(place).absolute(), mkdir=True)
    except (BaseError, OSError) as error:
        raise UserError(f"models: {place}: cannot be made ({_line(error)}); choose another folder") from None


def publish(store: ModelStore, owner: str, name: str, folder: Path) -> ModelVersion:
    """Put the bundle in `folder` into the store and return its version; the same bundle again gives the same version.

    It is not in use before `promote`. Raises FormatError when it is no whole bundle, StoreDownError.
    """
    check_name("owner", owner)
    check_name("model", name)
    (read_named_bundle if (folder / NAMED).is_file() else read_bundle)(folder, mapped=True)
    files = tuple(_described(folder / file) for file in FILES if (folder / file).is_file())
    version = _version_of(files)
    with _answering():
        for file in files:
            obstore.put(store, f"{_place(owner, name)}/versions/{version}/{file.name}", folder / file.name)
        _describe(store, ModelVersion(owner, name, version, files, 0.0))
    found = find_version(store, owner, name, version)
    if found is None:
        raise UserError(
            f"version: expected {version!r} to stay, got one that was removed at the same time; publish it again"
        )
    return found


def _describe(store: ModelStore, version: ModelVersion) -> None:
    """Write a version's description, which makes it whole; one that is there stays."""
    manifest = json.dumps({"files": [vars(file) for file in version.files]}).encode()
    with suppress(AlreadyExistsError):  # published before
        obstore.put(store, _manifest(version.owner, version.name, version.version), manifest, mode="create")


def find_version(store: ModelStore, owner: str, name: str, version: str) -> ModelVersion | None:
    """Return a version, None when it is not there. Raises StoreDownError, and FormatError for a broken description."""
    check_name("version", version)
    place = _manifest(check_name("owner", owner), check_name("model", name), version)
    with _answering():
        try:
            answer = obstore.get(store, place)
            text, written = bytes(answer.bytes()), answer.meta["last_modified"].timestamp()
        except FileNotFoundError:
            return None
    try:
        files = tuple(StoredFile(each["name"], each["size"], each["sha256"]) for each in json.loads(text)["files"])
    except (ValueError, KeyError, TypeError):
        raise FormatError(
            f"{place}: expected the description of a version, got something else; publish it again"
        ) from None
    if not {file.name for file in files} <= set(FILES):
        raise FormatError(f"{place}: expected files of a bundle, got others; publish it again")
    return ModelVersion(owner, name, version, files, written)


def versions(store: ModelStore, owner: str, name: str) -> list[ModelVersion]:
    """Return a model's versions, the newest first; none for a model that is not there."""
    place = f"{_place(owner, name)}/versions"
    with _answering():
        paths = [each["path"] for each in obstore.list_with_delimiter(store, place)["objects"]]
    names = [path.rpartition("/")[2].removesuffix(".json") for path in paths if path.endswith(".json")]
    found = [find_version(store, owner, name, version) for version in names]
    return sorted((each for each in found if each is not None), key=lambda each: -each.created_at)


def model_names(store: ModelStore, owner: str) -> list[str]:
    """Return the names of an owner's models in order; none for an owner that has none."""
    with _answering():
        prefixes = obstore.list_with_delimiter(store, check_name("owner", owner))["common_prefixes"]
    return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in prefixes)


def current(store: ModelStore, owner: str, name: str) -> Current | None:
    """Return the version in use, None where none was ever promoted. Raises StoreDownError."""
    with _answering():
        return pointer.read(store, _pointer(owner, name))


def promote(store: ModelStore, owner: str, name: str, version: str) -> Current:
    """Put a version into use and return the pointer as it is then. Raises UserError when there is no such version."""

    def use(before: Current | None) -> Current:
        _check_there(store, owner, name, version)
        old = () if before is None else (before.version, *before.history)
        return Current(version, tuple(each for each in old if each != version)[:REMEMBERED])

    with _answering():
        made = pointer.move(store, _pointer(owner, name), use)
        assert made is not None
        try:
            _check_there(store, owner, name, version)
        except UserError:  # on S3, which knows no lock, it was removed at this moment
            pointer.move(store, _pointer(owner, name), lambda now: _back(now, version))
            raise
    return made


def _check_there(store: ModelStore, owner: str, name: str, version: str) -> None:
    if find_version(store, owner, name, version) is None:
        raise UserError(f"version: expected one of {owner}/{name}, got {version!r}, which is not there")


def _back(now: Current | None, version: str) -> Current | None:
    """Return the pointer without a version in use, where there is one before it."""
    return Current(now.history[0], now.history[1:]) if now and now.version == version and now.history else now


def roll_back(store: ModelStore, owner: str, name: str) -> Current:
    """Put the latest version before into use again that is still there. Raises UserError when there is none."""

    def back(before: Current | None) -> Current:
        history = before.history if before else ()
        for place, version in enumerate(history):
            if find_version(store, owner, name, version) is not None:
                return Current(version, history[place + 1 :])
        raise UserError(f"model: expected a version before the current one of {owner}/{name}, got none")

    with _answering():
        made = pointer.move(store, _pointer(owner, name), back)
    assert made is not None
    return made


def remove_version(store: ModelStore, owner: str, name: str, version: str) -> bool:
    """Delete a version, so that nobody rolls back to it, and return whether it was there. Raises UserError for the one in use."""
    found = find_version(store, owner, name, version)

    def forget(before: Current | None) -> Current | None:
        _check_unused(before, version)
        if found is not None:
            obstore.delete(store, _manifest(owner, name, version))
        return before and Current(before.version, tuple(each for each in before.history if each != version))

    with _answering():
        try:
            pointer.move(store, _pointer(owner, name), forget)
            _check_unused(current(store, owner, name), version)
        except UserError:
            if found is not None:  # on S3, which knows no lock, it may have been promoted at this moment
                _describe(store, found)
            raise
        if found is None:
            return False
        obstore.delete(store, [f"{_place(owner, name)}/versions/{version}/{file.name}" for file in found.files])
    return True


def _check_unused(used: Current | None, version: str) -> None:
    if used is not None and used.version == version:
        raise UserError(f"version: expected one that is not in use, got {version!r}; promote another first")


def resolve(store: ModelStore, client_id: str, name: str | None) -> tuple[str, Current] | None:
    """Return whose model a client means by a name, and its pointer: the client's own, else a shared one; None for neither."""
    for owner in (client_id, SHARED):
        found = current(store, owner, name or DEFAULT)
        if found is not None:
            return owner, found
    return None


def pieces(store: ModelStore, version: ModelVersion, file: StoredFile) -> Iterator[bytes]:
    """Yield a file of a version in pieces. Raises FormatError when it is gone, StoreDownError."""
    place = f"{_place(version.owner, version.name)}/versions/{version.version}/{file.name}"
    with _answering():
        try:
            for piece in obstore.get(store, place).stream(min_chunk_size=_PIECE):
                yield bytes(piece)
        except FileNotFoundError:
            raise FormatError(f"{place}: expected a file of the version, got nothing there; publish it again") from None


def copy_out(store: ModelStore, owner: str, name: str, version: str, folder: Path) -> Path:
    """Write a version's bundle into a new folder, its digests checked, and return the folder.

    Raises UserError when there is no such version or the folder holds something, FormatError when it is not what was published.
    """
    found = find_version(store, owner, name, version)
    if found is None:
        raise UserError(f"version: expected one of {owner}/{name}, got {version!r}, which is not there")
    with new_folder(folder) as beside:
        for file in found.files:
            _copy_file(store, found, file, beside / file.name)
    return folder


def _copy_file(store: ModelStore, version: ModelVersion, file: StoredFile, path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("wb") as written:
        for piece in pieces(store, version, file):
            digest.update(piece)
            written.write(piece)
    if digest.hexdigest() != file.sha256:
        raise FormatError(
            f"{version.owner}/{version.name}@{version.version}: {file.name}: expected sha256 {file.sha256[:12]}…, "
            f"got {digest.hexdigest()[:12]}…; publish it again"
        )


def _described(path: Path) -> StoredFile:
    with path.open("rb") as file:
        return StoredFile(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _version_of(files: tuple[StoredFile, ...]) -> str:
    text = json.dumps(sorted((file.name, file.sha256) for file in files))
    return f"v{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _place(owner: str, name: str) -> str:
    return f"{check_name('owner', owner)}/{check_name('model', name)}"


def _pointer(owner: str, name: str) -> str:
    return f"{_place(owner, name)}/current.json"


def _manifest(owner: str, name: str, version: str) -> str:
    return f"{_place(owner, name)}/versions/{version}.json"


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the store raises when it does not answer into StoreDownError."""
    try:
        yield
    except (FileNotFoundError, UserError):
        raise
    except (BaseError, OSError) as error:
        raise StoreDownError(f"models: expected an answer of the store, got {_line(error)}; try again") from None


def _line(error: Any) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
