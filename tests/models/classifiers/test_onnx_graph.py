"""What ONNX Runtime computes from the graph and the weights is what torch computes."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from onelook.inference.runtime import OnnxRuntime
from onelook.models.classifiers.classifier import Classifier
from onelook.models.classifiers.onnx_graph import onnx_graph
from onelook.structures.named_network import NamedNetwork


@pytest.mark.parametrize(
    ("name", "stem", "side", "head"),
    [
        ("resnet18", "small", 32, (8,)),
        ("googlenet_plain", "small", 32, ()),  # local response normalisation
        ("se_googlenet_paths", "standard", 64, ()),
        ("seresnet18", "standard", 64, ()),
        ("alexnet", "small", 48, ()),  # windows of the mean that overlap
    ],
)
def test_the_graph_with_the_weights_gives_the_networks_logits(
    name: str, stem: str, side: int, head: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    named = NamedNetwork(name, 5, stem, head)
    network = Classifier(named).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    images = torch.rand(2, 3, side, side)
    wanted = network.logits(images).detach().numpy()
    found = OnnxRuntime(filled(onnx_graph(named, (side, side)), network)).run(network.prepared(images).numpy())[0]

    assert np.abs(found - wanted).max() <= 1e-4 * max(1, np.abs(wanted).max())


def filled(graph: bytes, network: Classifier) -> bytes:
    """Return the graph with the network's weights in it."""
    model = onnx.load_from_string(graph)
    images = next(each for each in model.graph.input if each.name == "images")
    del model.graph.input[:]
    model.graph.input.append(images)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in network.arrays().items())
    return bytes(model.SerializeToString())


def test_the_graph_is_small_since_it_holds_no_weights() -> None:
    graph = onnx_graph(NamedNetwork("resnet18", 10, "small"), (32, 32))

    assert len(graph) < 20_000
    onnx.checker.check_model(onnx.load_from_string(graph))
