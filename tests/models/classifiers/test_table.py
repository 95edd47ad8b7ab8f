"""Every classifier: its published number of parameters, its shapes, and the names under which its weights are published."""

import pytest
import torch
from torch import nn

from onelook.models import known
from onelook.models.classifiers.table import CLASSIFIERS

PUBLISHED = {
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg13": 133_047_848,
    "vgg13_bn": 133_053_736,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
    "vgg19": 143_667_240,
    "vgg19_bn": 143_678_248,
    "googlenet": 13_004_888,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "seresnet18": 11_778_592,
    "seresnet34": 21_958_868,
    "seresnet50": 28_088_024,
    "seresnet101": 49_326_872,
    "seresnet152": 66_821_848,
    "senet154": 115_088_984,
    "xception": 22_855_952,
}
"""With 1,000 classes, auxiliary heads and all: torchvision's model pages, timm's and Cadene's tables for the SE networks."""

CAFFE_GOOGLENET = 13_378_280
"""bvlc_googlenet with both auxiliary heads."""

WIDTHS = {
    name: (out, sum(paths), paths)
    for name, out, paths in (
        ("3a", 256, (64, 128, 32, 32)),
        ("3b", 480, (128, 192, 96, 64)),
        ("4a", 512, (192, 208, 48, 64)),
        ("4b", 512, (160, 224, 64, 64)),
        ("4c", 512, (128, 256, 64, 64)),
        ("4d", 528, (112, 288, 64, 64)),
        ("4e", 832, (256, 320, 128, 128)),
        ("5a", 832, (256, 320, 128, 128)),
        ("5b", 1024, (384, 384, 128, 128)),
    )
}
"""Of the inception modules, from table 1 of the paper: the output, the sum of its paths, and the paths."""


def network_of(name: str, classes: int = 1000, small: bool = False) -> nn.Module:
    """Build without memory for weights."""
    with torch.device("meta"):
        return CLASSIFIERS[name].build(classes, small)


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def block(channels: int) -> int:
    """Return the parameters of a squeeze-and-excitation block over `channels`."""
    narrow = channels // 16
    return channels * narrow + narrow + narrow * channels + channels


def test_the_names_known_without_torch_are_those_of_the_table() -> None:
    assert tuple(CLASSIFIERS) == known.CLASSIFIERS


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_its_published_number_of_parameters(name: str) -> None:
    assert parameters(network_of(name)) == PUBLISHED[name]


def test_the_plain_googlenet_is_the_papers_as_caffe_has_it() -> None:
    assert parameters(network_of("googlenet_plain")) == CAFFE_GOOGLENET


def test_squeeze_and_excitation_stands_on_every_module_or_on_every_path() -> None:
    on_modules = sum(block(out) for out, _, _ in WIDTHS.values())
    on_paths = sum(block(width) for _, _, paths in WIDTHS.values() for width in paths)

    assert all(out == total for out, total, _ in WIDTHS.values())
    assert parameters(network_of("se_googlenet")) == PUBLISHED["googlenet"] + on_modules
    assert parameters(network_of("se_googlenet_paths")) == PUBLISHED["googlenet"] + on_paths
    assert parameters(network_of("se_googlenet_paths_plain")) == CAFFE_GOOGLENET + on_paths


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize(("side", "small"), [(224, False), (32, True)])
def test_a_batch_gives_a_row_of_logits_an_image_from_the_last_connection(name: str, side: int, small: bool) -> None:
    network = network_of(name, 7, small).eval()
    with torch.device("meta"):
        logits = network(torch.empty(2, 3, side, side))

    last = network.get_submodule(CLASSIFIERS[name].last)
    assert logits.shape == (2, 7)
    assert isinstance(last, nn.Linear)
    assert last.out_features == 7


@pytest.mark.parametrize(
    ("name", "keys"),
    {
        "alexnet": ("features.0.weight", "features.10.bias", "classifier.1.weight", "classifier.6.bias"),
        "vgg16": ("features.0.weight", "features.28.bias", "classifier.0.weight", "classifier.6.bias"),
        "vgg16_bn": ("features.0.weight", "features.1.running_mean", "features.41.weight", "classifier.3.bias"),
        "googlenet": (
            "conv1.conv.weight",
            "conv3.bn.running_var",
            "inception3a.branch1.conv.weight",
            "inception4e.branch2.1.bn.weight",
            "inception5b.branch4.1.conv.weight",
            "aux1.conv.conv.weight",
            "aux2.fc2.bias",
            "fc.weight",
        ),
        "resnet18": ("conv1.weight", "layer1.0.bn1.running_mean", "layer2.0.downsample.1.weight", "fc.bias"),
        "resnet50": ("layer1.0.conv3.weight", "layer1.0.downsample.0.weight", "layer4.2.bn3.bias", "fc.weight"),
        "seresnet50": (
            "layer0.conv1.weight",
            "layer1.0.se_module.fc1.weight",
            "layer4.2.se_module.fc2.bias",
            "last_linear.weight",
        ),
        "senet154": ("layer0.conv3.weight", "layer0.bn3.bias", "layer2.0.downsample.0.weight", "last_linear.bias"),
        "xception": (
            "conv1.weight",
            "block1.rep.0.conv1.weight",
            "block1.skipbn.weight",
            "block2.rep.1.pointwise.weight",
            "block12.rep.4.pointwise.weight",
            "conv4.pointwise.weight",
            "fc.bias",
        ),
    }.items(),
)
def test_weights_go_by_the_names_under_which_they_are_published(name: str, keys: tuple[str, ...]) -> None:
    assert set(keys) <= set(network_of(name).state_dict())


def test_googlenet_shows_its_auxiliary_heads_to_training_alone() -> None:
    network = network_of("googlenet", 5).train()
    with torch.device("meta"):
        found = network(torch.empty(2, 3, 64, 64))

    assert [each.shape for each in found] == [(2, 5)] * 3
