"""Detections: lengths that agree, selection, order by score."""

import numpy as np
import pytest

from onelook.structures.detections import Detections

THREE = Detections([[0, 0, 1, 1], [1, 1, 2, 2], [2, 2, 3, 3]], [0.5, 0.9, 0.25], [0, 1, 0])  # type: ignore[arg-type]


def test_lists_become_arrays_of_the_promised_types() -> None:
    assert (THREE.boxes.dtype, THREE.scores.dtype, THREE.classes.dtype) == (np.float32, np.float32, np.int64)
    assert len(THREE) == 3


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \(1, 2, 1\)"):
        Detections([[0, 0, 1, 1]], [0.5, 0.4], [0])  # type: ignore[arg-type]


def test_none_is_no_detection() -> None:
    assert len(Detections.none()) == 0
    assert Detections.none().boxes.shape == (0, 4)


def test_selection_keeps_the_columns_together() -> None:
    chosen = THREE[THREE.classes == 0]

    assert chosen.scores.tolist() == [0.5, 0.25]
    assert chosen.boxes[:, 0].tolist() == [0, 2]
    assert len(THREE[:0]) == 0


def test_above_keeps_the_threshold_itself_and_puts_the_best_first() -> None:
    assert THREE.above(0.5).scores.tolist() == pytest.approx([0.9, 0.5])
    assert len(THREE.above(0.25)) == 3
    assert len(THREE.above(0.95)) == 0
