"""Darknet's batch normalisation beside torch's."""

import pytest
import torch
from tests.models.tiny import one_head
from torch import nn

from onelook.models.darknet.batch_norm import DarknetBatchNorm, use_darknet_batch_norm
from onelook.models.network import Network
from onelook.structures.network.cfg import parse_cfg


def filled(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    torch.manual_seed(0)
    for tensor in norm.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
    return norm


def test_outside_training_it_computes_what_torch_does() -> None:
    theirs, ours = filled(nn.BatchNorm2d(3)).eval(), DarknetBatchNorm(3).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 4, 5)

    torch.testing.assert_close(ours(x), theirs(x))


def test_in_training_it_divides_by_the_root_of_the_unbiased_variance() -> None:
    norm = DarknetBatchNorm(1)
    x = torch.tensor([1.0, 2.0, 3.0, 6.0]).view(4, 1, 1, 1)

    y = norm(x).flatten().tolist()

    assert y == pytest.approx([(value - 3) / (14 / 3 + 1e-5) ** 0.5 for value in (1, 2, 3, 6)])
    assert norm.running_mean.item() == pytest.approx(0.3)
    assert norm.running_var.item() == pytest.approx(0.9 + 0.1 * 14 / 3)


def test_one_number_a_channel_gives_the_shift_and_not_nan() -> None:
    assert DarknetBatchNorm(2)(torch.tensor([[5.0, -3.0]])).tolist() == [[0, 0]]


def test_its_gradient_is_near_torch_s_where_there_are_many_numbers() -> None:
    x = torch.randn(8, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    pushed = []
    for norm in (DarknetBatchNorm(2), nn.BatchNorm2d(2)):
        inner = x.clone().requires_grad_()
        (norm(inner) ** 3).sum().backward()
        pushed.append(inner.grad)

    torch.testing.assert_close(pushed[0], pushed[1], rtol=0.02, atol=0.02)


def test_it_takes_the_place_of_every_normalisation_with_its_weights() -> None:
    text = "[net]\nwidth=8\nheight=8\n[convolutional]\nfilters=2\nbatch_normalize=1\n[batchnorm]\n"
    network = Network(parse_cfg(text + "[connected]\noutput=4\nbatch_normalize=1\n"))
    before = network.arrays()

    use_darknet_batch_norm(network)

    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert [type(norm) for norm in norms] == [DarknetBatchNorm] * 3
    assert [norm.momentum for norm in norms] == [0.1, 0.1, 0.05]
    assert all((network.arrays()[name] == array).all() for name, array in before.items())


def test_a_network_with_it_detects_as_without() -> None:
    torch.manual_seed(0)
    network = Network(one_head()).eval()
    images = torch.rand(1, 3, 32, 32)

    with torch.no_grad():
        before = network.raw_outputs(images)[0]
        use_darknet_batch_norm(network)
        torch.testing.assert_close(network.raw_outputs(images)[0], before)
