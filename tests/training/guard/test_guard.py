"""The guard tells bad steps from good ones, and remembers all it needs in a checkpoint."""

import json
import math
from collections.abc import Iterator

import numpy as np
import pytest

from onelook.training.guard.guard import MOST_ROLLBACKS, REPEATED, Guard
from onelook.training.guard.symptoms import DEAD_FOR, MUTE_LAYER_FOR, StepFacts

LAYERS = ("0 convolutional", "1 convolutional", "2 connected")


def facts(
    step: int, loss: float = 2.0, gradient: float = 1.0, layers: tuple[float, ...] = (), boxes: bool = True
) -> StepFacts:
    layers = layers or (gradient / 2, gradient / 2, gradient / 2)
    return StepFacts(step, 0.01, {"box": loss / 2, "class": loss / 2}, gradient, layers, boxes)


def settled(steps: int = 30, **options: object) -> Guard:
    guard = Guard(LAYERS, **options)  # type: ignore[arg-type]
    for step in range(1, steps + 1):
        assert guard.judge(facts(step)).action == "none"
    return guard


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_named_and_skipped(bad: float) -> None:
    verdict = settled().judge(StepFacts(31, 0.01, {"box": bad, "class": 1.0}, 1.0, (1, 1, 1)))

    assert not verdict.taken
    assert verdict.finding is not None
    assert (verdict.finding.cause, verdict.finding.losses) == ("loss not finite", ("box",))


def test_of_gradients_that_are_no_numbers_the_layer_nearest_the_loss_is_named() -> None:
    verdict = settled().judge(facts(31, gradient=math.nan, layers=(math.nan, math.nan, 1.0)))

    assert verdict.finding is not None
    assert (verdict.finding.cause, verdict.finding.layers) == ("gradient not finite", ("1 convolutional",))


def test_a_leap_of_the_loss_is_skipped_and_one_within_the_usual_is_not() -> None:
    guard = settled()

    assert guard.judge(facts(31, loss=7.9)).taken
    verdict = guard.judge(facts(32, loss=40))
    assert not verdict.taken
    assert verdict.finding is not None
    assert verdict.finding.cause == "loss spike"


def test_pictures_with_boxes_are_not_compared_with_pictures_without() -> None:
    guard = Guard(LAYERS)
    for step in range(1, 60):
        assert guard.judge(facts(step, loss=0.01, boxes=False)).taken

    assert guard.judge(facts(60, loss=5.0, boxes=True)).taken


def test_a_gradient_that_explodes_names_the_layer_that_grew_most() -> None:
    verdict = settled().judge(facts(31, gradient=1000, layers=(1, 900, 1)))

    assert verdict.finding is not None
    assert (verdict.finding.cause, verdict.finding.layers) == ("exploding gradient", ("1 convolutional",))


def test_losses_that_fall_by_a_thousand_are_never_in_the_way() -> None:
    rng = np.random.default_rng(0)
    guard = Guard(LAYERS)

    verdicts = [guard.judge(facts(s, float(1000 * 0.97**s * rng.lognormal(0, 0.4)))) for s in range(1, 250)]

    assert all(verdict.taken for verdict in verdicts)


def test_bad_steps_that_repeat_lead_back_with_a_lower_rate_and_at_last_end_the_run() -> None:
    guard, step, actions = settled(), 30, []
    for _ in range(MOST_ROLLBACKS + 1):
        for _ in range(REPEATED):
            step += 1
            verdict = guard.judge(facts(step, loss=math.nan))
            actions.append(verdict.action)
        if verdict.action == "back":
            guard.go_back()

    assert actions == [*(["skipped"] * 4 + ["back"]) * 3, *["skipped"] * 4, "end"]
    assert guard.policy.rate == pytest.approx(0.2**3)
    assert guard.policy.clip == 0.1


def test_bad_steps_far_apart_are_only_skipped() -> None:
    guard = settled()
    actions = {guard.judge(facts(step, math.nan if step % 20 == 0 else 2.0)).action for step in range(31, 400)}

    assert actions - {"told"} == {"none", "skipped"}


def test_with_guard_stop_what_repeats_ends_the_run() -> None:
    guard = settled(recovers=False)

    assert [guard.judge(facts(31 + i, math.nan)).action for i in range(5)][-1] == "end"


def test_half_of_the_layers_without_gradient_are_a_dead_network() -> None:
    guard = settled()
    verdicts = [guard.judge(facts(31 + i, layers=(0.0, 0.0, 1.0))) for i in range(DEAD_FOR)]

    assert [verdict.action for verdict in verdicts] == ["none"] * (DEAD_FOR - 1) + ["back"]
    assert verdicts[-1].finding is not None
    assert verdicts[-1].finding.cause == "dead layers"


def test_one_layer_without_gradient_is_told_once() -> None:
    guard = settled()
    actions = [guard.judge(facts(31 + i, layers=(0.0, 1.0, 1.0))).action for i in range(2 * MUTE_LAYER_FOR)]

    assert actions.count("told") == 1
    assert actions.index("told") == MUTE_LAYER_FOR - 1


def test_no_gradient_at_all_is_a_frozen_loss() -> None:
    guard = Guard(LAYERS)
    verdicts = [guard.judge(facts(step, gradient=0.0, layers=(0.0, 0.0, 0.0))) for step in range(1, DEAD_FOR + 1)]

    assert verdicts[-1].finding is not None
    assert verdicts[-1].finding.cause == "frozen loss"


def test_a_loss_at_chance_ends_a_run_after_its_patience_and_a_learning_one_does_not() -> None:
    rng = np.random.default_rng(0)
    flat, learning = (Guard(LAYERS, {"class": math.log(10)}, 150, recovers=False) for _ in range(2))

    def verdicts(guard: Guard, falls: float) -> Iterator[str]:
        for step in range(1, 201):
            loss = 2 * (math.log(10) * falls**step + float(rng.normal(0, 0.1)))
            yield guard.judge(facts(step, loss)).action

    assert next(action for action in verdicts(flat, 1.0) if action != "none") == "end"
    assert set(verdicts(learning, 0.995)) == {"none"}


def test_a_loss_that_never_falls_is_told() -> None:
    guard = Guard(LAYERS)

    actions = [guard.judge(facts(step)).action for step in range(1, 400)]

    assert actions.count("told") == 1


def test_answers_that_are_all_the_same_are_told_once() -> None:
    guard = settled()

    assert guard.judge_answers("").action == "none"
    assert guard.judge_answers("nothing detected").action == "told"
    assert guard.judge_answers("nothing detected").action == "none"


def test_a_guard_brought_back_from_a_checkpoint_decides_as_if_nothing_had_been() -> None:
    rng = np.random.default_rng(1)
    whole, parts = Guard(LAYERS, {"class": 1.0}), Guard(LAYERS, {"class": 1.0})

    for step in range(1, 400):
        loss = math.nan if rng.random() < 0.1 else float(rng.lognormal(0, 0.8))
        seen = facts(step, loss, float(rng.lognormal(0, 1)), tuple(rng.lognormal(0, 1, 3).tolist()))
        if step % 7 == 0:
            kept, parts = json.loads(json.dumps(parts.as_json())), Guard(LAYERS, {"class": 1.0})
            parts.bring_back(kept)
        verdicts = whole.judge(seen), parts.judge(seen)
        assert repr(verdicts[0]) == repr(verdicts[1])
        if verdicts[0].action == "back":
            assert whole.go_back() == parts.go_back()
    assert whole.rollbacks


def test_a_policy_says_what_it_changed() -> None:
    guard = settled()
    guard.go_back()
    guard.set_aside([3, 1])
    guard.cut(4)

    assert guard.policy.told() == (
        "learning rate x 0.2, gradient clipped at 10, 2 pictures in quarantine, 4 subdivisions"
    )
    assert guard.policy.quarantine == (1, 3)
