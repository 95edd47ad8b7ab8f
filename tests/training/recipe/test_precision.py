"""With how many bits: chosen by the device, refused where it hurts, and a loss scale that follows the gradient."""

import math
from pathlib import Path

import pytest
import torch
from tests.training.test_loop import begun, same_batch

from onelook.structures.errors import UserError
from onelook.training.loop import training_steps
from onelook.training.recipe import precision
from onelook.training.recipe.precision import GROWS_AFTER, LossScale, choose_precision

CPU = torch.device("cpu")


def test_a_cpu_computes_with_float32_unasked() -> None:
    assert choose_precision("auto", CPU) == torch.float32
    assert choose_precision("float32", CPU) == torch.float32


@pytest.mark.parametrize(
    ("wanted", "has", "gain", "words"),
    [
        ("float16", True, 9.0, "precision=float16: expected a GPU, got a CPU"),
        ("bfloat16", False, 9.0, "expected a CPU with AMX or AVX512-BF16, got one without"),
        ("bfloat16", True, 0.05, "expected it to be faster here, got 20.0 times float32's time; use float32"),
    ],
)
def test_what_would_be_slower_is_refused(
    monkeypatch: pytest.MonkeyPatch, wanted: str, has: bool, gain: float, words: str
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: has)
    monkeypatch.setattr(precision, "gain_of_bfloat16", lambda: gain)

    with pytest.raises(UserError, match=words):
        choose_precision(wanted, CPU)


def test_bfloat16_is_taken_where_it_is_faster_and_measuring_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_rng_state()
    assert precision.gain_of_bfloat16() > 0
    assert torch.equal(torch.get_rng_state(), before)
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "gain_of_bfloat16", lambda: 1.5)

    assert choose_precision("bfloat16", CPU) == torch.bfloat16


def losses_of(network: Path, dtype: torch.dtype, **values: object) -> tuple[list[float], object]:
    state, settings = begun(network, learning_rate=0.01, burn_in=5, **values)
    batches = same_batch(40)
    steps = training_steps(state, batches, settings, lambda _: 0.01, CPU, dtype)
    return [sum(result.losses.values()) for result in steps], state


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_learns_as_float32_does(network: Path, dtype: torch.dtype) -> None:
    whole, _ = losses_of(network, torch.float32)
    half, state = losses_of(network, dtype)

    assert half[0] == pytest.approx(whole[0], rel=0.02)
    assert half[0] != whole[0], "it was computed with fewer bits"
    assert half[-1] < half[0] / 3
    assert all(weight.dtype == torch.float32 for weight in state.network.parameters())  # type: ignore[attr-defined]


def test_a_step_whose_gradient_overflows_is_taken_again_with_a_smaller_scale(network: Path) -> None:
    state, settings = begun(network, learning_rate=0.01)
    state.loss_scale = LossScale(factor=1e30)
    results = list(training_steps(state, same_batch(3), settings, lambda _: 0.01, CPU, torch.float16))

    assert state.loss_scale.factor < 1e10
    assert [result.verdict.taken for result in results] == [True] * 3
    assert all(math.isfinite(result.gradient) for result in results)


def test_a_scale_grows_after_many_steps_and_is_not_blamed_for_what_it_did_not_do() -> None:
    scale = LossScale(factor=2.0)
    for _ in range(GROWS_AFTER):
        assert not scale.lowered(1.0)
    assert (scale.factor, scale.steps) == (4.0, 0)
    assert [scale.lowered(math.nan) for _ in range(3)] == [True, True, False]
    assert scale.factor == LossScale().factor
