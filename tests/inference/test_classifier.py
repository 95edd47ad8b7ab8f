"""Classifiers without torch say what they say with it."""

from pathlib import Path

import numpy as np
import pytest
import torch

import onelook
from onelook.inference.classifier import ImageClassifier, find_classifier, load_classifier
from onelook.models.classifiers.classifier import Classifier
from onelook.models.classifiers.onnx_graph import onnx_graph
from onelook.models.network import Network
from onelook.structures.bundle import Bundle, BundleSettings, write_bundle
from onelook.structures.errors import FormatError
from onelook.structures.named_bundle import NamedBundle, read_named_bundle, write_named_bundle
from onelook.structures.named_network import NamedNetwork
from onelook.structures.network.cfg import parse_cfg

CFG = """[net]
width=32
height=32
channels=3
[convolutional]
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=3
size=1
activation=linear
[avgpool]
[softmax]
[cost]
"""
NAMES = ("ant", "bee", "cat")


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


def named_bundle(where: str = "bundle") -> tuple[Classifier, NamedBundle]:
    torch.manual_seed(0)
    named = NamedNetwork("resnet18", 3, "small")
    network = Classifier(named).eval()
    settings = BundleSettings(32, 32)
    return network, NamedBundle(named, NAMES, network.arrays(), onnx_graph(named, (32, 32)), settings, where=where)


def tensor_of(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def test_a_network_by_name_predicts_from_its_folder(tmp_path: Path, image: np.ndarray) -> None:
    network, bundle = named_bundle()
    write_named_bundle(tmp_path / "model", bundle)
    loaded = onelook.load(tmp_path / "model")
    assert isinstance(loaded, ImageClassifier)
    found = loaded.predict(image)

    (wanted,) = network(tensor_of(image))
    assert found.scores == pytest.approx(wanted.scores, abs=1e-5)
    assert found.top(1)[0][0] == int(wanted.scores.argmax())


def test_a_cfg_classifier_predicts_what_torch_does(tmp_path: Path, image: np.ndarray) -> None:
    torch.manual_seed(0)
    network = Network(parse_cfg(CFG)).eval()
    write_bundle(tmp_path / "model", Bundle(network.cfg, NAMES, network.arrays(), BundleSettings(32, 32)))
    bundle = find_classifier(tmp_path / "model")
    assert bundle is not None
    found = load_classifier(bundle).predict([image, image])

    (wanted,) = network(tensor_of(image))
    assert found[0].scores == pytest.approx(wanted.scores, abs=1e-5)
    assert len(found) == 2


def test_a_bundle_comes_back_as_it_was_written(tmp_path: Path) -> None:
    _, bundle = named_bundle()
    write_named_bundle(tmp_path / "model", bundle)
    found = read_named_bundle(tmp_path / "model")

    assert (found.network, found.names, found.graph) == (bundle.network, bundle.names, bundle.graph)
    assert all(np.array_equal(found.arrays[name], array) for name, array in bundle.arrays.items())


def test_names_that_are_too_few_are_refused() -> None:
    _, bundle = named_bundle()
    with pytest.raises(FormatError, match="b: expected 3 names of classes, got 2"):
        NamedBundle(bundle.network, ("ant", "bee"), bundle.arrays, bundle.graph, bundle.settings, where="b")


def test_a_cfg_classifier_has_as_many_names_as_its_softmax_numbers(tmp_path: Path) -> None:
    network = Network(parse_cfg(CFG))
    with pytest.raises(FormatError, match="expected classes=3 names"):
        Bundle(network.cfg, ("ant",), network.arrays(), BundleSettings(32, 32))


def test_a_missing_weight_is_named() -> None:
    _, bundle = named_bundle("there")
    arrays = {name: array for name, array in bundle.arrays.items() if name != "fc.bias"}
    broken = NamedBundle(bundle.network, NAMES, arrays, bundle.graph, bundle.settings, where="there")

    with pytest.raises(FormatError, match=r"there: expected the weights fc.bias \(3,\), got none"):
        load_classifier(broken)


@pytest.mark.parametrize("graph", [b"", b"no graph"])
def test_a_broken_graph_is_told(graph: bytes) -> None:
    _, bundle = named_bundle("there")
    with pytest.raises(FormatError, match="there"):
        load_classifier(NamedBundle(bundle.network, NAMES, bundle.arrays, graph, bundle.settings, where="there"))
