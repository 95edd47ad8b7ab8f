"""From a classifier's name to what builds it, and to the last connection, whose rows are the classes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from onelook.models.classifiers.alexnet import AlexNet
from onelook.models.classifiers.googlenet import GoogLeNet
from onelook.models.classifiers.resnet import ResNet
from onelook.models.classifiers.se_googlenet import se_googlenet
from onelook.models.classifiers.senet import SENet
from onelook.models.classifiers.vgg import VGG
from onelook.models.classifiers.xception import Xception


@dataclass(frozen=True)
class Kind:
    """How a classifier is built for (classes, small), and the name of the connection that gives its logits."""

    build: Callable[[int, bool], nn.Module]
    last: str


CLASSIFIERS: dict[str, Kind] = {
    "alexnet": Kind(AlexNet, "classifier.6"),
    **{f"vgg{n}": Kind(partial(VGG, layers=n), "classifier.6") for n in (11, 13, 16, 19)},
    **{f"vgg{n}_bn": Kind(partial(VGG, layers=n, batch_norm=True), "classifier.6") for n in (11, 13, 16, 19)},
    "googlenet": Kind(GoogLeNet, "fc"),
    "googlenet_plain": Kind(partial(GoogLeNet, plain=True), "fc"),
    "se_googlenet": Kind(se_googlenet, "fc"),
    "se_googlenet_paths": Kind(partial(se_googlenet, paths=True), "fc"),
    "se_googlenet_paths_plain": Kind(partial(se_googlenet, paths=True, plain=True), "fc"),
    **{f"resnet{n}": Kind(partial(ResNet, layers=n), "fc") for n in (18, 34, 50, 101, 152)},
    **{f"seresnet{n}": Kind(partial(SENet, layers=n), "last_linear") for n in (18, 34, 50, 101, 152)},
    "senet154": Kind(partial(SENet, layers=154), "last_linear"),
    "xception": Kind(Xception, "fc"),
}
