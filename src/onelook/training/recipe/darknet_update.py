"""Darknet's rule for changing weights.

It keeps for every weight a sum u of what pushes it: u = momentum * u + push - decay * batch * weight; weight += rate / batch *
u, where the push is summed over the batch. With pushes averaged over the batch that is torch's SGD with momentum and decay,
number for number, whatever the rate does meanwhile. Biases, scales and shifts do not decay.
"""

from torch import nn

from onelook.models.sections.stored import Stored


def weights_in_files(network: nn.Module) -> set[int]:
    """Return the id() of every parameter that `.weights` calls weights; only those decay."""
    return {id(tensor) for module in network.modules() if isinstance(module, Stored) for tensor in decaying(module)}


def decaying(module: Stored) -> list[nn.Parameter]:
    """Return the tensors of a module that decay."""
    arrays = module.arrays()
    return [tensor for name, tensor in arrays.items() if name == "weights" and isinstance(tensor, nn.Parameter)]
