"""ONNX graphs from a file that somebody gives: only computation that every runtime knows, and nothing outside the file."""

from collections.abc import Iterator

from google.protobuf.message import DecodeError, Message

from onelook.structures.errors import FormatError
from onelook.structures.onnx_messages import EXTERNAL, read_onnx

_DOMAINS = ("", "ai.onnx")
"""Of ONNX's own operators; any other one is code that a runtime would load or has built in for itself."""


def checked_graph(data: bytes, where: str) -> Message:
    """Return an ONNX model from its bytes.

    Raises FormatError for what is none, for operators of other domains than ONNX's own and functions (code that the file brings
    or asks for), and for weights that lie in other files.
    """
    try:
        model = read_onnx(data)
    except DecodeError:
        raise FormatError(f"{where}: expected an ONNX graph, got another file") from None
    if not model.graph.node:
        raise FormatError(f"{where}: expected an ONNX graph, got one without a computation")
    if model.functions:
        raise FormatError(f"{where}: expected ONNX's own operators, got functions ({model.functions[0].name})")
    for graph in _graphs(model.graph):
        for node in graph.node:
            if node.domain not in _DOMAINS:
                raise FormatError(f"{where}: expected ONNX's own operators, got {node.op_type} of {node.domain!r}")
        for array in _arrays(graph):
            if array.data_location == EXTERNAL or array.external_data:
                raise FormatError(f"{where}: expected all weights inside the file, got {array.name} {_place(array)}")
    return model


def _graphs(graph: Message) -> Iterator[Message]:
    """Yield the graph and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
                yield from _graphs(inner)


def _arrays(graph: Message) -> Iterator[Message]:
    """Yield every array of a graph, those in its nodes' attributes included."""
    yield from graph.initializer
    sparse = list(graph.sparse_initializer)
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (*attribute.tensors, attribute.t)
        sparse += [*attribute.sparse_tensors, attribute.sparse_tensor]
    for each in sparse:
        yield from (each.values, each.indices)


def _place(array: Message) -> str:
    place = next((each.value for each in array.external_data if each.key == "location"), "another file")
    return f"in {place!r}"
