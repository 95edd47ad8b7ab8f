"""The parts of a network by name."""

import pytest
from tests.models.tiny import two_heads
from torch import nn

from onelook.models.network import Network
from onelook.models.stages import body, place_of, stages
from onelook.structures.errors import UserError


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.layer1, self.pool = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.AvgPool2d(2)
        self.fc = nn.Linear(4, 2)


def test_a_darknet_networks_stages_are_its_layers_by_number() -> None:
    network = Network(two_heads())

    assert [name for name, _ in stages(network)] == [str(layer.index) for layer in network.layers]


def test_the_body_is_all_but_the_convolution_before_each_head() -> None:
    assert [name for name, _ in body(Network(two_heads()))] == ["0", "1", "3", "4", "6"]


def test_another_networks_stages_are_its_children_even_when_it_is_wrapped() -> None:
    assert [name for name, _ in stages(Backbone())] == ["stem", "layer1", "pool", "fc"]
    assert [name for name, _ in stages(nn.Sequential(Backbone()))] == ["stem", "layer1", "pool", "fc"]
    assert [name for name, _ in body(Backbone())] == ["stem", "layer1", "pool"]


def test_a_stage_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        UserError, match=r"freeze: expected stem, layer1, pool, fc, got 'layer2'; did you mean 'layer1'\?"
    ):
        place_of(stages(Backbone()), "layer2", "freeze")
    with pytest.raises(UserError, match="layer_rates: expected a layer from 0 to 6, got '9'"):
        place_of(stages(Network(two_heads())), "9", "layer_rates")
