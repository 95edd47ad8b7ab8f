"""Weights trained before, brought into a network for other classes: everything but the heads, and of those what fits.

No torch: arrays in, arrays out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onelook.models.adapt import adapt
from onelook.structures.bundle import find_model
from onelook.structures.classes import class_map, read_names
from onelook.structures.errors import FormatError, UserError
from onelook.structures.network.cfg import Cfg
from onelook.structures.network.layers import Layer, describe
from onelook.structures.network.weights_file import WeightsFile, read_weights, split_weights

Arrays = Mapping[str, NDArray[np.float32]]

_BOX_AND_OBJECTNESS = 5


@dataclass(frozen=True)
class Pretrained:
    """Arrays of an earlier training with the cfg that they fit; `names` is empty where nobody says what its classes are."""

    cfg: Cfg
    arrays: Arrays
    names: tuple[str, ...]
    where: str

    def classes(self) -> int:
        """Return the number of classes of its heads."""
        return next((layer.section.integer("classes", 20) for layer in describe(self.cfg) if layer.kind == "yolo"), 0)


def read_pretrained(path: Path, cfg: Cfg) -> Pretrained:
    """Return the weights of a run, a bundle or a `.weights` file that was trained with `cfg`, whatever its classes then.

    A `.weights` file may also end after any whole layer (`yolov4.conv.137`). Raises FormatError with both sizes when it
    belongs to another cfg.
    """
    if not path.exists():
        raise UserError(f"{path}: expected weights, got nothing there")
    if path.is_dir():
        bundle = find_model(path)
        return Pretrained(bundle.cfg, bundle.arrays, bundle.names, bundle.where)
    file = read_weights(path)
    fitting = _cfg_that_fits(file, cfg)
    arrays = split_weights(file, describe(fitting or cfg), partial=True)
    if not arrays:
        raise FormatError(f"{path}: expected at least the first layer's weights, got {len(file.values)} numbers")
    pretrained = Pretrained(fitting or cfg, arrays, (), str(path))
    return Pretrained(pretrained.cfg, arrays, _names_beside(path, pretrained.classes()), str(path))


def transfer(
    pretrained: Pretrained, layers: Sequence[Layer], names: Sequence[str]
) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Return the arrays to load into a network of `layers` that finds `names`, and one line on what was taken.

    A head's rows for boxes and objectness are taken over when it has as many anchors; those of its classes by name. Absent
    arrays stay as the network has them. Raises FormatError naming the first layer that differs.
    """
    heads = {layer.index - 1: layer for layer in layers if layer.kind == "yolo"}
    source_heads = {layer.index - 1: layer for layer in describe(pretrained.cfg) if layer.kind == "yolo"}
    taken: dict[str, NDArray[np.float32]] = {}
    count = 0
    for layer in layers:
        found = {name: pretrained.arrays.get(f"{layer.index}.{name}") for name, _ in layer.arrays}
        if not found or any(array is None for array in found.values()):
            continue
        if layer.index in heads and layer.index in source_heads:
            _take_head(taken, layer, heads[layer.index], source_heads[layer.index], pretrained, names)
            continue
        for name, shape in layer.arrays:
            array = pretrained.arrays[f"{layer.index}.{name}"]
            if array.shape != shape:
                raise FormatError(
                    f"{pretrained.where}: {layer.name} {name}: expected {shape}, got {array.shape};"
                    " these weights belong to another cfg"
                )
            taken[f"{layer.index}.{name}"] = array
        count += 1
    if not count:
        raise FormatError(f"{pretrained.where}: no layer of it fits the network; these weights belong to another cfg")
    total = sum(1 for layer in layers if layer.arrays and layer.index not in heads)
    return taken, f"{pretrained.where}: {count} of {total} layers below the heads"


def _take_head(
    taken: dict[str, NDArray[np.float32]],
    layer: Layer,
    head: Layer,
    source: Layer,
    pretrained: Pretrained,
    names: Sequence[str],
) -> None:
    old_classes, classes = source.section.integer("classes", 20), head.section.integer("classes", 20)
    anchors = layer.out_shape[0] // (_BOX_AND_OBJECTNESS + classes)
    old = {name: pretrained.arrays[f"{layer.index}.{name}"] for name, _ in layer.arrays}
    if old["biases"].shape[0] != anchors * (_BOX_AND_OBJECTNESS + old_classes) or set(old) != {"biases", "weights"}:
        return
    places = class_map(names, pretrained.names) if pretrained.names else [None] * classes
    for name, shape in layer.arrays:
        rows = np.zeros((anchors, _BOX_AND_OBJECTNESS + classes, *shape[1:]), np.float32)
        before = old[name].reshape(anchors, _BOX_AND_OBJECTNESS + old_classes, *shape[1:])
        rows[:, :_BOX_AND_OBJECTNESS] = before[:, :_BOX_AND_OBJECTNESS]
        for index, place in enumerate(places):
            if place is not None:
                rows[:, _BOX_AND_OBJECTNESS + index] = before[:, _BOX_AND_OBJECTNESS + place]
        taken[f"{layer.index}.{name}"] = rows.reshape(shape)


def _cfg_that_fits(file: WeightsFile, cfg: Cfg) -> Cfg | None:
    """Return the cfg, or the one with the number of classes for which the file has exactly the numbers; None without one."""
    found = len(file.values)
    if found == _numbers(cfg):
        return cfg
    heads = [layer for layer in describe(cfg) if layer.kind == "yolo"]
    if not heads:
        return None
    one, two = (_numbers(adapt(cfg, classes)[0]) for classes in (1, 2))
    classes, rest = divmod(found - one, two - one)
    return adapt(cfg, classes + 1)[0] if not rest and classes >= 0 else None


def _numbers(cfg: Cfg) -> int:
    return sum(layer.parameters for layer in describe(cfg))


def _names_beside(weights: Path, classes: int) -> tuple[str, ...]:
    """Return the class names of the only `.names` file beside the weights that has as many, or none."""
    found = []
    for path in sorted(weights.parent.glob("*.names")):
        try:
            found.append(read_names(path))
        except FormatError:
            continue
    fitting = [names for names in found if len(names) == classes]
    return fitting[0] if len(fitting) == 1 else ()
