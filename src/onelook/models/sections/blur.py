"""The fixed blur that `antialiasing` puts behind a convolution or a maximum, and that takes over its stride."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from onelook.structures.network.cfg import Section
from onelook.structures.network.sections.windows import blur_size, convolution_stride

_RISE = {3: (0.25, 0.5, 0.25), 2: (0.5, 0.5)}


class Blur(nn.Module):
    """Every channel blurred with a 3 x 3 binomial (`antialiasing=1`) or a 2 x 2 mean (`antialiasing=2`)."""

    def __init__(self, section: Section) -> None:
        super().__init__()
        rise = torch.tensor(_RISE[blur_size(section)])
        stride_x, stride_y = convolution_stride(section)
        self.stride, self.padding = (stride_y, stride_x), 1 if len(rise) == 3 else 0
        self.register_buffer("kernel", rise[:, None] * rise[None, :], persistent=False)  # (size, size)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, h', w')."""
        channels = x.shape[1]
        kernel = self.get_buffer("kernel").to(x.dtype).expand(channels, 1, -1, -1)
        return functional.conv2d(x, kernel, None, self.stride, self.padding, groups=channels)
