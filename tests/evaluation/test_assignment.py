import itertools

import numpy as np
import pytest

from onelook.evaluation.assignment import assign


@pytest.mark.parametrize("seed", range(60))
def test_no_other_assignment_gains_more(seed: int) -> None:
    generator = np.random.default_rng(seed)
    count = int(generator.integers(1, 7))
    gain = np.round(generator.random((count, count)), int(generator.integers(0, 3)))  # coarse, so that many tie

    column = assign(gain)

    best = max(gain[np.arange(count), order].sum() for order in itertools.permutations(range(count)))
    assert sorted(column.tolist()) == list(range(count))
    assert gain[np.arange(count), column].sum() == pytest.approx(best)


def test_nothing_to_assign_gives_nothing_and_a_table_must_be_square() -> None:
    assert len(assign(np.zeros((0, 0)))) == 0
    with pytest.raises(ValueError, match=r"got \(2, 3\)"):
        assign(np.zeros((2, 3)))
