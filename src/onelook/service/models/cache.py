"""The models that a worker has loaded, counted in bytes; which version serves is looked up in the store again and again.

A version that will not load leaves the one before it serving: the one that is loaded, or else the latest of the pointer's history
that loads. What cannot be known, because the store does not answer, leaves everything as it is.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onelook.service.models.arrival import arrived, forget_others
from onelook.service.models.loading import Predictor, load_version
from onelook.service.models.names import version_label
from onelook.service.models.pointer import Current
from onelook.service.models.store import ModelStore, StoreDownError, resolve
from onelook.structures.errors import UserError

RETRY_SECONDS = 60.0
"""Until a version that would not load is tried again."""

Report = Callable[[str, str, str, str], None]
"""Told owner, name, version and why, when a version will not load."""


class ModelMissingError(UserError):
    """There is no model by that name, neither the client's own nor a shared one."""


class ModelUnusableError(UserError):
    """There is a model, but no version of it loads."""


@dataclass(frozen=True)
class Loaded:
    """A version that is ready to look at pictures."""

    owner: str
    name: str
    version: str
    predictor: Predictor
    size: int
    """Bytes of its files, which is what it takes of the memory, about."""

    @property
    def label(self) -> str:
        """`owner/name@version`."""
        return version_label(self.owner, self.name, self.version)


@dataclass(frozen=True)
class _Known:
    """What the store said, and when."""

    owner: str
    pointer: Current
    at: float


class ModelCache:
    """Loaded models of one worker, for one thread; the one used longest ago goes first."""

    def __init__(
        self,
        store: ModelStore,
        folder: Path,
        most_bytes: int,
        refresh: float,
        threads: int,
        report: Report,
        load: Callable[[Path, int], Predictor] = load_version,
    ) -> None:
        """Begin with nothing loaded; `folder` is for files that arrive, `load` makes a model of them."""
        self._store, self._folder, self._most, self._refresh = store, folder, most_bytes, refresh
        self._threads, self._report, self._load = threads, report, load
        self._loaded: OrderedDict[tuple[str, str], Loaded] = OrderedDict()
        self._known: dict[tuple[str, str], _Known] = {}
        self._bad: dict[tuple[str, str, str], tuple[float, str]] = {}
        self.loads = 0

    def get(self, client_id: str, name: str) -> Loaded:
        """Return the version that serves a client by a name now.

        Raises ModelMissingError, ModelUnusableError naming what is wrong with the current version, or StoreDownError when the
        store does not answer and nothing is loaded.
        """
        known = self._look_up(client_id, name)
        place = known.owner, name
        found = self._loaded.get(place)
        if found is None or found.version != known.pointer.version:
            found = self._best(place, known.pointer, found)
            self._loaded[place] = found
        self._loaded.move_to_end(place)
        self._make_room()
        return found

    def is_loaded(self, client_id: str, name: str) -> bool:
        """Return whether a client's model by a name is loaded, as far as is known without asking the store."""
        known = self._known.get((client_id, name))
        return known is not None and (known.owner, name) in self._loaded

    def labels(self) -> tuple[str, ...]:
        """Return what is loaded, as `owner/name@version`, the one used longest ago first."""
        return tuple(loaded.label for loaded in list(self._loaded.values()))

    @property
    def size(self) -> int:
        """Bytes of what is loaded."""
        return sum(loaded.size for loaded in self._loaded.values())

    def _look_up(self, client_id: str, name: str) -> _Known:
        known, now = self._known.get((client_id, name)), time.monotonic()
        if known is not None and now - known.at < self._refresh:
            return known
        try:
            found = resolve(self._store, client_id, name)
        except StoreDownError:
            if known is None:
                raise
            return known
        if found is None:
            self._known.pop((client_id, name), None)
            raise ModelMissingError(
                f"model: expected one of the client's own or a shared one, got {name!r}, which is neither; upload and promote it"
            )
        self._known[client_id, name] = _Known(*found, now)
        return self._known[client_id, name]

    def _best(self, place: tuple[str, str], pointer: Current, before: Loaded | None) -> Loaded:
        """Return the current version, or else what serves in its place."""
        try:
            found = self._make(place, pointer.version)
        except StoreDownError:
            if before is None:
                raise
            return before
        if found is not None:
            forget_others(*place, pointer, self._folder)
            return found
        if before is not None:
            return before
        older = (self._make(place, version) for version in pointer.history)
        found = next((each for each in older if each is not None), None)
        if found is None:
            why = self._bad[(*place, pointer.version)][1]
            raise ModelUnusableError(f"model: expected a version that loads, got {why}")
        return found

    def _make(self, place: tuple[str, str], version: str) -> Loaded | None:
        """Return a version, loaded; None for one that is known to be bad, or turns out to be, which is reported."""
        key = (*place, version)
        if time.monotonic() < self._bad.get(key, (0.0, ""))[0]:
            return None
        try:
            found = self._arrived(key)
        except StoreDownError:
            raise
        except Exception as error:  # whatever a bad model does while it loads, the one before it goes on
            told = str(error).replace(f"{self._folder.joinpath(*key)}/", "")  # clients read it
            why = f"{version_label(*key)}: {told or type(error).__name__}"
            self._bad[key] = time.monotonic() + RETRY_SECONDS, why
            self._report(*key, why)
            return None
        self.loads += 1
        return found

    def _arrived(self, key: tuple[str, str, str]) -> Loaded:
        """Return a version, fetched and loaded: once more when another worker forgot its files meanwhile (`forget_others`)."""
        for last in (False, True):
            try:
                folder, size = arrived(self._store, *key, self._folder)
                return Loaded(*key, self._load(folder, self._threads), size)
            except StoreDownError:
                raise
            except Exception:
                if last or self._folder.joinpath(*key).is_dir():
                    raise
        raise AssertionError("the last try returns or raises")

    def _make_room(self) -> None:
        """Let go of what was used longest ago, until the rest fits; what was asked for last stays."""
        while len(self._loaded) > 1 and self.size > self._most:
            self._loaded.popitem(last=False)
