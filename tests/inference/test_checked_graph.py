"""ONNX files of others: no code, nothing outside the file, one line for what is refused."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.structures.small_models import small_bundle

from onelook.inference.checked_graph import checked_graph
from onelook.inference.onnx_graph import onnx_model
from onelook.structures.errors import FormatError


def graph() -> onnx.ModelProto:
    bundle = small_bundle()
    return onnx.load_from_string(onnx_model(bundle.layers(), bundle.arrays).SerializeToString())


def outside(array: onnx.TensorProto, place: str) -> None:
    array.ClearField("raw_data")
    array.data_location = TensorProto.EXTERNAL
    array.external_data.add(key="location", value=place)


def refused(model: onnx.ModelProto, match: str) -> None:
    with pytest.raises(FormatError, match=match) as caught:
        checked_graph(model.SerializeToString(), "x.onnx")
    assert "\n" not in str(caught.value)


def test_our_own_graphs_pass() -> None:
    assert len(checked_graph(graph().SerializeToString(), "x.onnx").graph.node) > 3


def test_an_operator_that_is_code_of_its_own_is_refused() -> None:
    model = graph()
    model.graph.node[0].domain = "evil.ops"

    refused(model, r"x\.onnx: expected ONNX's own operators, got Transpose of 'evil.ops'")


@pytest.mark.parametrize("place", ["../../etc/passwd", "/etc/passwd", "beside.bin"])
def test_weights_in_another_file_are_refused_with_its_name(place: str) -> None:
    model = graph()
    outside(model.graph.initializer[0], place)

    refused(model, f"expected all weights inside the file, got .* in '{place}'")


@pytest.mark.parametrize("is_sparse", [False, True])
def test_what_hides_in_an_attribute_or_a_branch_is_found(is_sparse: bool) -> None:
    constant = numpy_helper.from_array(np.zeros(2, np.float32), "hidden")
    outside(constant, "../hidden.bin")
    value = {"value": constant}
    if is_sparse:
        places = numpy_helper.from_array(np.arange(2), "places")
        value = {"sparse_value": helper.make_sparse_tensor(constant, places, [4])}
    inner = helper.make_graph([helper.make_node("Constant", [], ["y"], **value)], "inner", [], [])
    model = graph()
    model.graph.node.append(helper.make_node("If", ["t"], ["z"], then_branch=inner, else_branch=inner))

    refused(model, r"got hidden in '\.\./hidden\.bin'")


def test_functions_are_refused() -> None:
    model = graph()
    opset = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("mine", "F", ["x"], ["y"], [], opset))

    refused(model, r"got functions \(F\)")


@pytest.mark.parametrize("data", [b"", b"no model", b"\x08"])
def test_bytes_that_are_no_graph_are_one_line(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"^x\.onnx: expected an ONNX graph, got ") as caught:
        checked_graph(data, "x.onnx")

    assert "\n" not in str(caught.value)
