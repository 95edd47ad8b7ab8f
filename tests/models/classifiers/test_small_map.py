"""A convolution as one matrix product: the same numbers, there and back."""

from contextlib import AbstractContextManager

import pytest
import torch
from torch import nn

from onelook.models.classifiers.small_map import SmallMapConvolution


def autocast() -> AbstractContextManager[object]:
    return torch.autocast("cpu", torch.bfloat16)


@pytest.mark.parametrize(("stride", "side"), [(1, 4), (1, 2), (1, 3), (2, 8), (2, 5)])
def test_the_product_is_the_convolution_and_so_are_its_gradients(stride: int, side: int) -> None:
    torch.manual_seed(0)
    ours = SmallMapConvolution(384, 384, stride).double()
    plain = nn.Conv2d(384, 384, 3, stride, 1, bias=False).double()
    plain.load_state_dict(ours.state_dict())
    images = torch.randn(2, 384, side, side, dtype=torch.double, requires_grad=True)
    again = images.detach().clone().requires_grad_()

    with autocast():  # which leaves float64 as it is
        found, expected = ours(images), plain(again)
    push = torch.randn_like(expected)
    (found * push).sum().backward()
    (expected * push).sum().backward()

    assert found.grad_fn is not None
    assert "Convolution" not in found.grad_fn.name()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(images.grad, again.grad)
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad)


@pytest.mark.parametrize(("channels", "side"), [(64, 4), (384, 5)])
def test_few_weights_and_large_maps_stay_a_convolution(channels: int, side: int) -> None:
    with autocast():
        found = SmallMapConvolution(channels, channels)(torch.ones(1, channels, side, side))

    assert found.grad_fn is not None
    assert "Convolution" in found.grad_fn.name()


def test_float32_stays_a_convolution_and_so_does_what_wants_no_gradient() -> None:
    ours, images = SmallMapConvolution(384, 384), torch.randn(1, 384, 4, 4)

    found = ours(images)
    assert found.grad_fn is not None
    assert "Convolution" in found.grad_fn.name()
    with torch.no_grad():
        torch.testing.assert_close(ours(images), found.detach())
