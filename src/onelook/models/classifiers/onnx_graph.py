"""The computation of a network as an ONNX graph without its weights, for runtimes that need no torch.

The network is built without memory for its weights, traced once, and each of its few kinds of computation written by one
function of `MODULES` or `CALLS`. The weights are inputs of the graph, named as the network names them.
"""

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from google.protobuf.message import Message
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional

from onelook.models.classifiers.classifier import build
from onelook.models.classifiers.small_map import SmallMapConvolution
from onelook.structures.named_network import NamedNetwork
from onelook.structures.onnx_messages import FLOAT, onnx_array, onnx_file, onnx_node, onnx_value

IMAGES, LOGITS = "images", "logits"


@lru_cache(4)
def onnx_graph(named: NamedNetwork, size: tuple[int, int]) -> bytes:
    """Return the serialised graph for an input of `size` (width, height).

    Its inputs are `images`, float32 (n, 3, h, w) of the network's mean and deviation, and every weight; its output `logits`
    (n, classes).
    """
    network, traced = trace(named, size)
    writer = _Writer(network)
    for node in traced.graph.nodes:
        writer.write(node)
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items() if name in writer.used}
    inputs = [_value(IMAGES, ("batch", 3, size[1], size[0])), *(_value(name, shape) for name, shape in shapes.items())]
    outputs = [_value(LOGITS, ("batch", named.classes))]
    model = onnx_file(named.name, writer.nodes, inputs, outputs, writer.constants)
    return bytes(model.SerializeToString())


def trace(named: NamedNetwork, size: tuple[int, int]) -> tuple[nn.Module, fx.GraphModule]:
    """Return the network in evaluation, without memory for weights, and its trace with the shapes for one image."""
    with torch.device("meta"):
        network = build(named).eval()
        traced = fx.GraphModule(network, _Tracer().trace(network))
        ShapeProp(traced).propagate(torch.empty(1, 3, size[1], size[0]))
    return network, traced


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """Return the shape of what a traced node gives for one image."""
    return tuple(node.meta["tensor_meta"].shape)


class _Tracer(fx.Tracer):
    """Looks into no module that is written as one node."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is one node of the trace."""
        return type(m) in MODULES or super().is_leaf_module(m, module_qualified_name)


class _Writer:
    """Collects ONNX nodes; remembers by which name each traced node's tensor goes."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.nodes: list[Message] = []
        self.constants: list[Message] = []
        self.used: set[str] = set()
        self.names: dict[fx.Node, str] = {}

    def write(self, node: fx.Node) -> None:
        """Write one traced node. Raises ValueError for a computation that no function here knows."""
        if node.op == "placeholder":
            self.names[node] = IMAGES
        elif node.op == "output":
            last = node.args[0]
            assert isinstance(last, fx.Node)
            self.nodes.append(onnx_node("Identity", [self.names[last]], [LOGITS]))
        elif node.op == "call_module":
            module = self.network.get_submodule(str(node.target))
            self.names[node] = _known(MODULES, type(module))(self, node, module)
        else:
            self.names[node] = _known(CALLS, node.target)(self, node)

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(onnx_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, array: np.ndarray) -> str:
        """Return the name of an array that is part of the graph."""
        name = f"constant{len(self.constants)}"
        self.constants.append(onnx_array(array, name))
        return name

    def of(self, node: fx.Node, place: int = 0) -> str:
        """Return the name of a traced node's argument."""
        source = node.args[place]
        assert isinstance(source, fx.Node)
        return self.names[source]

    def weights(self, node: fx.Node, module: nn.Module, *own: str) -> list[str]:
        """Return the names of a module's weights, those that it has."""
        names = [f"{node.target}.{each}" for each in own if getattr(module, each) is not None]
        self.used.update(names)
        return names


def _known(table: dict[Any, Callable[..., str]], kind: object) -> Callable[..., str]:
    if kind not in table:
        raise ValueError(f"expected a computation that is written as ONNX, got {kind}")
    return table[kind]


def _convolution(writer: _Writer, node: fx.Node, module: nn.Conv2d) -> str:
    padding = [int(side) for side in module.padding] * 2
    return writer.add(
        "Conv",
        [writer.of(node), *writer.weights(node, module, "weight", "bias")],
        kernel_shape=list(module.kernel_size),
        strides=list(module.stride),
        pads=padding,
        group=module.groups,
    )


def _norm(writer: _Writer, node: fx.Node, module: nn.BatchNorm2d) -> str:
    arrays = writer.weights(node, module, "weight", "bias", "running_mean", "running_var")
    return writer.add("BatchNormalization", [writer.of(node), *arrays], epsilon=module.eps)


def _linear(writer: _Writer, node: fx.Node, module: nn.Linear) -> str:
    return writer.add("Gemm", [writer.of(node), *writer.weights(node, module, "weight", "bias")], transB=1)


def _maxpool(writer: _Writer, node: fx.Node, module: nn.MaxPool2d) -> str:
    size, stride, pad = (operator.index(side) for side in (module.kernel_size, module.stride, module.padding))  # type: ignore[arg-type]  # all are square
    return writer.add(
        "MaxPool",
        [writer.of(node)],
        kernel_shape=[size] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
        ceil_mode=int(module.ceil_mode),
    )


def _local_norm(writer: _Writer, node: fx.Node, module: nn.LocalResponseNorm) -> str:
    return writer.add("LRN", [writer.of(node)], size=module.size, alpha=module.alpha, beta=module.beta, bias=module.k)


def _adaptive(writer: _Writer, node: fx.Node, module: nn.AdaptiveAvgPool2d) -> str:
    return _means(writer, node, int(module.output_size))  # type: ignore[arg-type]  # all are square


def _means(writer: _Writer, node: fx.Node, side: int) -> str:
    """Return the means over `side` x `side` equal windows, which overlap where the input does not divide."""
    source = node.args[0]
    assert isinstance(source, fx.Node)
    _, channels, height, width = shape_of(source)
    if (height, width) == (side, side):
        return writer.of(node)
    if side == 1:
        return writer.add("GlobalAveragePool", [writer.of(node)])
    rows = torch.eye(height * width).view(-1, 1, height, width)
    shares = functional.adaptive_avg_pool2d(rows, side).reshape(height * width, side * side).numpy()
    flat = writer.add("Reshape", [writer.of(node), writer.constant(np.array([0, channels, -1], np.int64))])
    means = writer.add("MatMul", [flat, writer.constant(shares)])
    return writer.add("Reshape", [means, writer.constant(np.array([0, channels, side, side], np.int64))])


def _same(writer: _Writer, node: fx.Node, _: nn.Module | None = None) -> str:
    return writer.of(node)


def _relu(writer: _Writer, node: fx.Node, _: nn.Module | None = None) -> str:
    return writer.add("Relu", [writer.of(node)])


def _concatenation(writer: _Writer, node: fx.Node) -> str:
    parts = node.args[0]
    assert isinstance(parts, Sequence)
    return writer.add("Concat", [writer.names[part] for part in parts if isinstance(part, fx.Node)], axis=1)


def _joined(kind: str) -> Callable[..., str]:
    return lambda writer, node: writer.add(kind, [writer.of(node, 0), writer.of(node, 1)])


MODULES: dict[type[nn.Module], Callable[..., str]] = {
    nn.Conv2d: _convolution,
    SmallMapConvolution: _convolution,
    nn.BatchNorm2d: _norm,
    nn.Linear: _linear,
    nn.MaxPool2d: _maxpool,
    nn.AdaptiveAvgPool2d: _adaptive,
    nn.LocalResponseNorm: _local_norm,
    nn.ReLU: _relu,
    nn.Dropout: _same,
    nn.Identity: _same,
}
"""By the kind of a module."""

CALLS: dict[object, Callable[..., str]] = {
    "flatten": lambda writer, node: writer.add("Flatten", [writer.of(node)], axis=1),
    operator.add: _joined("Add"),
    operator.mul: _joined("Mul"),
    torch.cat: _concatenation,
    torch.sigmoid: lambda writer, node: writer.add("Sigmoid", [writer.of(node)]),
    functional.relu: _relu,
    functional.adaptive_avg_pool2d: lambda writer, node: _means(writer, node, int(node.args[1])),
}
"""By the function, or the name of the method, that is called."""


def _value(name: str, shape: Sequence[int | str]) -> Message:
    return onnx_value(name, FLOAT, shape)
