"""One forward of each network against an independent implementation, whose answers `store_references.py` has stored."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.classifiers.made_weights import CLASSES, made_array, made_picture, sum_of_names

from onelook.models.classifiers.table import CLASSIFIERS

REFERENCES = json.loads(Path(__file__).with_name("references.json").read_text())["networks"]
QUICK = ("alexnet", "vgg11_bn", "googlenet", "resnet18", "resnet50", "seresnet18", "seresnet50", "xception")
OWN = {"googlenet_plain", "se_googlenet", "se_googlenet_paths", "se_googlenet_paths_plain"}
"""Networks of which nobody publishes an implementation that installs."""


def test_every_network_that_somebody_else_has_is_compared() -> None:
    assert set(REFERENCES) == set(CLASSIFIERS) - OWN


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in REFERENCES]
)
def test_a_network_says_what_the_published_implementation_says(name: str) -> None:
    with torch.device("meta"):
        network = CLASSIFIERS[name].build(CLASSES, False).eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    network.load_state_dict(
        {name: torch.from_numpy(made_array(name, shape)) for name, shape in shapes.items()}, assign=True
    )
    with torch.no_grad():
        logits = network(torch.from_numpy(made_picture()))[0].numpy()

    told = REFERENCES[name]
    assert sum_of_names(shapes) == told["names"]
    assert sum(weight.numel() for weight in network.parameters()) == told["parameters"]
    np.testing.assert_allclose(logits[: len(told["logits"])], told["logits"], atol=1e-4 * np.abs(logits).max())
