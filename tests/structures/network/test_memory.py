"""Memory from shapes: what lives until it is taken for the last time, and what a backward pass needs."""

from onelook.structures.network.memory import Step, memory


def test_an_output_lives_until_the_last_step_that_takes_it() -> None:
    chain = [Step((-1,), 100, 7), Step((0,), 10, 0), Step((1,), 10, 0)]
    kept = [*chain[:2], Step((0, 1), 10, 0)]

    assert memory(chain).forward == 4 * (7 + 110)
    assert memory(kept).forward == 4 * (7 + 120)


def test_training_keeps_every_output_and_a_gradient_for_each_weight() -> None:
    assert memory([Step((-1,), 100, 7), Step((0,), 10, 3)]).backward == 4 * (2 * 10 + 110)


def test_heads_that_only_training_asks_have_weights_and_gradients_there_alone() -> None:
    steps = [Step((-1,), 100, 7)]

    assert memory(steps, 5).forward == memory(steps).forward
    assert memory(steps, 5).backward == memory(steps).backward + 4 * 2 * 5


def test_no_step_takes_no_memory() -> None:
    assert memory([]).forward == 0
