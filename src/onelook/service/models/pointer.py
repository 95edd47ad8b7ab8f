"""The pointer to a model's version in use, replaced only by who has read it as it is: of two changes at once none is lost.

In a folder whoever changes it holds a lock, which ends with its process; S3 compares and swaps (If-Match, If-None-Match).
"""

import json
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import LocalStore, S3Store

from onelook.structures.errors import FormatError
from onelook.structures.files import in_turn

if TYPE_CHECKING:
    from obstore import PutMode

TRIES = 12
"""Times that a change is tried while others are faster; the pauses between grow to about a second."""


@dataclass(frozen=True)
class Current:
    """The version in use, and those before it, the latest first."""

    version: str
    history: tuple[str, ...] = ()


Change = Callable[[Current | None], Current | None]
"""Makes a pointer of the one that is there; what it returns unchanged, or None, is not written. It may be asked several times."""


def read(store: LocalStore | S3Store, place: str) -> Current | None:
    """Return the pointer at `place`, None where there is none. Raises FormatError for a broken one, and as the store does."""
    return _read(store, place)[0]


def move(store: LocalStore | S3Store, place: str, change: Change) -> Current | None:
    """Replace the pointer at `place` by what `change` makes of it, and return it as it is then.

    Raises what `change` does, FormatError, PreconditionError when others were faster TRIES times, and as the store does.
    """
    if isinstance(store, LocalStore):
        with _lock(store, place):
            return _try(store, place, change, lambda _: "overwrite")
    for number in range(TRIES):
        try:
            return _try(store, place, change, lambda mode: mode)
        except (AlreadyExistsError, PreconditionError):
            if number + 1 == TRIES:
                raise
        time.sleep(min(0.02 * 2**number, 1.0) * random.uniform(0.5, 1.0))
    raise AssertionError("the last try returns or raises")


def _lock(store: LocalStore, place: str) -> AbstractContextManager[None]:
    """Return the lock of a pointer in a folder; a model that is not there has none."""
    assert store.prefix is not None, "a store in a folder knows its folder"
    path = Path(store.prefix) / place
    return in_turn(path.with_suffix(".lock")) if path.parent.is_dir() else nullcontext()


def _try(
    store: LocalStore | S3Store, place: str, change: Change, how: Callable[["PutMode"], "PutMode"]
) -> Current | None:
    """Change the pointer once; `how` makes the mode of writing of the one that lets nobody have written meanwhile."""
    before, unless_changed = _read(store, place)
    after = change(before)
    if after is None or after == before:
        return before
    text = json.dumps({"version": after.version, "history": after.history}).encode()
    obstore.put(store, place, text, mode=how(unless_changed))
    return after


def _read(store: LocalStore | S3Store, place: str) -> tuple[Current | None, "PutMode"]:
    """Return the pointer, and the mode in which it is written only when nobody has written meanwhile."""
    try:
        answer = obstore.get(store, place)
    except FileNotFoundError:
        return None, "create"
    try:
        found = json.loads(bytes(answer.bytes()))
        pointer = Current(str(found["version"]), tuple(map(str, found["history"])))
    except (ValueError, KeyError, TypeError):
        raise FormatError(f"{place}: expected a pointer to a version, got something else; promote one again") from None
    if answer.meta["version"] is None:  # of a bucket without versioning
        return pointer, {"e_tag": answer.meta["e_tag"]}
    return pointer, {"e_tag": answer.meta["e_tag"], "version": answer.meta["version"]}
