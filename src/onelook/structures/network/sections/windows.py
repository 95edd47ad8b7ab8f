"""Kernels and pooling windows: what of `size`, `stride`, `pad`, `padding` and `dilation` applies, as Darknet decides it."""

from onelook.structures.network.cfg import Section


def convolution_padding(section: Section) -> int:
    """Return the padding on every side: `pad=1` means half the kernel, else `padding` counts; dilation multiplies both."""
    size = section.integer("size", 1)
    padding = size // 2 if section.integer("pad", 0) else section.integer("padding", 0)
    return padding * convolution_dilation(section)


def convolution_dilation(section: Section) -> int:
    """Return the distance between the kernel's taps; Darknet ignores it where the kernel has one."""
    return section.integer("dilation", 1) if section.integer("size", 1) > 1 else 1


def convolution_stride(section: Section) -> tuple[int, int]:
    """Return the stride as (x, y)."""
    stride = section.integer("stride", 1)
    return section.integer("stride_x", stride), section.integer("stride_y", stride)


def maxpool_window(section: Section) -> tuple[int, int, int]:
    """Return size, stride and the total padding, of which half (rounded down) is before."""
    stride = section.integer("stride", 1)
    size = section.integer("size", stride)
    return size, stride, section.integer("padding", size - 1)


def blur_size(section: Section) -> int:
    """Return the side of the blur that `antialiasing` puts behind a layer to take over its stride: 3, 2, or 0 for none."""
    return {0: 0, 2: 2}.get(section.integer("antialiasing", 0), 3)


def blurred(section: Section, height: int, width: int) -> tuple[int, int]:
    """Return (height, width) behind the blur of a layer whose output at stride 1 is `height` x `width`."""
    size, (stride_x, stride_y) = blur_size(section), convolution_stride(section)
    reach = 2 * (size // 2 if size == 3 else 0) - size
    return (height + reach) // stride_y + 1, (width + reach) // stride_x + 1
