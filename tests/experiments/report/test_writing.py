"""The report as files: a page that stands alone, Markdown and csv, in place of an older one and of nothing else."""

import csv
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.experiments.report.known_grids import QUICK, as_rows, grid_outcomes, outcome

from onelook.experiments.report.rows import Row
from onelook.experiments.report.writing import write_grid_report
from onelook.structures.errors import UserError

VOID = {"meta", "line", "circle", "polyline", "rect", "br", "image", "use"}


class Page(HTMLParser):
    """Reads a page: its text, what it loads, and whether its tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [f"{name}={value}" for name, value in attrs if name in ("src", "href") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def log_curve(row: Row) -> None:
    row.folder.mkdir(parents=True, exist_ok=True)
    lines = [
        line
        for epoch in range(1, 6)
        for line in (
            {"kind": "step", "step": epoch * 4, "epoch": epoch, "loss": 6.0 / epoch},
            {"kind": "eval", "step": epoch * 4, "epoch": epoch, "ap50": 0.1 * epoch},
        )
    ]
    (row.folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_report_has_everything_and_loads_nothing(rows: list[Row], tmp_path: Path) -> None:
    for row in rows:
        log_curve(row)
    failed = replace(rows[0].outcome, id="<b>", state="failed", cause="loss <became> nan", run="gone")
    write_grid_report([*rows, *as_rows([failed])], "blood", tmp_path / "out")

    page = Page((tmp_path / "out" / "report.html").read_text())
    words = " ".join(page.words)
    assert page.open == []
    assert page.loaded == []
    for wanted in (
        "Best settings",
        "Statements, checked",
        "Accuracy against time",
        "Main effects",
        "Learning curves",
        "What a point of accuracy cost",
        "Every run",
        "loss <became> nan",
        "holds",
        "32 done, 1 failed",
    ):
        assert wanted in words
    assert words.count("Accuracy over epochs, by") == 3


def test_every_table_is_there_as_csv_and_markdown(rows: list[Row], tmp_path: Path) -> None:
    write_grid_report(rows, "blood", tmp_path / "out")

    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"report.html", "report.md"} | {
        f"{name}.csv" for name in ("best", "statements", "front", "effects", "costs", "runs")
    }
    with (tmp_path / "out" / "runs.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 32
    assert float(lines[0]["accuracy"]) == rows[0].outcome.result["ap50"]
    text = (tmp_path / "out" / "report.md").read_text()
    assert all(f"## {title}" in text for title in ("Best settings", "What batch does", "Every run"))


def test_two_machines_get_a_section_of_their_own(tmp_path: Path) -> None:
    both = [
        *grid_outcomes(1),
        *(replace(each, id=f"q{each.id}", environment=QUICK, run=f"q/{each.id}") for each in grid_outcomes(1)),
    ]
    write_grid_report(as_rows(both), "two", tmp_path / "out")

    assert "Machines side by side" in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "machines-compared.csv").is_file()


@pytest.mark.parametrize("state", ["waiting", "running", "failed", "out_of_memory"])
def test_a_grid_in_which_nothing_is_done_yet_has_a_report(state: str, tmp_path: Path) -> None:
    rows = as_rows([replace(each, state=state, measured=None, result={}) for each in grid_outcomes(1)])
    write_grid_report(rows, "young", tmp_path / "out")

    assert Page((tmp_path / "out" / "report.html").read_text()).open == []
    assert f"16 {state.replace('_', ' ')}" in (tmp_path / "out" / "report.html").read_text()


def test_a_single_run_has_a_report(tmp_path: Path) -> None:
    write_grid_report(as_rows([outcome()]), "one", tmp_path / "out")

    assert "Best settings" in (tmp_path / "out" / "report.html").read_text()


def test_an_older_report_is_replaced_and_nothing_else_is(rows: list[Row], tmp_path: Path) -> None:
    write_grid_report(rows, "first", tmp_path / "out")
    write_grid_report(rows, "second", tmp_path / "out")
    assert "second" in (tmp_path / "out" / "report.html").read_text()

    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "report.html").write_text("mine")
    with pytest.raises(UserError, match="thesis: expected a new or empty folder, or an older report"):
        write_grid_report(rows, "third", tmp_path / "thesis")
    assert (tmp_path / "thesis" / "report.html").read_text() == "mine"


def test_no_runs_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="empty: expected runs, got none"):
        write_grid_report([], "empty", tmp_path / "out")
