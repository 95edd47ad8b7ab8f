"""Main effects in both forms: the table for readers and the long one for programs."""

import csv
import io

import pytest

from onelook.experiments.report.effects import effect_tables, effects_csv, effects_of
from onelook.experiments.report.rows import Row


def test_every_level_is_set_against_the_first(rows: list[Row]) -> None:
    tables = effect_tables(effects_of(rows))

    assert [table.name for table in tables] == ["effects-network", "effects-batch", "effects-epochs"]
    batch = tables[1]
    assert [row[0] for row in batch.rows] == [4, 8, 16, 32]
    assert batch.columns[4].name == "against 4"
    assert batch.rows[0][2] is batch.rows[0][4] is None
    assert batch.rows[3][2] == "4 settings"
    assert str(batch.rows[3][4]).startswith("-0.09")


def test_the_long_form_has_a_line_an_axis_level_and_figure(rows: list[Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(effects_csv(effects_of(rows)).as_csv())))

    assert len(lines) == (2 + 4 + 2) * 5
    memory = next(
        line for line in lines if (line["axis"], line["level"], line["figure"]) == ("batch", "8", "peak_memory_bytes")
    )
    assert float(memory["effect"]) == pytest.approx(1.2, rel=1e-6)
    assert memory["compared_by"] == "ratio"
    assert memory["pairs"] == "4"
    first = next(line for line in lines if line["level"] == "4" and line["axis"] == "batch")
    assert first["effect"] == first["low"] == ""


def test_no_runs_have_no_effects() -> None:
    assert effects_of([]) == []
    assert effect_tables([]) == []
