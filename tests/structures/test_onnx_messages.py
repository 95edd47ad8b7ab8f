"""ONNX as the `onnx` package knows it: the same fields, the same bytes, and what we do not name is kept."""

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from onelook.structures.onnx_messages import (
    FLOAT,
    IR_VERSION,
    OPSET,
    messages,
    onnx_array,
    onnx_file,
    onnx_node,
    onnx_value,
    read_onnx,
)

_THEIRS = {
    "OperatorSet": onnx.OperatorSetIdProto,
    "Value": onnx.ValueInfoProto,
    "TensorType": onnx.TypeProto.Tensor,
    "Shape": onnx.TensorShapeProto,
    "Dimension": onnx.TensorShapeProto.Dimension,
    "Entry": onnx.StringStringEntryProto,
}


@pytest.mark.parametrize("name", messages())
def test_each_field_has_the_number_and_type_that_onnx_gives_it(name: str) -> None:
    theirs = (_THEIRS.get(name) or getattr(onnx, f"{name}Proto")).DESCRIPTOR.fields_by_name
    enums = theirs[next(iter(theirs))].TYPE_ENUM

    for field in messages()[name].DESCRIPTOR.fields:
        other = theirs[field.name]
        assert (field.number, field.is_repeated) == (other.number, other.is_repeated), field.name
        assert field.type == (field.TYPE_INT32 if other.type == enums else other.type), field.name


def test_a_model_is_what_onnx_makes_of_the_same_words() -> None:
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    ours = onnx_file(
        "g",
        [onnx_node("Gemm", ["x", "w"], ["y"], "y", alpha=0.5, transB=1), onnx_node("Pad", ["y"], ["z"], mode="edge")],
        [onnx_value("x", FLOAT, ["batch", 3])],
        [onnx_value("z", FLOAT, ["batch", 2])],
        [onnx_array(weights, "w"), onnx_array(np.asarray([2, -1]), "n")],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w"], ["y"], "y", alpha=0.5, transB=1),
            helper.make_node("Pad", ["y"], ["z"], mode="edge"),
        ],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.asarray([2, -1]), "n")],
    )
    opset = [helper.make_opsetid("", OPSET)]
    theirs = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="onelook")

    assert onnx.load_from_string(ours.SerializeToString()) == theirs


def test_what_is_not_named_here_is_kept() -> None:
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [], doc_string="as it came")
    model = helper.make_model(graph, producer_version="3")

    again = onnx.load_from_string(read_onnx(model.SerializeToString()).SerializeToString())

    assert again == model


def test_an_array_is_stored_in_its_order_whatever_its_memory() -> None:
    turned = np.arange(6, dtype=">f4").reshape(2, 3).T

    stored = onnx.load_tensor_from_string(onnx_array(turned, "w").SerializeToString())

    np.testing.assert_array_equal(numpy_helper.to_array(stored), turned)


@pytest.mark.parametrize("value", [None, {"a": 1}, ["word"], np.zeros(2)])
def test_an_attribute_of_another_kind_is_a_mistake_of_the_programmer(value: object) -> None:
    with pytest.raises(TypeError, match="axis: expected numbers or a word, got"):
        onnx_node("Softmax", ["x"], ["y"], axis=value)


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(DecodeError):
        read_onnx(b"no model")
