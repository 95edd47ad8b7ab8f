"""The table under the bar."""

from rich.console import Console

from onelook.training.watch.live import figures_table


def test_every_head_is_a_column_and_every_figure_a_row() -> None:
    rows = [{"grid": "8x6", "loss": 1.5, "precision": None}, {"grid": "16x12", "loss": 0.25, "precision": 0.5}]
    console = Console(width=80)
    with console.capture() as capture:
        console.print(figures_table(rows, 40))
    text = capture.get()

    assert "heads at step 40" in text
    assert "8x6" in text and "16x12" in text
    assert "1.500" in text and "0.250" in text
    assert "precision" in text and " - " in text


def test_no_rows_give_an_empty_table() -> None:
    assert figures_table([], 0).row_count == 0
