"""The nodes and constants of an ONNX graph as it grows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from onelook.structures.onnx_messages import onnx_array, onnx_node


class Nodes:
    """A growing list of nodes in order, and the arrays that they refer to; tensors are known by name."""

    def __init__(self) -> None:
        self.nodes: list[Message] = []
        self.arrays: dict[str, NDArray[Any]] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output and return the output's name."""
        name = f"t{len(self.nodes)}"
        self.nodes.append(onnx_node(operator, inputs, [name], name, **attributes))
        return name

    def array(self, name: str, values: NDArray[Any]) -> str:
        """Keep an array under its name and return the name."""
        self.arrays[name] = np.ascontiguousarray(values)
        return name

    def number(self, value: float) -> str:
        """Return the name of a float32 number; equal numbers are one."""
        return self.array(f"number {value:g}", np.asarray(value, np.float32))

    def whole_numbers(self, values: Sequence[int]) -> str:
        """Return the name of an int64 list, as shapes and axes are given; equal lists are one."""
        return self.array(f"numbers {','.join(map(str, values))}", np.asarray(values, np.int64))

    def initializers(self) -> list[Message]:
        """Return the arrays as the graph stores them."""
        return [onnx_array(values, name) for name, values in self.arrays.items()]
