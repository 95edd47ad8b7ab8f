"""Tables of runs: nothing is left out, the best is told from the next only where it can be, costs are seconds a point."""

from dataclasses import replace

import pytest
from tests.experiments.report.known_grids import as_rows, outcome

from onelook.experiments.outcome import Measured
from onelook.experiments.report.figures import cpu_seconds
from onelook.experiments.report.rows import Row
from onelook.experiments.report.run_tables import best_settings, costs, every_run, front_table


def column(table_columns: list[str], name: str) -> int:
    return table_columns.index(name)


def test_a_run_that_failed_is_a_row_with_its_cause() -> None:
    failed = replace(outcome(batch=8), state="out_of_memory", cause="over 512 MiB", measured=None, result={})
    table = every_run(as_rows([outcome(), failed]))

    names = [each.name for each in table.columns]
    cells = table.cells()[1]
    assert cells[column(names, "state")] == "out of memory"
    assert cells[column(names, "cause")] == "over 512 MiB"
    assert cells[column(names, "accuracy")] == "-"


def test_the_largest_gpu_kernel_is_named_where_any_run_tells_it() -> None:
    name = "void at::native::(anonymous namespace)::pool<float, 4>(float*)"
    measured = Measured(10.0, gpu_kernel=name, gpu_kernel_share=0.5, gpu_power_watts=300.0)
    table = every_run(as_rows([outcome(), outcome(batch=8, measured=measured)]))
    names = [each.name for each in table.columns]

    assert [cells[column(names, "largest kernel")] for cells in table.cells()] == ["-", "at::native::pool"]
    assert name in table.as_csv().replace('""', '"')
    assert [cells[column(names, "GPU power (W)")] for cells in table.cells()] == ["-", "300"]
    assert "largest kernel" not in [each.name for each in every_run(as_rows([outcome()])).columns]


def test_the_best_setting_is_the_one_with_the_highest_mean() -> None:
    scores = {4: (0.5, 0.9), 8: (0.8, 0.8)}
    rows = as_rows([outcome(batch=b, seed=s, result={"ap50": v}) for b, vs in scores.items() for s, v in enumerate(vs)])
    table = best_settings(rows)

    assert [row[0] for row in table.rows] == [8, 4]
    assert "may be chance" in table.note


def test_a_lead_that_is_the_same_for_every_seed_is_more_than_chance() -> None:
    scores = {4: (0.50, 0.61, 0.55), 8: (0.60, 0.70, 0.65)}
    rows = as_rows([outcome(batch=b, seed=s, result={"ap50": v}) for b, vs in scores.items() for s, v in enumerate(vs)])

    assert "leads the next by 0.097" in best_settings(rows).note
    assert best_settings(rows).note.endswith("more than chance.")


def test_with_one_run_a_setting_nothing_is_said_of_chance() -> None:
    assert "nobody can say" in best_settings(as_rows([outcome(), outcome(batch=8)])).note
    assert best_settings(as_rows([outcome()])).note == ""


def test_a_point_costs_the_seconds_of_the_run_over_a_hundredth_of_accuracy() -> None:
    made = outcome(result={"ap50": 0.5})
    table = costs(as_rows([made, outcome(batch=8, result={"ap50": 0.0})]))

    names = [each.name for each in table.columns]
    assert len(table.rows) == 1  # nothing was gained by the other, so a point of it has no price
    assert table.rows[0][column(names, "CPU s/point")] == pytest.approx((cpu_seconds(made) or 0) / 50)
    assert table.rows[0][column(names, "s/point")] == pytest.approx(12 / 50)


def test_processor_time_follows_from_the_percentage_where_only_that_was_sampled() -> None:
    made = outcome()
    assert made.measured is not None
    sampled = replace(made, measured=replace(made.measured, user_seconds=None, system_seconds=None))

    assert cpu_seconds(sampled) == pytest.approx(12 * 1.6)
    assert cpu_seconds(replace(made, measured=None)) is None


def test_tables_of_single_runs_name_them(rows: list[Row]) -> None:
    one = rows[:1]

    assert best_settings(one).rows[0][0] == one[0].name
    assert front_table(one, one).rows[0][0] == one[0].name
