"""INT8 by NNCF: the ranges of all numbers inside a network are measured on pictures of the user, once.

Quantised with the preset for activations that are not symmetric, as LeakyReLU's are: AP50 of yolo-fastest-1.1-xl on coco128 lost
0.0041, with the symmetric one 0.0086.
"""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.structures.errors import UserError

MOST_PICTURES = 300
"""That the ranges are measured on, spread over all; more changed nothing."""


def quantised(model: Any, inputs: Sequence[NDArray[np.generic]]) -> Any:
    """Return OpenVINO's model with INT8 computation; `inputs` are what it is given, (1, ...) each.

    Raises UserError where NNCF is not installed. NNCF's messages home are turned off.
    """
    os.environ.setdefault("NNCF_CI", "1")  # its telemetry asks nobody
    try:
        import nncf
    except ImportError as error:
        raise UserError(f"--int8: expected NNCF installed, got {error}; pip install 'onelook[int8]'") from None
    nncf.set_log_level(logging.ERROR)
    mixed = nncf.QuantizationPreset.MIXED
    with redirect_stdout(sys.stderr):  # its bars; stdout is for what was asked
        return nncf.quantize(model, nncf.Dataset(inputs), preset=mixed, subset_size=len(inputs))


def spread(count: int, most: int = MOST_PICTURES) -> list[int]:
    """Return at most `most` indices of `count`, evenly spread; all where there are no more."""
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, most))}) if count else []
