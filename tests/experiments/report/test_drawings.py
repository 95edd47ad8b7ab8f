"""The pictures: dots where the runs are, the front joined, a curve a run."""

import xml.etree.ElementTree as ET
from dataclasses import replace

from tests.experiments.report.known_grids import as_rows, outcome

from onelook.experiments.outcome import Measured
from onelook.experiments.report.drawings import curve_plots, front_plot
from onelook.experiments.report.rows import Row

LINES = [
    line
    for step in range(1, 6)
    for line in (
        {"kind": "step", "step": step, "epoch": step, "loss": 5 / step},
        {"kind": "eval", "step": step, "epoch": step, "ap50": step / 10},
    )
]


def test_every_run_that_is_done_is_a_dot_that_says_its_name(rows: list[Row]) -> None:
    plot = front_plot([replace(rows[0], outcome=replace(rows[0].outcome, state="failed")), *rows[1:]])

    assert plot is not None
    dots = ET.fromstring(plot.svg).findall("circle")
    told = [title.text or "" for dot in dots for title in dot]
    assert len(dots) == len(rows) - 1
    assert all(any(text.startswith(f"{row.name}: ") for text in told) for row in rows[1:])
    assert [name for name, _ in plot.legend] == ["the front", "network large", "network tiny"]


def test_times_far_apart_get_a_logarithmic_axis() -> None:
    plot = front_plot(as_rows([outcome(seed=n, measured=Measured(60.0 * 10**n)) for n in range(3)]))

    assert plot is not None
    ticks = [text.text for text in ET.fromstring(plot.svg).findall("text") if text.get("text-anchor") == "middle"]
    assert {"1", "10", "100"} <= set(ticks)


def test_one_run_has_no_front() -> None:
    assert front_plot(as_rows([outcome()])) is None


def test_each_axis_has_its_curves_in_the_colours_of_its_levels(rows: list[Row]) -> None:
    plots = curve_plots(rows, {row.name: LINES for row in rows})

    assert [plot.title for plot in plots[:2]] == ["Accuracy over epochs, by network", "Loss over epochs, by network"]
    assert len(plots) == 6
    assert [name for name, _ in plots[2].legend] == ["batch 4", "batch 8", "batch 16", "batch 32"]
    assert len(ET.fromstring(plots[0].svg).findall("polyline")) == len(rows)


def test_runs_without_curves_have_no_plots(rows: list[Row]) -> None:
    assert curve_plots(rows, {}) == []
    assert curve_plots(rows, {row.name: [{"kind": "step", "step": 1, "epoch": 1, "loss": None}] for row in rows}) == []
