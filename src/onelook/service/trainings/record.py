"""What is known of one training: a file in its folder, written whole; the run itself lies beside it."""

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from onelook.service.unpacking import remove
from onelook.structures.errors import UserError
from onelook.structures.files import new_folder, write_json, write_text

Kind = Literal["training", "forecast"]
State = Literal["waiting", "running", "done", "failed", "stopped"]
Value = str | int | float | bool

_FACTS, STOP, OWNER = "training.json", "stop", "owner"
"""The facts; a wish that it stops; who runs it, touched while it runs."""


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


def new_id() -> str:
    """Return an id that nobody guesses."""
    return f"t{secrets.token_hex(8)}"


def id_of(client_id: str, key: str) -> str:
    """Return the id that a client's request with an Idempotency-Key always gets."""
    return f"t{hashlib.sha256(f'{client_id} {key}'.encode()).hexdigest()[:16]}"


def new_training(
    root: Path, id_: str, client_id: str, kind: Kind, data: str, network: str, cfg: str | None, **more: Any
) -> Training:
    """Write down a training, with the text of its network where that came with it. Raises TakenError."""
    training = Training(id_, client_id, kind, data, network, created_at=time.time(), **more)
    try:
        with new_folder(folder_of(root, training)) as folder:
            if cfg is not None:
                write_text(folder / network, cfg)
            write_json(folder / _FACTS, asdict(training))
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
    return sorted(found, key=lambda training: (-training.created_at, training.id))


def all_trainings(root: Path) -> list[Training]:
    """Return every client's trainings, oldest first: the order in which they wait."""
    clients = [path.name for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    found = [training for client_id in clients for training in list_trainings(root, client_id)]
    return sorted(found, key=lambda training: (training.created_at, training.id))


def change(root: Path, training: Training, **changes: Any) -> Training:
    """Write down what has changed, and return the training as it is now."""
    changed = replace(training, **changes)
    write_json(folder_of(root, training) / _FACTS, asdict(changed))
    return changed


def remove_training(root: Path, training: Training) -> bool:
    """Remove a training that has ended, with its run, and return whether nothing of it is there any more.

    It is taken as by who would run it, so that nobody begins it meanwhile; one that waits, runs or is just ending stays.
    """
    folder = folder_of(root, training)
    try:
        (folder / OWNER).touch(exist_ok=False)
    except FileNotFoundError:
        return True
    except FileExistsError:
        return False
    latest = find_training(root, training.client_id, training.id)
    if latest is not None and not latest.has_ended:
        (folder / OWNER).unlink()
        return False
    remove(folder)
    return True


def progress_lines(root: Path, training: Training, after: int = 0) -> list[dict[str, Any]]:
    """Return the lines of the run's metrics behind the first `after`; a last one that is not whole yet is left out."""
    try:
        text = (run_of(root, training) / "metrics.jsonl").read_text()
    except (FileNotFoundError, NotADirectoryError):
        return []
    whole = [line for line in text.split("\n")[:-1] if line.strip()]
    return [json.loads(line) for line in whole[after:]]
