"""A classifier's layers with their shapes, parameters and operations, from its trace: nothing is computed."""

import math
import operator
from dataclasses import dataclass

import torch
from torch import fx, nn

from onelook.models.classifiers.classifier import build
from onelook.models.classifiers.onnx_graph import shape_of, trace
from onelook.structures.named_network import NamedNetwork


@dataclass(frozen=True)
class TracedLayer:
    """One computation: its place, the places it takes its input from (-1 is the image), shapes (c, h, w) without the batch."""

    index: int
    name: str
    kind: str
    inputs: tuple[int, ...]
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    parameters: int
    flops: int


def traced_layers(named: NamedNetwork, size: tuple[int, int]) -> list[TracedLayer]:
    """Return the layers in the order they are computed, for an input of `size` (width, height).

    Auxiliary heads, which only training asks, are not among them. Operations are counted as in `structures.network.cost`: two
    for a multiplication with its addition; normalisation and activations cost nothing.
    """
    network, traced = trace(named, size)
    layers: list[TracedLayer] = []
    places: dict[fx.Node, int] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            places[node] = -1
        elif node.op != "output":
            places[node] = len(layers)
            layers.append(_layer(node, network, places, len(layers)))
    return layers


def _layer(node: fx.Node, network: nn.Module, places: dict[fx.Node, int], index: int) -> TracedLayer:
    module = network.get_submodule(str(node.target)) if node.op == "call_module" else None
    before, after = shape_of(node.all_input_nodes[0])[1:], shape_of(node)[1:]
    return TracedLayer(
        index=index,
        name=str(node.target) if module else node.name,
        kind=type(module).__name__ if module else _called(node),
        inputs=tuple(places[source] for source in node.all_input_nodes),
        in_shape=before,
        out_shape=after,
        parameters=sum(weight.numel() for weight in module.parameters()) if module else 0,
        flops=_flops(module, node, after),
    )


def _called(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _flops(module: nn.Module | None, node: fx.Node, after: tuple[int, ...]) -> int:
    if isinstance(module, nn.Conv2d | nn.Linear):
        return 2 * math.prod(after) * module.weight[0].numel()
    if isinstance(module, nn.MaxPool2d):
        return operator.index(module.kernel_size) ** 2 * math.prod(after)  # type: ignore[arg-type]  # all are square
    return math.prod(after) if node.target in (operator.add, operator.mul, torch.mul) else 0


def all_parameters(named: NamedNetwork) -> int:
    """Return how many parameters the network has, with the heads that only training asks."""
    with torch.device("meta"):
        return sum(weight.numel() for weight in build(named).parameters())
