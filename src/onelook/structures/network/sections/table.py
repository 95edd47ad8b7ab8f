"""From a section's kind to the function that describes it, and the kinds that are refused."""

from collections.abc import Callable

from onelook.structures.network.layer import Layer, Place
from onelook.structures.network.sections import convolution, head, joining, pointwise, pooling

SECTIONS: dict[str, Callable[[Place], Layer]] = {
    "convolutional": convolution.convolutional,
    "connected": convolution.connected,
    "local": convolution.local,
    "maxpool": pooling.maxpool,
    "local_avgpool": pooling.local_avgpool,
    "avgpool": pooling.avgpool,
    "upsample": pooling.upsample,
    "reorg": pooling.reorg,
    "reorg3d": pooling.reorg,
    "crop": pooling.crop,
    "route": joining.route,
    "shortcut": joining.shortcut,
    "scale_channels": joining.scale_channels,
    "sam": joining.sam,
    "implicit": joining.implicit,
    "batchnorm": pointwise.batchnorm,
    "normalization": pointwise.normalization,
    "softmax": pointwise.softmax,
    "activation": pointwise.same,
    "dropout": pointwise.dropout,
    "cost": pointwise.same,
    "empty": pointwise.same,
    "yolo": head.yolo,
    "gaussian_yolo": head.gaussian_yolo,
    "region": head.region,
    "detection": head.detection,
}
"""By the main name, in lower case."""

REFUSED = {
    "rnn": "a recurrent layer",
    "crnn": "a recurrent layer",
    "gru": "a recurrent layer",
    "lstm": "a recurrent layer",
    "conv_lstm": "a recurrent layer",
    "history": "a layer that remembers earlier frames",
    "contrastive": "training without labels",
    "deconvolutional": "AlexeyAB's Darknet does not know it either",
    "l2norm": "AlexeyAB's Darknet does not know it either",
}
"""Kinds that Darknet or its other branches know and that are not read, with the reason."""
