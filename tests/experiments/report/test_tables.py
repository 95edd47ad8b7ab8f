"""One table three ways: csv keeps the values, Markdown and the page the words."""

import csv
import io

from onelook.experiments.report.tables import Column, Table, as_markdown

TABLE = Table(
    "runs",
    "Every run",
    (
        Column("run", number=False),
        Column("accuracy", lambda value: f"{value:.2f}", key="ap50"),
        Column("cause", number=False),
    ),
    (("a", 0.123456789, None), ("b|c", 1.0, 'says "no",\nand why')),
    "A note.",
)


def test_csv_has_whole_numbers_and_nothing_for_none() -> None:
    rows = list(csv.reader(io.StringIO(TABLE.as_csv())))

    assert rows == [["run", "ap50", "cause"], ["a", "0.123456789", ""], ["b|c", "1.0", 'says "no",\nand why']]


def test_markdown_keeps_a_row_a_line_whatever_a_cell_holds() -> None:
    assert as_markdown("Both", [TABLE]).splitlines() == [
        "# Both",
        "",
        "## Every run",
        "",
        "| run | accuracy | cause |",
        "| --- | ---: | --- |",
        "| a | 0.12 | - |",
        '| b\\|c | 1.00 | says "no", and why |',
        "",
        "A note.",
    ]
