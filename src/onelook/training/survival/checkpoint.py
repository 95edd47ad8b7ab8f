"""A run's state in one file that is whole or absent: tensors as safetensors, numbers as JSON in its header. No pickle.

`last/` holds the newest state, the one before, and the last good one, which the guard goes back to. A file that is cut short,
torn in its middle (a checksum tells) or holds what is no finite number is never gone on from: the next older one is.
"""

import json
import os
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import write_bytes
from onelook.training.loop import State
from onelook.training.recipe.precision import LossScale

_VERSION = "2"

NEWEST, PREVIOUS, GOOD = "state.safetensors", "previous.safetensors", "good.safetensors"
"""The files of `last/`."""

_CHECKPOINTS = 4
"""Files of states that may lie on the disk at a time: those three, and the one that is being written."""

_NUMBERS = ("step", "seconds", "best", "scores", "evaluates")


def save_state(path: Path, state: State, facts: dict[str, Any]) -> None:
    """Write the state, and `facts` that a resuming run compares (JSON values)."""
    tensors, scalars = _tensors(state)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    written = {
        "numbers": {name: getattr(state, name) for name in _NUMBERS},
        "optimizer": scalars,
        "facts": facts,
        "guard": state.guard.as_json(),
        "loss_scale": asdict(state.loss_scale),
        "checksum": _checksum(plain),
    }
    write_bytes(path, save(plain, metadata={"onelook": _VERSION, "state": json.dumps(written)}))


def spoilt_tensors(state: State) -> list[str]:
    """Return the names of what holds a number that is not finite; such a state is not to be saved."""
    return _spoilt(_tensors(state)[0])


def keep_state(folder: Path, state: State, facts: dict[str, Any], good: bool) -> None:
    """Write the state as the newest in `folder`; the newest until now becomes the one before. `good` marks one to go back to.

    A kill at any moment leaves a whole newest file, or the one before beside none.
    """
    fresh = folder / f".{NEWEST}.new"
    try:
        save_state(fresh, state, facts)
        if (folder / NEWEST).exists():
            _name_too(folder / NEWEST, folder / PREVIOUS)
        fresh.replace(folder / NEWEST)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    if good:
        _name_too(folder / NEWEST, folder / GOOD)
    _flush_folder(folder)


def newest_whole(folder: Path) -> tuple[Path, list[str]]:
    """Return the newest checkpoint in `folder` that is whole and finite, and a line on each newer one that is not.

    Raises FormatError when there is none; it says what is wrong with the newest.
    """
    told: list[str] = []
    for name in (NEWEST, PREVIOUS, GOOD):
        path = folder / name
        if not path.is_file():
            continue
        try:
            _open(path)
        except FormatError as error:
            told.append(str(error))
            continue
        return path, told
    raise FormatError(told[0] if told else f"{folder}: expected a checkpoint, got none")


def take_as_newest(path: Path) -> None:
    """Let an older checkpoint take the place of newer ones that are torn."""
    if path.name != NEWEST:
        _name_too(path, path.with_name(NEWEST))


def refuse_full_disk(folder: Path, state: State) -> None:
    """Raise UserError when the disk of `folder` has no room for the checkpoints and the model of a run."""
    weights = sum(tensor.nbytes for tensor in state.network.state_dict().values())
    needed = _CHECKPOINTS * 4 * weights + weights  # weights, their average, and up to two numbers each of the optimizer
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise UserError(
            f"{folder}: expected {needed / 1e6:.0f} MB of free disk for checkpoints and model, got {free / 1e6:.0f} MB; make room, "
            "or choose another --out"
        )


def sweep(folder: Path) -> None:
    """Remove what a kill left half written in `folder`."""
    for pattern in (".*.part", ".*.new", ".*.link"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts that `save_state` was given. Raises FormatError when the file is no checkpoint, or cut short."""
    return dict(_open(path, tensors=False)[0]["facts"])


def load_state(path: Path, state: State, guard: bool = True) -> None:
    """Bring `state` to what the file holds; `guard` false leaves the guard's memory and policy as they are.

    Raises FormatError when it is no checkpoint, cut short, torn, not finite, or another network's.
    """
    written, tensors = _open(path)
    for prefix, module in (("network.", state.network), ("average.", state.average.network)):
        wanted = module.state_dict()
        found = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        if {n: t.shape for n, t in wanted.items()} != {n: t.shape for n, t in found.items()}:
            raise FormatError(f"{path}: expected the state of this network, got another's")
        module.load_state_dict(found)
    _load_optimizer(state, tensors, written["optimizer"])
    numbers = {name: value for name, value in written["numbers"].items() if guard or name != "seconds"}
    for name in _NUMBERS:
        setattr(state, name, numbers.get(name, getattr(state, name)))
    state.loss_scale = LossScale(**written.get("loss_scale", {}))
    if guard:
        state.guard.bring_back(written["guard"])


def _open(path: Path, tensors: bool = True) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("onelook") != _VERSION:
                got = f"one of version {metadata['onelook']}" if "onelook" in metadata else "another program's file"
                raise FormatError(f"{path}: expected a checkpoint of onelook, version {_VERSION}, got {got}")
            written = json.loads(metadata["state"])
            found = {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        raise FormatError(f"{path}: expected a whole checkpoint, got {error}") from None
    if tensors and _checksum(found) != written["checksum"]:
        raise FormatError(f"{path}: expected a whole checkpoint, got one whose checksum does not fit: it is torn")
    spoilt = _spoilt(found)
    if spoilt:
        raise FormatError(f"{path}: expected finite numbers, got others in {spoilt[0]}")
    return written, found


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    """Return the CRC-32 of all tensors' bytes in the order of their names."""
    total = 0
    for name in sorted(tensors):
        flat = tensors[name].reshape(-1).view(torch.uint8) if tensors[name].numel() else tensors[name].reshape(-1)
        total = zlib.crc32(np.asarray(flat.numpy()).data, total)
    return total


def _spoilt(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the tensors in which something is no finite number."""
    floats = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point() and tensor.numel()}
    if not floats:
        return []
    largest = torch._foreach_norm(list(floats.values()), float("inf"))
    return [name for name, value in zip(floats, largest, strict=True) if not torch.isfinite(value)]


def _name_too(path: Path, other: Path) -> None:
    """Let `other` be `path` as well; where the disk knows no second names, `other` is a copy."""
    beside = other.with_name(f".{other.name}.link")
    beside.unlink(missing_ok=True)
    try:
        os.link(path, beside)
        beside.replace(other)
    except OSError:
        write_bytes(other, path.read_bytes())


def _flush_folder(folder: Path) -> None:
    """Let the folder's entries reach the disk, so that a power cut does not undo a renaming."""
    with suppress(OSError):  # a system that cannot flush a folder
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _tensors(state: State) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return all tensors of a state by name, and the optimizer's plain numbers."""
    tensors, scalars = _optimizer_tensors(state)
    tensors |= {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in state.average.network.state_dict().items()}
    return tensors, scalars


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
