"""Truth: flags default to no, lengths agree."""

import numpy as np
import pytest

from onelook.structures.truth import Truth


def test_flags_default_to_false_for_every_box() -> None:
    truth = Truth([[0, 0, 1, 1], [0, 0, 2, 2]], [3, 4])  # type: ignore[arg-type]

    assert truth.difficult is not None
    assert truth.crowd is not None
    assert truth.difficult.tolist() == truth.crowd.tolist() == [False, False]
    assert truth.classes.dtype == np.int64


def test_a_negative_image_has_no_boxes() -> None:
    assert len(Truth([], [])) == 0  # type: ignore[arg-type]


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        Truth([[0, 0, 1, 1]], [3, 4])  # type: ignore[arg-type]
