"""Fresh weights under which a signal keeps its size from layer to layer, whether or not batch normalisation helps.

Source: He et al., arXiv 1502.01852.
"""

from collections.abc import Collection

from torch import nn

LAST_DEVIATION = 0.01
"""Of the weights of connections to the classes: the first guesses are then nearly equal, and the loss begins at log(classes)."""


def reset(network: nn.Module, logits: Collection[nn.Module]) -> None:
    """Draw every weight anew: normal with deviation sqrt(2 / fan in), that of connections to `logits` smaller; biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear) and any(module is each for each in logits):
            nn.init.normal_(module.weight, std=LAST_DEVIATION)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
