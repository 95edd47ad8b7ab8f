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
from onelook.structures.network.heads import head_of, heads_of
from onelook.structures.network.layers import Layer, describe
from onelook.structures.network.weights_file import WeightsFile, read_weights, split_weights

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Pretrained:
    """Arrays of an earlier training with the cfg that they fit; `names` is empty where nobody says what its classes are."""

    cfg: Cfg
    arrays: Arrays
    names: tuple[str, ...]
    where: str

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if not np.isfinite(array).all():
                bad = int((~np.isfinite(array)).sum())
                raise FormatError(f"{self.where}: expected finite weights, got {bad} others in {name}; they are spoilt")

    def classes(self) -> int:
        """Return the number of classes of its heads."""
        return next((head.classes for head in heads_of(describe(self.cfg))), 0)


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
    heads = {layer.index - 1: layer for layer in layers if layer.is_head}
    source_heads = {layer.index - 1: layer for layer in describe(pretrained.cfg) if layer.is_head}
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


def transfer_classifier(
    pretrained: Pretrained, layers: Sequence[Layer], names: Sequence[str]
) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Return the arrays to load into a classifier of `layers` that tells `names` apart, and one line on what was taken.

    The last layer is taken where its shape is the same and the classes are, or nobody says what they were. Raises FormatError
    when nothing fits.
    """
    own = [layer for layer in layers if layer.arrays]
    last = {f"{own[-1].index}.{name}" for name, _ in own[-1].arrays}
    others = bool(pretrained.names) and tuple(pretrained.names) != tuple(names)
    taken: dict[str, NDArray[np.float32]] = {}
    count = 0
    for layer in own:
        found = {f"{layer.index}.{name}": shape for name, shape in layer.arrays}
        fits = all(key in pretrained.arrays and pretrained.arrays[key].shape == shape for key, shape in found.items())
        if fits and not (others and last & set(found)):
            taken |= {key: pretrained.arrays[key] for key in found}
            count += 1
    if not count:
        raise FormatError(f"{pretrained.where}: no layer of it fits the network; these weights belong to another cfg")
    return taken, f"{pretrained.where}: {count} of {len(own)} layers"


def _take_head(
    taken: dict[str, NDArray[np.float32]],
    layer: Layer,
    head: Layer,
    source: Layer,
    pretrained: Pretrained,
    names: Sequence[str],
) -> None:
    old_head, new_head = head_of(source), head_of(head)
    old = {name: pretrained.arrays[f"{layer.index}.{name}"] for name, _ in layer.arrays}
    same_form = type(old_head) is type(new_head) and len(old_head.anchors) == len(new_head.anchors)
    if not same_form or not len(new_head.anchors) or set(old) != {"biases", "weights"}:
        return
    beside = new_head.channels - new_head.classes  # box and objectness
    places = class_map(names, pretrained.names) if pretrained.names else [None] * new_head.classes
    for name, shape in layer.arrays:
        rows = np.zeros((len(new_head.anchors), new_head.channels, *shape[1:]), np.float32)
        before = old[name].reshape(len(old_head.anchors), old_head.channels, *shape[1:])
        rows[:, :beside] = before[:, :beside]
        for index, place in enumerate(places):
            if place is not None:
                rows[:, beside + index] = before[:, beside + place]
        taken[f"{layer.index}.{name}"] = rows.reshape(shape)


def _cfg_that_fits(file: WeightsFile, cfg: Cfg) -> Cfg | None:
    """Return the cfg, or the one with the number of classes for which the file has exactly the numbers; None without one."""
    found = len(file.values)
    if found == _numbers(cfg):
        return cfg
    if not any(layer.is_head for layer in describe(cfg)):
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
