"""The Pareto front against its definition."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.experiments.report.known_grids import as_rows, outcome

from onelook.experiments.outcome import Measured
from onelook.experiments.report.front import pareto_front

points = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=12)


@settings(deadline=None, max_examples=60)
@given(points)
def test_the_front_is_what_no_other_run_beats(made: list[tuple[int, int]]) -> None:
    rows = as_rows([outcome(seed=n, measured=Measured(s), result={"ap50": a / 10}) for n, (s, a) in enumerate(made)])

    front = {row.outcome.seed for row in pareto_front(rows)}

    beaten = {
        n
        for n, (seconds, score) in enumerate(made)
        if any(s <= seconds and a >= score and (s, a) != (seconds, score) for s, a in made)
    }
    assert front == set(range(len(made))) - beaten


def test_the_front_goes_from_quick_to_accurate_and_leaves_out_what_failed() -> None:
    quick, slow, failed = (outcome(seed=n, epochs=e) for n, e in enumerate((1, 10, 20)))

    front = pareto_front(as_rows([slow, replace(failed, state="out_of_memory"), quick]))

    assert [row.outcome for row in front] == [quick, slow]
