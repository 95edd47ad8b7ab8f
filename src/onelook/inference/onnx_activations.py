"""Darknet's activations as ONNX nodes: one table from the cfg's word to the nodes that compute it.

Source: the curves of AlexeyAB/darknet at commit 59596d7; its stored outputs prove each in the tests.
"""

from collections.abc import Callable

from onelook.inference.onnx_nodes import Nodes
from onelook.structures.network.activations import activation_of
from onelook.structures.network.layer import Layer

Activation = Callable[[Nodes, str], str]
"""From the name of the tensor before to that of the tensor after; shapes stay (n, c, h, w)."""


def _single(operator: str, **attributes: float) -> Activation:
    """Return the activation that is one ONNX operator."""
    return lambda nodes, x: nodes.add(operator, x, **attributes)


def _clipped(low: float, high: float) -> Activation:
    return lambda nodes, x: nodes.add("Clip", x, nodes.number(low), nodes.number(high))


def _mish(nodes: Nodes, x: str) -> str:
    """x * tanh(softplus(x)) as x * n / (n + 2), n = e * (e + 2): ONNX Runtime has no fused Mish; 667 → 433 ms on YOLOv4."""
    e = nodes.add("Exp", nodes.add("Min", x, nodes.number(20)))
    n = nodes.add("Mul", e, nodes.add("Add", e, nodes.number(2)))
    return nodes.add("Mul", x, nodes.add("Div", n, nodes.add("Add", n, nodes.number(2))))


def _swish(nodes: Nodes, x: str) -> str:
    return nodes.add("Mul", x, nodes.add("Sigmoid", x))


def _hard_mish(nodes: Nodes, x: str) -> str:
    """x above 0, x * x / 2 + x down to -2, 0 below: x * clip(x / 2 + 1, 0, 1)."""
    half = nodes.add("Add", nodes.add("Mul", x, nodes.number(0.5)), nodes.number(1))
    return nodes.add("Mul", x, nodes.add("Clip", half, nodes.number(0), nodes.number(1)))


def _ramp(nodes: Nodes, x: str) -> str:
    return nodes.add("Add", nodes.add("Relu", x), nodes.add("Mul", x, nodes.number(0.1)))


def _loggy(nodes: Nodes, x: str) -> str:
    """2 / (1 + exp(-x)) - 1, which is tanh(x / 2)."""
    return nodes.add("Tanh", nodes.add("Mul", x, nodes.number(0.5)))


def _gelu(nodes: Nodes, x: str) -> str:
    """The tanh form: x / 2 * (1 + tanh(0.797885 x + 0.035677 x³))."""
    square = nodes.add("Mul", x, x)
    inner = nodes.add("Add", nodes.number(0.797885), nodes.add("Mul", square, nodes.number(0.035677)))
    one_more = nodes.add("Add", nodes.add("Tanh", nodes.add("Mul", x, inner)), nodes.number(1))
    return nodes.add("Mul", nodes.add("Mul", x, nodes.number(0.5)), one_more)


def _bent(low: float, high: float, outer: float, inner: float, offset: float) -> Activation:
    """Return the line inner * x + offset between `low` and `high`, going on with slope `outer` outside."""

    def apply(nodes: Nodes, x: str) -> str:
        middle = nodes.add("Clip", x, nodes.number(low), nodes.number(high))
        line = nodes.add("Add", nodes.add("Mul", middle, nodes.number(inner)), nodes.number(offset))
        return nodes.add("Add", line, nodes.add("Mul", nodes.add("Sub", x, middle), nodes.number(outer)))

    return apply


def _stair(nodes: Nodes, x: str) -> str:
    """floor(x / 2) from an even whole number to the next, then rising by 1 up to the even one after it."""
    half = nodes.add("Floor", nodes.add("Mul", x, nodes.number(0.5)))
    beyond = nodes.add("Sub", nodes.add("Sub", x, nodes.number(1)), nodes.add("Mul", half, nodes.number(2)))
    return nodes.add("Add", half, nodes.add("Relu", beyond))


def _per_channel_share(nodes: Nodes, shares: str) -> str:
    """Return each channel's part of the sum over the channels of its pixel."""
    total = nodes.add("ReduceSum", shares, nodes.whole_numbers([1]), keepdims=1)
    return nodes.add("Div", shares, nodes.add("Add", total, nodes.number(1e-4)))


def _normalize_channels(nodes: Nodes, x: str) -> str:
    return _per_channel_share(nodes, nodes.add("Relu", x))


def _normalize_channels_softmax(nodes: Nodes, x: str) -> str:
    return _per_channel_share(nodes, nodes.add("Exp", x))


def _normalize_channels_softmax_maxval(nodes: Nodes, x: str) -> str:
    largest = nodes.add("ReduceMax", x, axes=[1], keepdims=1)
    return _per_channel_share(nodes, nodes.add("Exp", nodes.add("Sub", x, largest)))


ACTIVATIONS: dict[str, Activation] = {
    "linear": lambda _, x: x,
    "leaky": _single("LeakyRelu", alpha=0.1),
    "relu": _single("Relu"),
    "relu6": _clipped(0, 6),
    "mish": _mish,
    "swish": _swish,
    "logistic": _single("Sigmoid"),
    "tanh": _single("Tanh"),
    "elu": _single("Elu", alpha=1.0),
    "selu": _single("Selu", alpha=1.6732, gamma=1.0507),
    "gelu": _gelu,
    "hard_mish": _hard_mish,
    "relie": _single("LeakyRelu", alpha=0.01),
    "revleaky": _single("LeakyRelu", alpha=0.1),
    "ramp": _ramp,
    "loggy": _loggy,
    "hardtan": _clipped(-1, 1),
    "lhtan": _bent(0, 1, outer=0.001, inner=1, offset=0),
    "plse": _bent(-4, 4, outer=0.01, inner=0.125, offset=0.5),
    "stair": _stair,
    "normalize_channels": _normalize_channels,
    "normalize_channels_softmax": _normalize_channels_softmax,
    "normalize_channels_softmax_maxval": _normalize_channels_softmax_maxval,
}
"""From the word in the cfg to its nodes."""


def activated(nodes: Nodes, layer: Layer, x: str) -> str:
    """Return the name of the layer's activation of `x`."""
    return ACTIVATIONS[activation_of(layer.section, layer.kind)](nodes, x)
