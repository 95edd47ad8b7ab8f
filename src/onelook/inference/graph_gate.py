"""Whether a graph that decodes by itself gives what the one decoding outside gives."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onelook.inference.exported import Exported
from onelook.inference.gate import LEAST_SCORE, MOST_COMPARED, Difference, GateError, Tolerance, nearest_to
from onelook.inference.model import Detector
from onelook.inference.onnx_graph import BOXES
from onelook.inference.runtime import Runtime
from onelook.inference.sources import pixels_of
from onelook.structures.detections import Detections
from onelook.structures.letterbox import Image
from onelook.structures.network.heads import decode_all, heads_of
from onelook.structures.network.nms import suppress
from onelook.structures.progress import track

_MARGIN = 1e-3
"""Over the threshold of NMS: just above it rounding would decide which are there."""


def check_in_graph(
    source: Detector, export: Exported, runtime: str, pictures: Sequence[Image | Path], tolerance: Tolerance
) -> Difference:
    """Return how far boxes and scores of the graph are from those of its source, in pixels of the input; no AP is told.

    Raises GateError beyond the tolerance.
    """
    graph, before_nms = export.runtime(name=runtime), export.outputs == BOXES
    pairs: list[tuple[float, float]] = []
    missing = 0
    for picture in track(pictures, len(pictures), "comparing"):
        image = pixels_of(picture)
        found = _from_graph(graph, source, image, before_nms)
        expected = _from_source(source, image, before_nms)
        there = [nearest_to(expected, row, found) for row in range(len(expected))]
        pairs += [pair for pair in there if pair is not None]
        missing += sum(pair is None for pair in there)
    scores, corners = np.asarray(pairs, np.float64).reshape(-1, 2).T
    mean = float(scores.mean()) if len(scores) else 0.0
    worst = float(scores.max(initial=0)), float(corners.max(initial=0))
    difference = Difference(len(pictures), len(pairs) + missing, missing, *worst, 0.0, mean)
    if not difference.within(tolerance):
        raise GateError(difference)
    return difference


def _from_graph(graph: Runtime, source: Detector, image: Image, before_nms: bool) -> Detections:
    outputs = graph.run(source.fitted(image)[1][None])
    if not before_nms:
        boxes, scores, classes, _ = outputs
        return Detections(boxes, scores, classes.astype(np.int64))
    boxes, scores = outputs[0][0], outputs[1][0]
    place, kind = np.nonzero(scores > LEAST_SCORE / 2)
    return Detections(boxes[place], scores[place, kind], kind)


def _from_source(source: Detector, image: Image, before_nms: bool) -> Detections:
    """Return what is to be in the graph's answer, the best of it."""
    settings, (_, raws) = source.settings, source.raw_outputs(image)
    least = LEAST_SCORE if before_nms else settings.score
    found = decode_all(raws, heads_of(source.layers), settings.size, least)
    if not before_nms:
        found = suppress(found, settings.nms).above(least + _MARGIN)
    return found[np.argsort(-found.scores, kind="stable")[:MOST_COMPARED]]
