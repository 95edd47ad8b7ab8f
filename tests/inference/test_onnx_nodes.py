"""Nodes: names that never meet, equal constants kept once."""

import numpy as np

from onelook.inference.onnx_nodes import Nodes


def test_nodes_follow_each_other_by_name() -> None:
    nodes = Nodes()
    first = nodes.add("Relu", "x")
    second = nodes.add("Add", first, nodes.number(2))

    assert first != second
    assert list(nodes.nodes[1].input) == [first, "number 2"]


def test_equal_constants_are_one() -> None:
    nodes = Nodes()

    assert nodes.number(0.5) == nodes.number(0.5) != nodes.number(0.25)
    assert nodes.whole_numbers([0, -1]) == nodes.whole_numbers([0, -1])
    assert len(nodes.initializers()) == 3


def test_arrays_that_are_views_are_stored_whole() -> None:
    nodes = Nodes()
    nodes.array("w", np.arange(6, dtype=np.float32).reshape(2, 3).T)

    assert nodes.initializers()[0].raw_data == np.float32([0, 3, 1, 4, 2, 5]).tobytes()
