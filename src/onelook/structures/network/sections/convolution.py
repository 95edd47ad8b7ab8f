"""Sections whose weights meet their input in sums: [convolutional], [connected], [local]."""

import math

from onelook.structures.network.layer import Arrays, Layer, Place
from onelook.structures.network.sections.windows import (
    blur_size,
    blurred,
    convolution_dilation,
    convolution_padding,
    convolution_stride,
)

NORM = ("scales", "rolling_mean", "rolling_variance")
"""Arrays of batch normalisation beside the biases, in file order."""

_REFUSED = (
    "xnor",
    "binary",
    "bin_output",
    "flipped",
    "deform",
    "sway",
    "rotate",
    "stretch",
    "stretch_sway",
    "assisted_excitation",
    "coordconv",
)


def normalised(place_or_layer: Place | Layer) -> bool:
    """Return whether the layer's sums are batch normalised; `cbn` is the same once trained."""
    section = place_or_layer.section
    return bool(section.integer("batch_normalize", 0) or section.integer("cbn", 0))


def convolutional(place: Place) -> Layer:
    """[convolutional]: biases, the three arrays of batch normalisation, weights."""
    section, (channels, height, width) = place.section, place.before
    place.refuse(*_REFUSED)
    filters, size, groups = section.integer("filters", 1), section.integer("size", 1), section.integer("groups", 1)
    (stride_x, stride_y), padding = convolution_stride(section), convolution_padding(section)
    dilation = convolution_dilation(section)
    reach = dilation * (size - 1) + 1
    if min(filters, size, groups, stride_x, stride_y, dilation) < 1 or channels % groups or filters % groups:
        raise section.error(
            "groups", f"filters={filters}, size={size}, groups={groups} do not fit {channels} input channels"
        )
    if padding < 0:
        raise section.error("padding", f"expected a padding of at least 0, got {padding}")
    blur = blur_size(section)
    stride_x, stride_y = (1, 1) if blur else (stride_x, stride_y)
    rows, columns = (height + 2 * padding - reach) // stride_y + 1, (width + 2 * padding - reach) // stride_x + 1
    rows, columns = blurred(section, rows, columns) if blur else (rows, columns)
    arrays = (*_vectors(place, filters), ("weights", (filters, channels // groups, size, size)))
    if "share_index" not in section:
        return place.layer((filters, rows, columns), arrays)
    return place.layer((filters, rows, columns), shares=_shared(place, arrays))


def connected(place: Place) -> Layer:
    """[connected]: biases, weights, and only then the three arrays of batch normalisation."""
    outputs = place.section.integer("output", 1)
    biases, *norm = _vectors(place, outputs)
    return place.layer((outputs, 1, 1), (biases, ("weights", (outputs, math.prod(place.before))), *norm))


def local(place: Place) -> Layer:
    """[local]: a convolution whose every place has weights of its own; biases for every output, then the weights by place."""
    section, (channels, height, width) = place.section, place.before
    filters, size, stride = section.integer("filters", 1), section.integer("size", 1), section.integer("stride", 1)
    pad = section.integer("pad", 0)
    if min(filters, size, stride) < 1 or pad not in (0, 1) or (pad and size != 3):
        raise section.error("size", f"expected size=3 with pad=1, any size with pad=0, got size={size}, pad={pad}")
    rows, columns = ((side + 2 * pad - size) // stride + 1 for side in (height, width))
    arrays: Arrays = (
        ("biases", (filters, rows, columns)),
        ("weights", (rows * columns, filters, channels, size, size)),
    )
    return place.layer((filters, rows, columns), arrays)


def _vectors(place: Place, count: int) -> Arrays:
    """Return the biases and, where sums are normalised, the other arrays with one number an output."""
    return tuple((name, (count,)) for name in ("biases", *(NORM if normalised(place) else ())))


def _shared(place: Place, arrays: Arrays) -> int:
    """Return the index of the layer that `share_index` names. Raises FormatError when its arrays have other shapes."""
    index = place.source(place.section.integer("share_index", 0), "share_index")
    other = place.earlier[index]
    if other.arrays != arrays:
        raise place.section.error(
            "share_index",
            f"share_index={index}: expected a layer with the arrays {dict(arrays)}, got {dict(other.arrays)}",
        )
    return index
