"""Darknet's rule for changing weights.

It keeps for every weight a sum u of what pushes it: u = momentum * u + push - decay * batch * weight; weight += rate / batch *
u, where the push is summed over the batch. With pushes averaged over the batch that is torch's SGD with momentum and decay,
number for number, whatever the rate does meanwhile. Biases, scales and shifts do not decay.
"""

from torch import nn
from torch.optim import SGD

from onelook.models.sections.stored import Stored


def darknet_optimizer(network: nn.Module, rate: float, momentum: float, decay: float) -> SGD:
    """Return the optimizer of a network whose losses are means over the batch; only what `.weights` calls weights decays."""
    weights = {id(tensor) for module in network.modules() if isinstance(module, Stored) for tensor in decaying(module)}
    parameters = list(network.parameters())
    groups = [
        {"params": [each for each in parameters if id(each) in weights], "weight_decay": decay},
        {"params": [each for each in parameters if id(each) not in weights], "weight_decay": 0.0},
    ]
    return SGD([group for group in groups if group["params"]], rate, momentum)


def decaying(module: Stored) -> list[nn.Parameter]:
    """Return the tensors of a module that decay."""
    arrays = module.arrays()
    return [tensor for name, tensor in arrays.items() if name == "weights" and isinstance(tensor, nn.Parameter)]
