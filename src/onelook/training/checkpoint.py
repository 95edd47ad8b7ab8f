"""A run's state in one file that is whole or absent: tensors as safetensors, numbers as JSON in its header. No pickle."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from onelook.structures.errors import FormatError
from onelook.structures.files import write_bytes
from onelook.training.loop import State

_VERSION = "1"


def save_state(path: Path, state: State, facts: dict[str, Any]) -> None:
    """Write the state, and `facts` that a resuming run compares (JSON values)."""
    numbers = {"step": state.step, "seconds": state.seconds, "best": state.best}
    tensors, scalars = _optimizer_tensors(state)
    tensors |= {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in state.average.network.state_dict().items()}
    text = json.dumps({"numbers": numbers, "optimizer": scalars, "facts": facts})
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(plain, metadata={"onelook": _VERSION, "state": text}))


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts that `save_state` was given. Raises FormatError when the file is no checkpoint, or cut short."""
    return dict(_open(path)[0]["facts"])


def load_state(path: Path, state: State) -> None:
    """Bring `state` to what the file holds. Raises FormatError when it is no checkpoint, cut short, or another network's."""
    written, tensors = _open(path)
    for prefix, module in (("network.", state.network), ("average.", state.average.network)):
        wanted = module.state_dict()
        found = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        if {n: t.shape for n, t in wanted.items()} != {n: t.shape for n, t in found.items()}:
            raise FormatError(f"{path}: expected the state of this network, got another's")
        module.load_state_dict(found)
    _load_optimizer(state, tensors, written["optimizer"])
    state.step, state.seconds, state.best = (written["numbers"][name] for name in ("step", "seconds", "best"))


def _open(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("onelook") != _VERSION:
                raise FormatError(f"{path}: expected a checkpoint of onelook, version {_VERSION}, got another file")
            return json.loads(metadata["state"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        raise FormatError(f"{path}: expected a whole checkpoint, got {error}") from None


def _optimizer_tensors(state: State) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return the optimizer's tensors and plain numbers by `optimizer.{parameter}.{name}`."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, float] = {}
    for index, values in state.optimizer.state_dict()["state"].items():
        for name, value in values.items():
            key = f"optimizer.{index}.{name}"
            if isinstance(value, Tensor):
                tensors[key] = value
            elif value is not None:
                scalars[key] = value
    return tensors, scalars


def _load_optimizer(state: State, tensors: dict[str, Tensor], scalars: dict[str, float]) -> None:
    values: dict[int, dict[str, Any]] = {}
    for key, value in {**tensors, **scalars}.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            values.setdefault(int(index), {})[name] = value
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": values, "param_groups": groups})
