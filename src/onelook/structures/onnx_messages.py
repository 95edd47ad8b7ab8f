"""ONNX models as protobuf messages: made, stored and read back.

What is needed of ONNX's own definition, https://github.com/onnx/onnx/blob/v1.17.0/onnx/onnx.proto (Apache-2.0), stands in
`_MESSAGES`; fields that are not named there are kept as they came. The `onnx` package would bring 25 MB more and takes as long
to import as everything else of inference together. The tests compare with it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

OPSET, IR_VERSION = 17, 8
"""Old enough for every runtime of the last years."""

FLOAT, UINT8, INT64 = 1, 2, 7
"""ONNX's numbers for the types of a tensor's values."""

EXTERNAL = 1
"""The place of a tensor's values that lie in another file."""

_TYPES: Mapping[str, int] = {"float32": FLOAT, "uint8": UINT8, "int64": INT64}

_KINDS = {"float": 2, "int64": 3, "int32": 5, "string": 9, "bytes": 12}
"""Protobuf's numbers for the types of fields; any other word in _MESSAGES names a message."""
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3

_MESSAGES: Mapping[str, Sequence[str]] = {
    "Model": (
        "ir_version 1 int64",
        "producer_name 2 string",
        "graph 7 Graph",
        "opset_import 8 OperatorSet*",
        "metadata_props 14 Entry*",
        "functions 25 Function*",
    ),
    "Graph": (
        "node 1 Node*",
        "name 2 string",
        "initializer 5 Tensor*",
        "input 11 Value*",
        "output 12 Value*",
        "sparse_initializer 15 SparseTensor*",
    ),
    "Node": (
        "input 1 string*",
        "output 2 string*",
        "name 3 string",
        "op_type 4 string",
        "attribute 5 Attribute*",
        "domain 7 string",
    ),
    "Attribute": (
        "name 1 string",
        "f 2 float",
        "i 3 int64",
        "s 4 bytes",
        "t 5 Tensor",
        "g 6 Graph",
        "floats 7 float*",
        "ints 8 int64*",
        "strings 9 bytes*",
        "tensors 10 Tensor*",
        "graphs 11 Graph*",
        "type 20 int32",
        "sparse_tensor 22 SparseTensor",
        "sparse_tensors 23 SparseTensor*",
    ),
    "Tensor": (
        "dims 1 int64*",
        "data_type 2 int32",
        "name 8 string",
        "raw_data 9 bytes",
        "external_data 13 Entry*",
        "data_location 14 int32",
    ),
    "SparseTensor": ("values 1 Tensor", "indices 2 Tensor"),
    "Value": ("name 1 string", "type 2 Type"),
    "Type": ("tensor_type 1 TensorType",),
    "TensorType": ("elem_type 1 int32", "shape 2 Shape"),
    "Shape": ("dim 1 Dimension*",),
    "Dimension": ("dim_value 1 int64", "dim_param 2 string"),
    "OperatorSet": ("domain 1 string", "version 2 int64"),
    "Function": ("name 1 string",),
    "Entry": ("key 1 string", "value 2 string"),
}
"""By message its fields: name, number and type; with a star there may be several."""


@cache
def messages() -> Mapping[str, type[Message]]:
    """Return the class of each message in _MESSAGES; in a pool of their own, so that the `onnx` package may stand beside."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="onelook_onnx.proto", package="onelook.onnx", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, word in map(str.split, fields):
            label, kind = _REPEATED if word.endswith("*") else _OPTIONAL, word.removesuffix("*")
            added = message.field.add(name=field, number=int(number), label=label, type=_KINDS.get(kind, _MESSAGE))
            if kind not in _KINDS:
                added.type_name = f".onelook.onnx.{kind}"
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"onelook.onnx.{name}")) for name in _MESSAGES}


def read_onnx(data: bytes) -> Message:
    """Return the model in a file's bytes. Raises protobuf's DecodeError for what is none."""
    return messages()["Model"].FromString(data)


def onnx_file(
    name: str,
    nodes: Sequence[Message],
    inputs: Sequence[Message],
    outputs: Sequence[Message],
    arrays: Sequence[Message],
) -> Message:
    """Return a model of one graph by what `onnx_node`, `onnx_value` and `onnx_array` give."""
    graph = messages()["Graph"](name=name, node=nodes, input=inputs, output=outputs, initializer=arrays)
    opset = messages()["OperatorSet"](domain="", version=OPSET)
    return messages()["Model"](ir_version=IR_VERSION, producer_name="onelook", graph=graph, opset_import=[opset])


def onnx_node(operator: str, inputs: Sequence[str], outputs: Sequence[str], name: str = "", **own: Any) -> Message:
    """Return a node of ONNX's own operators; `own` are its attributes: numbers, words, or lists of one kind of number."""
    attributes = [_attribute(word, value) for word, value in sorted(own.items())]
    return messages()["Node"](op_type=operator, input=inputs, output=outputs, name=name or None, attribute=attributes)


def onnx_array(values: NDArray[Any], name: str = "") -> Message:
    """Return an array, float32, uint8 or int64, as the file stores it."""
    kind = _TYPES[values.dtype.name]
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return messages()["Tensor"](dims=values.shape, data_type=kind, name=name or None, raw_data=little.tobytes())


def onnx_value(name: str, kind: int, shape: Sequence[int | str]) -> Message:
    """Return what says the type and shape of an input or output; a word in the shape is a side that is free."""
    sides = [{"dim_param": side} if isinstance(side, str) else {"dim_value": side} for side in shape]
    return messages()["Value"](name=name, type={"tensor_type": {"elem_type": kind, "shape": {"dim": sides}}})


def _attribute(name: str, value: Any) -> Message:
    """Return an attribute; ONNX's number of its type stands beside the value."""
    is_list = isinstance(value, list | tuple)
    first = (value[0] if value else 0) if is_list else value
    if isinstance(first, float):
        field, number = ("floats", 6) if is_list else ("f", 1)
    elif isinstance(first, int):
        field, number = ("ints", 7) if is_list else ("i", 2)
    elif isinstance(first, str) and not is_list:
        field, number, value = "s", 3, value.encode()
    else:
        raise TypeError(f"{name}: expected numbers or a word, got {value!r}")
    return messages()["Attribute"](name=name, type=number, **{field: value})
