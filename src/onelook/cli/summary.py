"""`onelook summary`: a network's layers, their shapes, parameters and cost."""

from typing import Annotated, Any

import typer

from onelook.cli.oddities import tell_oddities
from onelook.cli.output import print_json

COLUMNS = ("#", "kind", "from", "options", "input", "output", "parameters", "MFLOPs")

NAMED_CLASSES, NAMED_SIDE = 1000, 224
"""Of a classifier by name, as its published numbers have them."""


def summary(
    network: Annotated[str, typer.Argument(help="A Darknet .cfg, or a known name such as yolov3-tiny or resnet18.")],
    size: Annotated[
        int | None,
        typer.Option(help="Width and height of the input; by default the cfg's, 224 for a classifier by name."),
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Classes of a classifier by name; by default 1000.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: parameters, flops, layers.")] = False,
) -> None:
    """Print NETWORK's layers with shapes (channels x height x width), parameters, operations and memory for one image."""
    from onelook.models.known import is_classifier
    from onelook.structures.errors import UserError

    if size is not None and not 1 <= size <= 8192:
        raise UserError(f"--size: expected 1 to 8192, got {size}")
    if is_classifier(network):
        found = _by_name(network, size or NAMED_SIDE, classes or NAMED_CLASSES)
    elif classes is not None:
        raise UserError(f"--classes: expected a classifier by name, got {network}; a cfg says its classes itself")
    else:
        found = _of_sections(network, size)
    if as_json:
        print_json(found)
        return
    typer.echo(_table([COLUMNS, *(_cells(layer) for layer in found["layers"])]))
    typer.echo(
        f"{network} at {found['width']} x {found['height']}: {len(found['layers'])} layers, "
        f"{found['parameters']:,} parameters, {found['flops'] / 1e9:.3f} BFLOPs an image, "
        f"memory for one image {_megabytes(found['memory_forward'])} predicting, "
        f"{_megabytes(found['memory_backward'])} training"
    )


def _of_sections(network: str, side: int | None) -> dict[str, Any]:
    """Return the layers and sums of a cfg."""
    from onelook.models.known import find_network
    from onelook.structures.network.cost import flops
    from onelook.structures.network.layers import describe

    cfg = find_network(network)
    tell_oddities(cfg)
    width, height = (side, side) if side else cfg.input_size
    rows = [
        {
            "index": layer.index,
            "kind": layer.kind,
            "inputs": list(layer.inputs),
            "options": {key: text for key, (text, _) in layer.section.options.items()},
            "input": list(layer.in_shapes[0]),
            "output": list(layer.out_shape),
            "parameters": layer.parameters,
            "flops": flops(layer),
        }
        for layer in describe(cfg, (width, height))
    ]
    return _summed(network, (width, height), rows, sum(row["parameters"] for row in rows))  # type: ignore[misc]  # they are numbers


def _by_name(network: str, side: int, classes: int) -> dict[str, Any]:
    """Return the layers and sums of a classifier by name."""
    from onelook.cli.train import need_torch

    need_torch()
    from onelook.models.classifiers.summary import all_parameters, traced_layers
    from onelook.structures.named_network import SMALL_SIDE, NamedNetwork

    named = NamedNetwork(network, classes, "small" if side <= SMALL_SIDE else "standard")
    rows = [
        {
            "index": layer.index,
            "kind": layer.kind,
            "inputs": list(layer.inputs),
            "options": {"name": layer.name},
            "input": list(layer.in_shape),
            "output": list(layer.out_shape),
            "parameters": layer.parameters,
            "flops": layer.flops,
        }
        for layer in traced_layers(named, (side, side))
    ]
    return _summed(network, (side, side), rows, all_parameters(named))


def _summed(network: str, size: tuple[int, int], rows: list[dict[str, Any]], parameters: int) -> dict[str, Any]:
    from math import prod

    from onelook.structures.network.memory import Step, memory

    steps = [Step(tuple(row["inputs"]), prod(row["output"]), row["parameters"]) for row in rows]
    needed = memory(steps, parameters - sum(step.parameters for step in steps))
    return {
        "network": network,
        "width": size[0],
        "height": size[1],
        "parameters": parameters,
        "flops": sum(row["flops"] for row in rows),
        "memory_forward": needed.forward,
        "memory_backward": needed.backward,
        "layers": rows,
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.3g} MB"


_SHOWN = ("filters", "size", "stride", "groups", "output", "layers", "activation", "classes")
"""Options that say what a layer is."""


def _cells(layer: dict[str, Any]) -> tuple[str, ...]:
    before = layer["index"] - 1
    others = [str(index) for index in layer["inputs"] if index != before]
    shown = " ".join(f"{key}={layer['options'][key]}" for key in _SHOWN if key in layer["options"])
    shapes = ("x".join(map(str, layer[side])) for side in ("input", "output"))
    cost = f"{layer['flops'] / 1e6:,.1f}" if layer["flops"] else ""
    parameters = f"{layer['parameters']:,}" if layer["parameters"] else ""
    what = layer["options"].get("name", shown)
    return (str(layer["index"]), layer["kind"], ",".join(others), what, *shapes, parameters, cost)


def _table(rows: list[tuple[str, ...]]) -> str:
    """Return the rows as columns, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    right = ("#", "parameters", "MFLOPs")
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, COLUMNS, strict=True)
        ).rstrip()
        for row in rows
    )
