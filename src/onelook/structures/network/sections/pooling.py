"""Sections that gather or spread neighbours: pools, [upsample], [reorg], [reorg3d], [crop]."""

from onelook.structures.network.layer import Layer, Place
from onelook.structures.network.sections.windows import blur_size, blurred, convolution_stride, maxpool_window


def maxpool(place: Place) -> Layer:
    """[maxpool], over places or, with `maxpool_depth`, over channels."""
    section, (channels, height, width) = place.section, place.before
    if section.integer("maxpool_depth", 0):
        outputs = section.integer("out_channels", 1)
        if not 1 <= outputs <= channels:
            raise section.error("out_channels", f"expected 1 to {channels} output channels, got {outputs}")
        return place.layer((outputs, height, width))
    return place.layer((channels, *_pooled(place)))


def local_avgpool(place: Place) -> Layer:
    """[local_avgpool]: a window as that of [maxpool]."""
    place.refuse("maxpool_depth", "antialiasing")
    return place.layer((place.before[0], *_pooled(place)))


def avgpool(place: Place) -> Layer:
    """[avgpool]: one number a channel."""
    return place.layer((place.before[0], 1, 1))


def upsample(place: Place) -> Layer:
    """[upsample]: every pixel `stride` times each way."""
    stride = place.section.integer("stride", 2)
    if stride < 1:
        raise place.section.error("stride", f"expected a stride of at least 1, got {stride}")
    channels, height, width = place.before
    return place.layer((channels, height * stride, width * stride))


def reorg(place: Place) -> Layer:
    """[reorg] and [reorg3d]: squares of `stride` x `stride` pixels become channels."""
    place.refuse("reverse")
    stride, (channels, height, width) = place.section.integer("stride", 1), place.before
    if stride < 1 or height % stride or width % stride:
        raise place.section.error("stride", f"expected a stride that divides {width} x {height}, got {stride}")
    if place.section.kind == "reorg" and channels % stride**2:
        raise place.section.error("stride", f"expected channels that {stride**2} divides, got {channels}")
    return place.layer((channels * stride**2, height // stride, width // stride))


def crop(place: Place) -> Layer:
    """[crop]: the middle of the image, at random while training."""
    section, (channels, height, width) = place.section, place.before
    rows, columns = section.integer("crop_height", 1), section.integer("crop_width", 1)
    if not (1 <= rows <= height and 1 <= columns <= width):
        raise section.error("crop_height", f"expected a part of {width} x {height}, got {columns} x {rows}")
    return place.layer((channels, rows, columns))


def _pooled(place: Place) -> tuple[int, int]:
    """Return (height, width) of what a window gives. Raises FormatError for one that would lie in the padding alone."""
    section, (_, height, width) = place.section, place.before
    size, _, padding = maxpool_window(section)
    (stride_x, stride_y), blur = convolution_stride(section), blur_size(section)
    stride_x, stride_y = (1, 1) if blur else (stride_x, stride_y)
    if min(size, stride_x, stride_y) < 1 or not 0 <= padding < 2 * size:
        raise section.error(
            "size",
            f"expected size, stride >= 1 and padding < 2 * size, got size={size}, stride={stride_x}, padding={padding}",
        )
    rows, columns = (height + padding - size) // stride_y + 1, (width + padding - size) // stride_x + 1
    for outputs, stride, side in ((rows, stride_y, height), (columns, stride_x, width)):
        if (outputs - 1) * stride - padding // 2 >= side:
            raise section.error("padding", f"padding={padding}: the last window of size={size} would see nothing")
    return blurred(section, rows, columns) if blur else (rows, columns)
