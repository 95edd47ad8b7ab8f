"""A cfg made to fit the user's data: classes, filters, anchors and input size derived, every change told. No torch."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from onelook.structures.network.cfg import Cfg, Section
from onelook.structures.network.heads import head_of
from onelook.structures.network.layers import Layer, describe

Sizes = NDArray[np.float32]


def adapt(
    cfg: Cfg, classes: int, size: tuple[int, int] | None = None, anchors: Sizes | None = None
) -> tuple[Cfg, list[str]]:
    """Return the cfg for `classes`, and what was changed, one line a change.

    `size` is the input's (width, height); `anchors` (k, 2) are widths and heights in its pixels, sorted by area, as many as
    the heads use together: the heads with the finest grid get the smallest. Without them the cfg's own are kept, scaled with
    the input. Raises FormatError when no section before a head has a number of outputs that can follow the classes.
    """
    layers = describe(cfg)
    scale = _scale(cfg.input_size, size)
    sections = list(cfg.layers)
    changes: list[str] = []
    heads = [layer for layer in layers if layer.is_head]
    masks = _masks(heads)
    for layer in heads:
        before, key = _producer(layers, layer)
        outputs = head_of(layer).outputs(classes)
        own = None if anchors is None else _of_head(layer, anchors, masks[layer.index], cfg.input_size)
        values = _head_values(layer.section, classes, scale, own, masks[layer.index])
        sections[before.index] = _told(sections[before.index], changes, **{key: outputs})
        sections[layer.index] = _told(sections[layer.index], changes, **values)
    net = cfg.net if size is None else _told(cfg.net, changes, width=size[0], height=size[1])
    return Cfg(net, tuple(sections)), changes


def adapt_classifier(cfg: Cfg, classes: int, size: tuple[int, int]) -> tuple[Cfg, list[str]]:
    """Return the cfg of a classifier for `classes` and an input of `size` (width, height), and what was changed.

    The last section with outputs of its own before the last [softmax] follows the classes. Raises FormatError where there is
    none, or where nothing of an input of that size is left.
    """
    ends = [index for index, section in enumerate(cfg.layers) if section.kind in ("softmax", "soft")]
    if not ends:
        raise cfg.net.error(None, "expected a [softmax] section, or a head such as [yolo], got neither")
    changes: list[str] = []
    net, sections = _told(cfg.net, changes, width=size[0], height=size[1]), list(cfg.layers)
    layers = describe(Cfg(net, cfg.layers), size)
    own = [layer for layer in layers[: ends[-1]] if layer.kind in _OUTPUTS]
    if not own:
        raise sections[ends[-1]].error(None, "expected a [convolutional] or [connected] section before it, got none")
    sections[own[-1].index] = _told(sections[own[-1].index], changes, **{_OUTPUTS[own[-1].kind]: classes})
    return Cfg(net, tuple(sections)), changes


def used_anchors(cfg: Cfg) -> Sizes:
    """Return the anchors (k, 2) that the heads use, in pixels of the cfg's input, sorted by area."""
    rows = [
        head_of(layer).anchors * (_cell(layer, cfg.input_size) if layer.kind == "region" else 1)
        for layer in describe(cfg)
        if layer.is_head
    ]
    together = np.concatenate(rows) if rows else np.zeros((0, 2), np.float32)
    return together[np.argsort(together.prod(axis=1), kind="stable")]


def strides(cfg: Cfg) -> tuple[int, ...]:
    """Return the stride of every head in input pixels, in the cfg's order."""
    return tuple(round(float(_cell(layer, cfg.input_size)[0])) for layer in describe(cfg) if layer.is_head)


def with_net(cfg: Cfg, **options: object) -> tuple[Cfg, list[str]]:
    """Return the cfg with [net] options set, and what that changed."""
    changes: list[str] = []
    return replace(cfg, net=_told(cfg.net, changes, **options)), changes


def counsel(cfg: Cfg, classes: int, images: int) -> dict[str, object]:
    """Return the [net] options that AlexeyAB counsels for training on so many classes and images.

    2,000 batches a class, at least 6,000 and at least one an image; the rate falls at 80 and 90 % of them. A cfg that is set
    up for testing, batch=1, gets batch=64 and subdivisions=16. Source: "How to train" in AlexeyAB/darknet's README.
    """
    most = max(2000 * classes, 6000, images)
    options: dict[str, object] = {"max_batches": most, "policy": "steps"}
    options |= {"steps": (most * 8 // 10, most * 9 // 10), "scales": (0.1, 0.1)}
    testing = cfg.net.integer("batch", 1) == 1
    return {**({"batch": 64, "subdivisions": 16} if testing else {}), **options}


def _cell(layer: Layer, size: tuple[int, int]) -> Sizes:
    """Return the width and height of a head's cell in pixels of an input of `size` (width, height)."""
    side = layer.section.integer("side", 7)
    grid = (side, side) if layer.kind == "detection" else layer.out_shape[:0:-1]
    return np.divide(size, grid, dtype=np.float32)


def _masks(heads: Sequence[Layer]) -> dict[int, tuple[int, ...]]:
    """Return by layer index which of the sorted anchors a head takes: the finer its grid, the smaller its anchors."""
    masks, start = {}, 0
    for layer in sorted(heads, key=lambda layer: -layer.out_shape[1] * layer.out_shape[2]):
        count = len(head_of(layer).anchors)
        masks[layer.index] = tuple(range(start, start + count))
        start += count
    return masks


def _of_head(layer: Layer, anchors: Sizes, mask: tuple[int, ...], size: tuple[int, int]) -> Sizes:
    """Return the anchors as the head's section writes them: [region] has its own only, in cells.

    A cell is as large in an input of any size, so the cfg's `size` will do.
    """
    if layer.kind != "region":
        return anchors
    return np.asarray(anchors[list(mask)] / _cell(layer, size), np.float32)


def _head_values(
    section: Section, classes: int, scale: Sizes, anchors: Sizes | None, mask: tuple[int, ...]
) -> dict[str, object]:
    if not len(mask):
        return {"classes": classes}
    if anchors is not None:
        texts = [f"{value:.4g}" for value in anchors.reshape(-1).tolist()]
        masked = {} if section.kind == "region" else {"mask": mask}
        return {"classes": classes, "num": len(anchors), **masked, "anchors": texts}
    own = np.asarray(section.numbers("anchors"), np.float32).reshape(-1, 2) * scale
    return {"classes": classes, "anchors": [f"{value:.6g}" for value in own.reshape(-1).tolist()]}


def _scale(old: tuple[int, int], new: tuple[int, int] | None) -> Sizes:
    return np.asarray([1, 1] if new is None else [new[0] / old[0], new[1] / old[1]], np.float32)


def _producer(layers: Sequence[Layer], head: Layer) -> tuple[Layer, str]:
    """Return the layer before a head, and the option that says how many outputs it has."""
    before = layers[head.index - 1] if head.index else None
    key = _OUTPUTS.get(before.kind) if before else None
    if before is None or key is None:
        raise head.section.error(
            None, "expected a [convolutional] section before it, whose filters can follow the classes"
        )
    return before, key


_OUTPUTS = {"convolutional": "filters", "connected": "output"}
"""By kind, the option that says how many outputs a layer has."""


def _told(section: Section, changes: list[str], **values: object) -> Section:
    """Return the section changed, and add a line for every option whose text is another than before."""
    changed = section.changed(**values)
    for key in values:
        before, after = section.options.get(key, ("none", 0))[0], changed.options[key][0]
        if before != after:
            changes.append(f"[{section.kind}] (line {section.line}) {key}: {before} -> {after}")
    return changed
