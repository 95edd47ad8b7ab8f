"""Darknet's own losses: what each raw output of a head is pushed by, and the number that Darknet prints.

A head's `deltas` are minus the gradient by its raw input, summed over the images, and are not the slopes of any one function:
classes push as cross entropy does, boxes by squared error or by `boxes`. So they are handed to autograd as they are.
Source: AlexeyAB/darknet at commit 59596d7, observed behaviour; `reference/train_fixed` proves them in the tests.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from onelook.models.darknet.options import region_options, yolo_options
from onelook.models.darknet.region import region_deltas
from onelook.models.darknet.truths import relative_truths
from onelook.models.darknet.yolo import yolo_deltas
from onelook.structures.network.layer import Layer


def darknet_loss(
    raws: Sequence[Tensor], heads: Sequence[Layer], targets: Tensor, size: tuple[int, int], seen: int = 0
) -> dict[str, Tensor]:
    """Return one loss a head, named by kind and index; their sum is what Darknet prints for these images.

    `raws` are (n, c, h, w), `heads` their layers, `targets` (m, 6) rows of image, class, x1, y1, x2, y2 in input pixels,
    `size` the input's (width, height), `seen` the images trained on before. The gradient is Darknet's over n. Raises
    FormatError for a head that it has no loss for.
    """
    truths = relative_truths(targets.to(raws[0].device), size)
    losses = {}
    for raw, layer in zip(raws, heads, strict=True):
        with torch.no_grad():
            exact = raw.detach().to(torch.promote_types(raw.dtype, torch.float32))
            deltas, cost = _deltas(exact, layer, truths.to(exact.dtype), size, seen)
        images = len(raw)
        losses[f"{layer.kind}{layer.index}"] = _pushed(raw, deltas / images, cost / (images * len(heads)))
    return losses


def softmax_loss(raw: Tensor, layer: Layer, truths: Tensor) -> Tensor:
    """Return the cross entropy that Darknet prints for a classifier's images, with its gradient over their number.

    `raw` (n, ...) is what the [softmax] layer receives, `truths` (n, classes) what it should say. A temperature divides the
    scores, but not the gradient.
    """
    groups, temperature = layer.section.integer("groups", 1), layer.section.number("temperature", 1.0)
    with torch.no_grad():
        said = (raw.detach().reshape(len(raw), groups, -1) / temperature).softmax(2).view(len(raw), -1)
        cost = torch.where(truths != 0, -said.log(), 0).sum()
    return _pushed(raw, (truths - said).view(raw.shape) / len(raw), cost / len(raw))


class _Pushed(torch.autograd.Function):
    """A number whose gradient by `raw` is minus the given deltas."""

    @staticmethod
    def forward(ctx: Any, raw: Tensor, deltas: Tensor, cost: Tensor) -> Tensor:
        ctx.save_for_backward(deltas)
        ctx.kind = raw.dtype
        return cost.clone()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (deltas,) = ctx.saved_tensors
        return (-slopes[0] * deltas).to(ctx.kind), None, None


def _pushed(raw: Tensor, deltas: Tensor, cost: Tensor) -> Tensor:
    return torch.as_tensor(_Pushed.apply(raw, deltas, cost))  # type: ignore[no-untyped-call]  # torch's stub


def _deltas(raw: Tensor, layer: Layer, truths: Tensor, size: tuple[int, int], seen: int) -> tuple[Tensor, Tensor]:
    """Return what pushes the raw outputs (n, c, h, w), and the head's cost."""
    if layer.kind == "yolo":
        return yolo_deltas(raw, yolo_options(layer), truths, size)
    if layer.kind == "region":
        return region_deltas(raw, region_options(layer), truths, seen)
    raise layer.section.error(None, "cannot be trained; it can be evaluated and used")
