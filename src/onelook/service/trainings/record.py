"""What is known of one training: a file in its folder, written whole; the run itself lies beside it."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from onelook.service.unpacking import clear, set_aside
from onelook.structures.errors import UserError
from onelook.structures.files import in_turn, new_folder, write_json, write_text

Kind = Literal["training", "forecast"]
State = Literal["waiting", "running", "done", "failed", "stopped"]
Value = str | int | float | bool

LOCK = ".lock"
"""Held, in a client's folder, by whoever changes what there is of its data and trainings."""
_FACTS, STOP, OWNER = "training.json", "stop", "owner"
"""The facts; a wish that it stops; who runs it, touched while it runs."""
_DIGITS = 16
"""Of the microseconds in a place in the list."""
PLACE = r"^[0-9a-f]{16}[a-z0-9]{1,64}$"
"""What a place in the list looks like."""


@dataclass(frozen=True)
class Training:
    """A training or a forecast of one client."""

    id: str
    client_id: str
    kind: Kind
    data: str
    network: str
    """A name, or of a .cfg that came with the request the name of its file, which lies beside the run."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    time_budget: str | None = None
    weights: str | None = None
    state: State = "waiting"
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    digest: str = ""
    """Of what was asked for: a key that comes again must come with the same."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing runs any more; what was stopped may be resumed."""
        return self.state in ("done", "failed", "stopped")


class TakenError(UserError):
    """There is a training of this id already."""


class MovedError(UserError):
    """The training is gone, or no longer in a state from which it could be changed so."""


@contextmanager
def changing(root: Path, client_id: str) -> Iterator[None]:
    """Let nobody else, in any process that shares the folder, change a client's data and trainings during the block."""
    folder = root / client_id
    folder.mkdir(parents=True, exist_ok=True)
    with in_turn(folder / LOCK):
        yield


def new_id() -> str:
    """Return an id that nobody guesses."""
    return f"t{secrets.token_hex(8)}"


def id_of(client_id: str, key: str) -> str:
    """Return the id that a client's request with an Idempotency-Key always gets."""
    return f"t{hashlib.sha256(f'{client_id} {key}'.encode()).hexdigest()[:16]}"


def new_training(
    root: Path,
    id_: str,
    client_id: str,
    kind: Kind,
    data: str,
    network: str,
    cfg: str | None,
    fill: Callable[[Path], object] | None = None,
    allow: Callable[[], None] | None = None,
    **more: Any,
) -> Training:
    """Write down a training, with the text of its network where that came with it. Raises TakenError.

    It is there whole or not at all: `fill` adds to its folder before; `allow`, while nobody else changes the client's, raises what
    refuses it.
    """
    training = Training(id_, client_id, kind, data, network, created_at=time.time(), **more)
    try:
        with ExitStack() as held, new_folder(folder_of(root, training)) as folder:
            if cfg is not None:
                write_text(folder / network, cfg)
            if fill is not None:
                fill(folder)
            write_json(folder / _FACTS, asdict(training))
            held.enter_context(changing(root, client_id))
            if allow is not None:
                allow()
    except (UserError, OSError):
        if find_training(root, client_id, id_) is None:
            raise
        raise TakenError(f"training: expected a new one, got {id_}, which is there already") from None
    return training


def cfg_of(root: Path, training: Training) -> Path | None:
    """Return the .cfg that came with the request; None where the network has a name."""
    return folder_of(root, training) / training.network if training.network.endswith(".cfg") else None


def folder_of(root: Path, training: Training) -> Path:
    """Return the training's folder."""
    return root / training.client_id / "runs" / training.id


def run_of(root: Path, training: Training) -> Path:
    """Return the run's folder, as `onelook train` fills it."""
    return folder_of(root, training) / "run"


def find_training(root: Path, client_id: str, id_: str) -> Training | None:
    """Return a client's training; None when it is absent or another's."""
    try:
        return Training(**json.loads((root / client_id / "runs" / id_ / _FACTS).read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None


def list_trainings(root: Path, client_id: str) -> list[Training]:
    """Return a client's trainings, newest first."""
    folder = root / client_id / "runs"
    ids = [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    found = [training for id_ in ids if (training := find_training(root, client_id, id_)) is not None]
    return sorted(found, key=_place)


def page_of(trainings: Sequence[Training], before: str | None, limit: int) -> tuple[list[Training], str | None]:
    """Return the first `limit` trainings, as `list_trainings` gives them, behind the place `before`, and the place of the last.

    The place is a word of hexadecimal digits and the id, which stays good when the training is removed; None behind the last page.
    """
    left = trainings
    if before is not None:
        seen = -int(before[:_DIGITS], 16), before[_DIGITS:]
        left = [training for training in trainings if _place(training) > seen]
    page = list(left[:limit])
    if len(left) <= limit:
        return page, None
    return page, f"{-_place(page[-1])[0]:0{_DIGITS}x}{page[-1].id}"


def _place(training: Training) -> tuple[int, str]:
    """Return what trainings are ordered by, newest first: microseconds, negative, then the id."""
    return -round(training.created_at * 1e6), training.id


def all_trainings(root: Path) -> list[Training]:
    """Return every client's trainings, oldest first: the order in which they wait."""
    clients = [path.name for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    found = [training for client_id in clients for training in list_trainings(root, client_id)]
    return sorted(found, key=lambda training: (training.created_at, training.id))


def change(root: Path, training: Training, among: Sequence[State] | None = None, **changes: Any) -> Training:
    """Write down what has changed, and return the training as it is now.

    Raises MovedError, having written nothing, when it is gone or in none of the states `among`; None allows each.
    """
    with changing(root, training.client_id):
        latest = find_training(root, training.client_id, training.id)
        if latest is None or (among is not None and latest.state not in among):
            came = "one that is gone" if latest is None else f"one that is {latest.state}"
            raise MovedError(f"training: expected {' or '.join(among or ('one',))}, got {came}")
        return write(root, replace(latest, **changes))


def write(root: Path, training: Training) -> Training:
    """Write a training down and return it; for who is `changing`, and has seen that it is there."""
    write_json(folder_of(root, training) / _FACTS, asdict(training))
    return training


def remove_training(root: Path, training: Training) -> bool:
    """Remove a training that has ended, with its run, and return whether nothing of it is there any more.

    One that waits, runs or is just ending stays.
    """
    folder = folder_of(root, training)
    with changing(root, training.client_id):
        latest = find_training(root, training.client_id, training.id)
        if latest is None:
            return True
        if not latest.has_ended or (folder / OWNER).exists():
            return False
        aside = set_aside(folder)
    clear(aside)
    return True


def progress_lines(root: Path, training: Training, after: int = 0) -> list[dict[str, Any]]:
    """Return the lines of the run's metrics behind the first `after`; a last one that is not whole yet is left out."""
    try:
        text = (run_of(root, training) / "metrics.jsonl").read_text()
    except (FileNotFoundError, NotADirectoryError):
        return []
    whole = [line for line in text.split("\n")[:-1] if line.strip()]
    return [json.loads(line) for line in whole[after:]]
