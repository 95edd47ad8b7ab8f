"""A bundle: a folder that is a model wherever it goes, and the ways to name one.

`network.cfg`, `classes.txt`, `weights.safetensors`, `bundle.toml`; `named_bundle.py` has the form with a network's name. Nothing
in it is executed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from onelook.structures.classes import read_names
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import new_folder, write_bytes
from onelook.structures.mapped_arrays import map_arrays
from onelook.structures.network.cfg import Cfg, format_cfg, read_cfg
from onelook.structures.network.heads import class_count, classified, head_of
from onelook.structures.network.layers import Layer, describe
from onelook.structures.network.weights_file import WeightsFile, read_weights, split_weights
from onelook.structures.settings import make_settings, read_toml, to_toml

Arrays = Mapping[str, NDArray[np.float32]]

VERSION = 1
"""Of the form that is written, and the newest that is read."""

RESIZES = ("letterbox", "stretch", "cut", "darknet_letterbox", "darknet_stretch", "darknet_cut")

NAMED = "network.toml"
"""In the place of network.cfg: a network by its name."""


@dataclass(frozen=True)
class BundleSettings:
    """What `bundle.toml` says beside the metrics."""

    width: int
    """Of the network's input, pixels."""
    height: int
    """Of the network's input, pixels."""
    resize: str = "stretch"
    """`letterbox` keeps the aspect ratio, `stretch` does not; as it was trained. `cut`, a classifier's, keeps it and takes the
    middle. `darknet_letterbox` and `darknet_stretch` do the same with Darknet's own arithmetic, bit for bit and many times slower;
    `darknet_cut` is how its classifiers see a picture: the short side fills the input, the middle is cut out."""
    colour: str = "rgb"
    """Order of the channels; values are divided by 255."""
    score: float = 0.25
    """Detections below are not shown unless asked for."""
    nms: float = 0.45
    """IoU above which the worse of two detections of a class is dropped."""
    trained_on: str = ""
    """Digest of the data set."""
    licence: str = ""
    """Under which the weights may be used, where known."""
    weights_sha256: str = ""
    """Of weights.safetensors."""
    seen: int = 0
    """Images that Darknet's header says the network was trained on."""
    darknet_version: tuple[int, ...] = (0, 2, 5)
    """Of the `.weights` header: major, minor, revision."""
    version: int = VERSION
    """Of the bundle's form."""

    def __post_init__(self) -> None:
        if self.resize not in RESIZES:
            raise UserError(f"resize: expected {', '.join(RESIZES)}, got {self.resize!r}")
        if self.colour != "rgb":
            raise UserError(f"colour: expected rgb, got {self.colour!r}")
        if min(self.width, self.height) < 1:
            raise UserError(f"width, height: expected at least 1, got {self.width} and {self.height}")
        if not 1 <= self.version <= VERSION:
            raise UserError(f"version: expected 1 to {VERSION}, got {self.version}; a newer onelook reads it")
        if len(self.darknet_version) != 3 or min(*self.darknet_version, self.seen) < 0:
            raise UserError(f"darknet_version, seen: expected 3 numbers and 1, got {self.darknet_version}, {self.seen}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the input."""
        return self.width, self.height

    @property
    def letterbox(self) -> bool:
        """Whether images are fitted by letterbox."""
        return self.resize.endswith("letterbox")

    @property
    def exact(self) -> bool:
        """Whether images are resized with Darknet's own arithmetic."""
        return self.resize.startswith("darknet")


@dataclass(frozen=True)
class Bundle:
    """A network, its classes and its weights by `"{layer}.{array}"`, as `structures.network.layers` names them."""

    cfg: Cfg
    names: tuple[str, ...]
    arrays: Arrays
    settings: BundleSettings
    metrics: Mapping[str, Any] = field(default_factory=dict)
    where: str = "bundle"

    def __post_init__(self) -> None:
        layers = self.layers()
        check_arrays(layers, self.arrays, self.where)
        check_names(layers, self.names, self.where)

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers at the bundle's input size."""
        return describe(self.cfg, self.settings.size)


def check_arrays(layers: tuple[Layer, ...], arrays: Arrays, where: str) -> None:
    """Raise FormatError when an array that the layers need is missing or has another shape."""
    for layer in layers:
        for name, shape in layer.arrays:
            found = arrays.get(f"{layer.index}.{name}")
            if found is None or found.shape != shape or found.dtype != np.float32:
                came = "none" if found is None else f"{found.dtype} {found.shape}"
                raise FormatError(
                    f"{where}: {layer.name} {name}: expected float32 {shape}, got {came}; the weights belong to another cfg"
                )


def check_names(layers: tuple[Layer, ...], names: tuple[str, ...], where: str) -> None:
    """Raise FormatError when a head has another number of classes than there are names."""
    end = classified(layers)
    for layer in [end] if end else [layer for layer in layers if layer.is_head]:
        classes = class_count(layers) if end else head_of(layer).classes
        if classes != len(names):
            raise FormatError(f"{where}: expected classes={classes} names as {layer.name} has, got {len(names)}")


def write_bundle(folder: Path, bundle: Bundle, replace: bool = False) -> None:
    """Write the bundle's four files; a new folder appears whole or not at all.

    `replace` writes each file in place of an older one, weights last but for bundle.toml, which carries their digest.
    """
    network = {"network.cfg": format_cfg(bundle.cfg).encode()}
    write_parts(folder, network, bundle.names, bundle.arrays, bundle.settings, bundle.metrics, replace)


def write_parts(
    folder: Path,
    network: Mapping[str, bytes],
    names: tuple[str, ...],
    arrays: Arrays,
    settings: BundleSettings,
    metrics: Mapping[str, Any],
    replace: bool,
) -> None:
    """Write the files of a bundle as `write_bundle` does; `network` are those that say what the network is."""
    data = save({name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())})
    values = {**vars(settings), "weights_sha256": hashlib.sha256(data).hexdigest()}
    files = {
        **network,
        "classes.txt": "".join(f"{name}\n" for name in names).encode(),
        "weights.safetensors": data,
        "bundle.toml": to_toml({**values, "metrics": dict(metrics)}).encode(),
    }
    if replace and folder.exists():
        _write_into(folder, files)
        return
    with new_folder(folder) as beside:
        _write_into(beside, files)


def _write_into(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        write_bytes(folder / name, data)


def read_bundle(folder: Path, verify: bool = True, mapped: bool = False) -> Bundle:
    """Return the bundle in a folder; `verify` compares the weights' digest, `mapped` leaves them in the file.

    Raises FormatError naming what is wrong.
    """
    if (folder / NAMED).is_file():
        raise FormatError(
            f"{folder}: expected a network of Darknet's sections (network.cfg), got one by name ({NAMED})"
        )
    settings, metrics, arrays = read_parts(folder, ("network.cfg",), verify, mapped)
    cfg, names = read_cfg(folder / "network.cfg"), read_names(folder / "classes.txt")
    return Bundle(cfg, names, arrays, settings, metrics, str(folder))


def read_parts(
    folder: Path, network: tuple[str, ...], verify: bool = True, mapped: bool = False
) -> tuple[BundleSettings, dict[str, Any], dict[str, NDArray[np.float32]]]:
    """Return settings, metrics and arrays of a bundle that has the files `network` besides. Raises FormatError."""
    files = (*network, "classes.txt", "weights.safetensors", "bundle.toml")
    for name in files:
        if not (folder / name).is_file():
            raise FormatError(f"{folder}: expected a bundle ({', '.join(files)}), got a folder without {name}")
    values = read_toml(folder / "bundle.toml")
    metrics = values.pop("metrics", {})
    for needed in ("width", "height"):
        if needed not in values:
            raise FormatError(f"{folder / 'bundle.toml'}: expected {needed}, got none")
    settings = make_settings(BundleSettings, values, str(folder / "bundle.toml"))
    weights = folder / "weights.safetensors"
    if verify and settings.weights_sha256:
        _verify(weights, settings.weights_sha256)
    try:
        return settings, metrics, map_arrays(weights) if mapped else load_file(weights)
    except (SafetensorError, OSError, ValueError) as error:
        raise FormatError(f"{weights}: expected safetensors, got {error}") from None


def _verify(weights: Path, expected: str) -> None:
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise FormatError(
            f"{weights}: expected sha256 {expected[:12]}…, got {found[:12]}…; the file is not the one that was saved"
        )


def bundle_folder(path: Path) -> Path | None:
    """Return the folder of the bundle that a path means: itself, or the best model of a run; None for neither."""
    return next((each for each in (path / "model", path) if (each / "bundle.toml").is_file()), None)


def as_darknet_resizes(bundle: Bundle, letterbox: bool) -> Bundle:
    """Return the bundle with Darknet's own arithmetic for resizing."""
    resize = "darknet_letterbox" if letterbox else "darknet_stretch"
    return replace(bundle, settings=replace(bundle.settings, resize=resize))


def find_model(path: Path, weights: Path | None = None, names: Path | None = None, exact: bool = False) -> Bundle:
    """Return the model that a user names: a bundle, a run, a folder or `.cfg` or `.weights` with the others beside it.

    For Darknet files the names are taken from a `.names` file beside, and may be given. `exact` resizes images as AlexeyAB's
    `detector map` does, by letterbox only where the cfg or the bundle says so. Raises UserError with the ways out.
    """
    folder = bundle_folder(path)
    if folder and (weights or names):
        raise UserError(
            f"{folder}: a bundle has its own weights and names; give --weights and --names with a .cfg only"
        )
    if folder:
        bundle = read_bundle(folder)
        return as_darknet_resizes(bundle, bundle.settings.letterbox) if exact else bundle
    cfg_path, weights_path = _darknet_pair(path, weights)
    bundle = darknet_bundle(cfg_path, weights_path, names or _names_beside(cfg_path))
    return as_darknet_resizes(bundle, bool(bundle.cfg.net.integer("letter_box", 0))) if exact else bundle


def darknet_bundle(cfg_path: Path, weights_path: Path, names_path: Path | None) -> Bundle:
    """Return Darknet's three files as a bundle in memory; the weights stay mapped from the file."""
    cfg = read_cfg(cfg_path)
    layers = describe(cfg)
    file = read_weights(weights_path)
    arrays = split_weights(file, layers)
    classes = class_count(layers)
    names = read_names(names_path) if names_path else tuple(f"class{index}" for index in range(classes))
    check_names(layers, names, str(names_path))
    settings = BundleSettings(*cfg.input_size, _resize(cfg, file), seen=file.seen, darknet_version=file.version)
    return Bundle(cfg, names, arrays, settings, where=str(weights_path))


def _resize(cfg: Cfg, file: WeightsFile) -> str:
    """Return what `letter_box` in [net] says, else how the program that wrote the weights resizes what it tests.

    The original Darknet writes versions up to 0.2.0 and fits by letterbox; AlexeyAB's writes 0.2.5 and stretches.
    """
    original = file.version < (0, 2, 5)
    return "letterbox" if cfg.net.integer("letter_box", int(original)) else "stretch"


def _darknet_pair(path: Path, weights: Path | None) -> tuple[Path, Path]:
    if path.is_dir():
        cfg = _only(sorted(path.glob("*.cfg")), path, ".cfg")
        return cfg, weights or _weights_beside(cfg)
    if not path.is_file():
        raise UserError(f"{path}: expected a bundle, a run, or a .cfg with its .weights, got nothing there")
    if path.suffix == ".cfg":
        return path, weights or _weights_beside(path)
    if path.suffix == ".weights":
        beside = path.with_suffix(".cfg")
        return beside if beside.is_file() else _only(sorted(path.parent.glob("*.cfg")), path.parent, ".cfg"), path
    raise UserError(
        f"{path}: expected a bundle, a run, or a .cfg with its .weights, got a {path.suffix or 'plain'} file"
    )


def _weights_beside(cfg: Path) -> Path:
    same = cfg.with_suffix(".weights")
    if same.is_file():
        return same
    return _only(sorted(cfg.parent.glob("*.weights")), cfg.parent, ".weights")


def _names_beside(cfg: Path) -> Path | None:
    """Return the only `.names` beside the cfg, or the one of the same stem, or none."""
    same, found = cfg.with_suffix(".names"), sorted(cfg.parent.glob("*.names"))
    if same.is_file():
        return same
    return found[0] if len(found) == 1 else None


def _only(found: list[Path], folder: Path, suffix: str) -> Path:
    if len(found) != 1:
        came = "none" if not found else ", ".join(path.name for path in found)
        raise UserError(f"{folder}: expected one {suffix} file, got {came}; name the file itself")
    return found[0]
