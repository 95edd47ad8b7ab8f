"""A convolution that is trained as one matrix product where its map is small and its weights are many.

On a CPU oneDNN lays the weights and their gradient out anew for every step, which there takes longer than the convolution: with
bfloat16, 512 channels and 4 x 4 places took 51 ms there and back, and 30 as a product of matrices. ResNet18's whole step at batch
32 came to 0.84 of its time at 32 x 32, and to 0.67 at 16 x 16. With float32 nothing was won.
"""

from torch import Tensor, is_autocast_enabled, is_grad_enabled, nn
from torch.nn import functional

FEW_PLACES, MANY_WEIGHTS = 16, 2**20
"""Places of the output up to which, and weights from which on, the product was the faster."""


class SmallMapConvolution(nn.Conv2d):
    """A 3 x 3 convolution without bias, one place of padding around; the same to state dicts, exports and hooks as any."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__(before, after, 3, stride, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, after, h / stride, w / stride) of (n, before, h, w), both rounded up."""
        stride = self.stride[0]
        height, width = (-(-side // stride) for side in x.shape[2:])
        half = x.device.type == "cpu" and is_autocast_enabled("cpu")
        small = height * width <= FEW_PLACES and self.weight.numel() >= MANY_WEIGHTS
        if not (half and small and is_grad_enabled()):
            return super().forward(x)
        framed = functional.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)  # (n, h + 2, w + 2, before)
        windows = framed.unfold(1, 3, stride).unfold(2, 3, stride)  # (n, height, width, before, 3, 3)
        rows = windows.permute(0, 1, 2, 4, 5, 3).reshape(len(x), height, width, -1)
        weights = self.weight.permute(0, 2, 3, 1).reshape(self.out_channels, -1)  # (after, 9 * before)
        return functional.linear(rows, weights).permute(0, 3, 1, 2)
