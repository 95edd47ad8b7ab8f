"""What counts as the same object: kinds of NMS by hand-made boxes."""

import numpy as np
import pytest

from onelook.structures.boxes import as_boxes
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import Layer, describe
from onelook.structures.network.nms import PLAIN, Measure, measure_of, suppress


def heads(*options: str) -> tuple[Layer, ...]:
    """Return a network with a head for each of the options."""
    yolo = "[convolutional]\nfilters=6\n[yolo]\nanchors=4,4\nclasses=1\nnum=1\n"
    return describe(parse_cfg("[net]\nwidth=32\nheight=32\n" + "".join(yolo + each for each in options), "some.cfg"))


def pair(boxes: list[list[float]]) -> Detections:
    return Detections(as_boxes(boxes), np.float32([0.9, 0.8]), np.int64([0, 0]))


@pytest.mark.parametrize(
    ("options", "power"),
    [
        ("", None),
        ("nms_kind=default\nbeta_nms=.3\n", None),
        ("nms_kind=cornersnms\n", None),
        ("nms_kind=greedynms\nbeta_nms=.3\n", 0.6),
        ("nms_kind=diounms\n", 0.6),
        ("nms_kind=diounms\nbeta_nms=.3\n", 0.3),
    ],
)
def test_the_last_head_says_what_is_taken_off(options: str, power: float | None) -> None:
    layers = heads("nms_kind=diounms\nbeta_nms=1\n", options)

    assert measure_of(layers, (32, 24)) == Measure(power, (32, 24))


def test_a_network_without_heads_measures_plainly() -> None:
    assert measure_of(describe(parse_cfg("[net]\nwidth=4\nheight=4\n[avgpool]\n")), (4, 4)) == PLAIN


def test_an_unknown_kind_is_refused_with_its_line() -> None:
    with pytest.raises(
        FormatError, match=r"some\.cfg:10: layer 1 \[yolo\] nms_kind: expected default, .* got 'softnms'"
    ):
        measure_of(heads("nms_kind=softnms\n"), (32, 32))


def test_boxes_apart_survive_where_distance_is_taken_off() -> None:
    """IoU 60/140 = 0.4286; centres 4 apart, hull 14 x 10: 16/296, to the power of 0.6 is 0.1737."""
    found = pair([[0, 0, 10, 10], [4, 0, 14, 10]])

    assert len(suppress(found, 0.42)) == 1
    assert len(suppress(found, 0.42, measure=Measure(0.6))) == 2
    assert len(suppress(found, 0.2548, measure=Measure(0.6))) == 1
    assert len(suppress(found, 0.255, measure=Measure(0.6))) == 2


def test_distances_are_parts_of_the_frame() -> None:
    """In a frame ten times as high as wide the same step to the right is longer: 16/(196 + 1) instead of 16/296."""
    found = pair([[0, 0, 10, 10], [4, 0, 14, 10]])

    assert len(suppress(found, 0.25, measure=Measure(0.6, (1, 1)))) == 1
    assert len(suppress(found, 0.25, measure=Measure(0.6, (1, 10)))) == 2
    assert len(suppress(found, 0.25, measure=Measure(0.6, (7, 7)))) == 1


def test_boxes_with_one_centre_lose_nothing() -> None:
    assert len(suppress(pair([[0, 0, 10, 10], [0, 0, 10, 10]]), 0.99, measure=Measure(0.6))) == 1
    assert len(suppress(pair([[5, 5, 5, 5], [5, 5, 5, 5]]), 0.5, measure=Measure(0.6))) == 2, "they share no area"
