"""The map of gradients: a row a layer, a column a step."""

import base64
import re
from typing import Any

import cv2
import numpy as np

from onelook.training.report.flow_map import DEAD, flow_map


def lines(*norms: list[float | None]) -> list[dict[str, Any]]:
    layers = {"kind": "layers", "step": 0, "names": ["network.first.conv", "middle", "last"]}
    return [layers, *({"kind": "step", "step": 10 * n, "layers": row} for n, row in enumerate(norms, start=1))]


def test_a_gradient_that_vanishes_darkens_towards_the_first_layer_and_one_that_is_not_there_is_grey() -> None:
    plot = flow_map(lines([1e-5, 1e-2, 1.0], [1e-5, 0.0, 1.0]))
    assert plot is not None
    (uri,) = re.findall(r"base64,([\w+/=]+)", str(plot.svg))
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(uri), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]

    assert pixels.shape == (3, 2, 3)
    assert pixels[0, 0].sum() < pixels[1, 0].sum() < pixels[2, 0].sum()
    assert tuple(pixels[1, 1]) == DEAD
    assert ">first<" in str(plot.svg)
    assert plot.legend[0][0] == "1.0e-5"


def test_nothing_logged_and_nothing_finite_give_no_map() -> None:
    assert flow_map([]) is None
    assert flow_map(lines()) is None
    assert flow_map(lines([None, None, None])) is None
