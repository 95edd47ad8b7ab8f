"""The bundle of a network that is known by its name: `network.toml` and `network.onnx` stand where Darknet's have `network.cfg`.

The first says what to build and train, the second what to compute; it holds no weights, those of `weights.safetensors` are
given to it by name, so that predicting needs no torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from onelook.structures.bundle import NAMED, Arrays, BundleSettings, bundle_folder, read_parts, write_parts
from onelook.structures.classes import read_names
from onelook.structures.errors import FormatError
from onelook.structures.named_network import NamedNetwork, read_named
from onelook.structures.settings import read_toml, to_toml

GRAPH = "network.onnx"
"""The computation from an input of the network's mean and deviation to logits."""


@dataclass(frozen=True)
class NamedBundle:
    """A network by name, its classes, its computation as ONNX without weights, and its weights by the network's own names."""

    network: NamedNetwork
    names: tuple[str, ...]
    arrays: Arrays
    graph: bytes
    settings: BundleSettings
    metrics: Mapping[str, Any] = field(default_factory=dict)
    where: str = "bundle"

    def __post_init__(self) -> None:
        if len(self.names) != self.network.classes:
            raise FormatError(f"{self.where}: expected {self.network.classes} names of classes, got {len(self.names)}")


def write_named_bundle(folder: Path, bundle: NamedBundle, replace: bool = False) -> None:
    """Write the bundle's five files as `write_bundle` does."""
    network = {NAMED: to_toml(asdict(bundle.network)).encode(), GRAPH: bundle.graph}
    write_parts(folder, network, bundle.names, bundle.arrays, bundle.settings, bundle.metrics, replace)


def read_named_bundle(folder: Path, verify: bool = True, mapped: bool = False) -> NamedBundle:
    """Return the bundle in a folder; `verify` compares the weights' digest, `mapped` leaves them in the file.

    Raises FormatError naming what is wrong.
    """
    settings, metrics, arrays = read_parts(folder, (NAMED, GRAPH), verify, mapped)
    network = read_named(read_toml(folder / NAMED), str(folder / NAMED))
    names = read_names(folder / "classes.txt")
    return NamedBundle(network, names, arrays, (folder / GRAPH).read_bytes(), settings, metrics, str(folder))


def find_named_bundle(path: Path) -> NamedBundle | None:
    """Return the bundle of a network by name that a path, or the run there, holds; None for anything else."""
    folder = bundle_folder(path)
    return read_named_bundle(folder) if folder and (folder / NAMED).is_file() else None
