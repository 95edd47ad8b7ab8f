"""GoogLeNet with squeeze-and-excitation: on every path of every inception module, or on every module, as published.

Source: Hu et al., arXiv 1709.01507, whose SE-Inception scales the module's output.
"""

from onelook.models.classifiers.googlenet import GoogLeNet
from onelook.models.classifiers.squeeze import SqueezeExcite


def se_googlenet(classes: int, small: bool = False, plain: bool = False, paths: bool = False) -> GoogLeNet:
    """Return GoogLeNet with a block on each module, or with `paths` on each of its four paths."""
    if paths:
        return GoogLeNet(classes, small, plain, on_path=SqueezeExcite)
    return GoogLeNet(classes, small, plain, on_module=SqueezeExcite)
