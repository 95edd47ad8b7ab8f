"""`onelook summary`: a network's layers, their shapes, parameters and cost."""

from typing import Annotated, Any

import typer

from onelook.cli.oddities import tell_oddities
from onelook.cli.output import print_json

COLUMNS = ("#", "kind", "from", "options", "input", "output", "parameters", "MFLOPs")


def summary(
    network: Annotated[str, typer.Argument(help="A Darknet .cfg, or yolov3-tiny, yolov3, yolov4, yolov4-tiny.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: parameters, flops, layers.")] = False,
) -> None:
    """Print NETWORK's layers with shapes (channels x height x width), parameters and operations for one image."""
    from onelook.models.known import find_network
    from onelook.structures.network.cost import flops
    from onelook.structures.network.layers import Layer, describe

    def row(layer: Layer) -> dict[str, Any]:
        return {
            "index": layer.index,
            "kind": layer.kind,
            "inputs": list(layer.inputs),
            "options": {key: text for key, (text, _) in layer.section.options.items()},
            "input": list(layer.in_shapes[0]),
            "output": list(layer.out_shape),
            "parameters": layer.parameters,
            "flops": flops(layer),
        }

    cfg = find_network(network)
    tell_oddities(cfg)
    layers = [row(layer) for layer in describe(cfg)]
    totals = {word: sum(layer[word] for layer in layers) for word in ("parameters", "flops")}
    width, height = cfg.input_size
    if as_json:
        print_json({"network": network, "width": width, "height": height, **totals, "layers": layers})
        return
    typer.echo(_table([COLUMNS, *(_cells(layer) for layer in layers)]))
    typer.echo(
        f"{network} at {width} x {height}: {len(layers)} layers, {totals['parameters']:,} parameters, "
        f"{totals['flops'] / 1e9:.3f} BFLOPs an image"
    )


_SHOWN = ("filters", "size", "stride", "groups", "output", "layers", "activation", "classes")
"""Options that say what a layer is."""


def _cells(layer: dict[str, Any]) -> tuple[str, ...]:
    before = layer["index"] - 1
    others = [str(index) for index in layer["inputs"] if index != before]
    shown = " ".join(f"{key}={layer['options'][key]}" for key in _SHOWN if key in layer["options"])
    shapes = ("x".join(map(str, layer[side])) for side in ("input", "output"))
    cost = f"{layer['flops'] / 1e6:,.1f}" if layer["flops"] else ""
    parameters = f"{layer['parameters']:,}" if layer["parameters"] else ""
    return (str(layer["index"]), layer["kind"], ",".join(others), shown, *shapes, parameters, cost)


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
