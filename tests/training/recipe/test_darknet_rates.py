"""Learning rates against those that the original program gave."""

import json
import math
from pathlib import Path

import pytest

from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import parse_cfg
from onelook.training.recipe.darknet_rates import POLICIES, Rates, read_rates

UNKNOWN = ("unknown_cosine", "sig_is_unknown")
"""Policies that the original takes for `constant` without a word."""


def rates_of(options: str) -> Rates:
    return read_rates(parse_cfg(f"[net]\n{options}\n[avgpool]\n", "some.cfg").net)


def test_every_policy_gives_the_original_s_rates_for_sixty_batches(shared: Path) -> None:
    policies = json.loads((shared / "reference" / "train" / "rates.json").read_text())["policies"]
    compared = set()
    for name, case in policies.items():
        if name in UNKNOWN:
            continue
        rates = rates_of(case["net_options"])
        compared.add(rates.policy)

        found = [rates.at(batch) for batch in range(60)]

        assert found == pytest.approx(case["rate_at_batch_num_0_to_59"], rel=1e-5, abs=1e-12), name
    assert compared == set(POLICIES)


def test_the_first_update_of_a_burn_in_is_at_batch_one() -> None:
    assert rates_of("learning_rate=0.1\nburn_in=10\npower=2").at(1) == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("policy=cosine", r"some\.cfg:2: \[net\] policy: expected constant, .* got 'cosine'"),
        ("policy=sig", "got 'sig'; did you mean 'sigmoid'"),
        ("policy=steps\nsteps=1,2\nscales=.1", r"some\.cfg:4: .* expected as many, got 2 and 1"),
        ("policy=poly", "policy=poly: expected max_batches of at least 1, got 0"),
        ("policy=step\nstep=0", "policy=step: expected step of at least 1, got 0"),
        ("policy=sgdr\nmax_batches=9\nsgdr_mult=0", "policy=sgdr: expected sgdr_mult of at least 1, got 0"),
    ],
)
def test_rates_that_cannot_be_are_refused_with_their_line(options: str, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        rates_of(options)


def test_a_run_longer_than_it_was_said_to_be_ends_at_zero() -> None:
    assert rates_of("policy=poly\nmax_batches=10\nlearning_rate=1").at(11) == 0


def test_numbers_beyond_all_bounds_do_not_end_in_a_traceback() -> None:
    assert rates_of("policy=exp\ngamma=10").at(100_000) == math.inf
    assert rates_of("policy=sigmoid\ngamma=100").at(100_000) == pytest.approx(0)
