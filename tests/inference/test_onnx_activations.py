"""Activations as ONNX nodes, against numpy; `test_onnx_graph` holds them against the original Darknet."""

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest

from onelook.inference.onnx_activations import ACTIVATIONS
from onelook.inference.onnx_nodes import Nodes
from onelook.structures.onnx_messages import FLOAT, onnx_file, onnx_node, onnx_value

SHAPE = (1, 3, 20, 20)
X = np.linspace(-30, 30, 1200, dtype=np.float32).reshape(SHAPE)


def computed(name: str, x: np.ndarray) -> np.ndarray:
    nodes = Nodes()
    out = ACTIVATIONS[name](nodes, "x")
    nodes.nodes.append(onnx_node("Identity", [out], ["y"]))
    value = [onnx_value(each, FLOAT, SHAPE) for each in ("x", "y")]
    model = onnx_file("g", nodes.nodes, value[:1], value[1:], nodes.initializers())
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "swish": lambda x: x * sigmoid(x),
    "logistic": sigmoid,
    "tanh": np.tanh,
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "hard_mish": lambda x: np.where(x > 0, x, np.where(x > -2, x * x / 2 + x, 0)),
    "stair": lambda x: np.where(np.floor(x) % 2 == 0, np.floor(x / 2), x - np.floor(x) + np.floor(x / 2)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_an_activation_is_its_formula(name: str) -> None:
    np.testing.assert_allclose(computed(name, X), FORMULAS[name](X.astype(np.float64)), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"normalize_channels_softmax"}))
def test_large_numbers_stay_numbers(name: str) -> None:
    """Darknet's own formula of the one that is left out overflows; its _maxval form is the cure."""
    assert np.isfinite(computed(name, X * 100)).all()
