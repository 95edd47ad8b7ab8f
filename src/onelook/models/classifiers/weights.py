"""Weights trained before, brought into a classifier: files of torch's, safetensors, bundles and runs; no code is executed."""

import pickle  # noqa: TID251 - for the name of torch's refusal alone
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor

from onelook.models.classifiers.classifier import Classifier
from onelook.structures.errors import FormatError, UserError
from onelook.structures.named_bundle import find_named_bundle

MOST_TOLD = 5
"""Names that are told of a long list."""

_INSIDE = ("state_dict", "model", "model_state_dict")
"""Where training programs put the weights in a file that holds more."""


@dataclass(frozen=True)
class Stored:
    """Arrays by name, and the classes that they tell apart; () where nobody says."""

    arrays: Mapping[str, NDArray[np.float32]]
    names: tuple[str, ...] = ()


def take_over(network: Classifier, path: Path, names: Sequence[str], last: str) -> list[str]:
    """Load what fits of the weights at `path` into the network and return lines on what was and was not.

    `last` is the network's last connection: it is taken only where the stored classes are the network's `names`, or nobody
    says what they are and they are as many. Raises FormatError when nothing fits, or the file cannot be read without
    executing code.
    """
    stored, shapes = read_stored(path), network.shapes()
    if stored.names and tuple(stored.names) != tuple(names):
        dropped = {name for name in stored.arrays if name.startswith(f"{last}.")}
    else:
        dropped = set()
    usable = {name: array for name, array in stored.arrays.items() if name not in dropped}
    fitting = {name: array for name, array in usable.items() if shapes.get(name) == array.shape}
    if not fitting:
        raise FormatError(
            f"{path}: expected weights of {network.named.name}, got none that fits; {_some(stored.arrays)}"
        )
    network.load(fitting)
    others = sorted(name for name in usable if name in shapes and name not in fitting)
    lists = {
        "fresh, their shape is another": sorted({*others, *(name for name in dropped if name in shapes)}),
        "fresh, not in the file": sorted(set(shapes) - set(stored.arrays)),
        "not of this network": sorted(set(stored.arrays) - set(shapes)),
    }
    told = [f"weights from {path}: {len(fitting)} of {len(shapes)} arrays"]
    return told + [f"  {words}: {len(found)}: {_some(found)}" for words, found in lists.items() if found]


def read_stored(path: Path) -> Stored:
    """Return the arrays of a run, a bundle, a `.safetensors`, or a `.pth` or `.pt` file of torch's. Raises FormatError."""
    if not path.exists():
        raise UserError(f"{path}: expected weights, got nothing there")
    if path.is_dir():
        bundle = find_named_bundle(path)
        if bundle is None:
            raise FormatError(f"{path}: expected a run or a bundle of a classifier by name, got another folder")
        return Stored(bundle.arrays, bundle.names)
    if path.suffix == ".safetensors":
        try:
            return Stored(load_file(path))
        except (SafetensorError, OSError, ValueError) as error:
            raise FormatError(f"{path}: expected safetensors, got {error}") from None
    return Stored(_of_torch(path))


def _of_torch(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a state dict, also of one inside a checkpoint; a prefix `module.` of all names is left out."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        inside = next((content[key] for key in _INSIDE if isinstance(content, Mapping) and key in content), content)
        found = _tensors(inside)
    except pickle.UnpicklingError as error:
        reason = "it asks for code to be executed" if "nsupported" in str(error) else _first_line(error)
        raise FormatError(f"{path}: expected tensors by name and nothing else; {reason}, which is refused") from None
    except Exception as error:  # a file that is none makes the reader fail in as many ways as it can be none
        raise FormatError(f"{path}: expected a file of torch's, got another ({_first_line(error)})") from None
    if not found:
        raise FormatError(f"{path}: expected tensors by name, got {type(inside).__name__} without any")
    prefixed = all(name.startswith("module.") for name in found)
    return {name.removeprefix("module.") if prefixed else name: array for name, array in found.items()}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "it breaks off"


def _tensors(content: Any) -> dict[str, NDArray[np.float32]]:
    """Return the floating tensors; batch normalisation's counters of batches are no weights."""
    if not isinstance(content, Mapping):
        return {}
    return {
        str(name): tensor.detach().float().numpy()
        for name, tensor in content.items()
        if isinstance(tensor, Tensor) and tensor.is_floating_point()
    }


def _some(names: Any) -> str:
    listed = list(names)
    return ", ".join(listed[:MOST_TOLD]) + (", ..." if len(listed) > MOST_TOLD else "")
