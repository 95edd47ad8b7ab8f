import xml.etree.ElementTree as ET

import numpy as np
import pytest

from onelook.training.report.plots import HEIGHT, WIDTH, Axes, Line, line_plot, log_ticks, ticks


def test_a_plot_is_well_formed_and_stays_inside_its_frame() -> None:
    x = np.linspace(0, 1, 50)
    lines = [Line("<&>", x, x * 3 - 1, "#123456"), Line("broken", x, np.full(50, np.nan), "red", dots=True)]

    plot = line_plot("a <title>", lines, ("x", "y"), Axes((0, 1), (0, 1)), (0.9, "here"))

    root = ET.fromstring(plot.svg)
    points = [pair.split(",") for pair in root.findall("polyline")[0].get("points", "").split()]
    assert len(points) == 50
    assert all(0 <= float(a) <= WIDTH and 0 <= float(b) <= HEIGHT for a, b in points)
    assert root.findall("polyline")[1].get("points") == ""
    assert root.get("aria-label") == "a <title>"
    assert plot.legend[0] == ("<&>", "#123456")


def test_a_long_line_is_thinned() -> None:
    x = np.arange(100_000.0)

    plot = line_plot("t", [Line("l", x, x, "red")], ("x", "y"), Axes((0, 1e5), (1, 1e5), log=True))

    assert len(plot.svg) < 10_000


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 1300, [0, 500, 1000]), (3, 3, [3]), (0, 7, [0, 2, 4, 6])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_logarithmic_ticks_are_one_two_and_five() -> None:
    assert log_ticks(0.3, 12) == pytest.approx([0.5, 1, 2, 5, 10])


def test_dots_alone_say_what_they_are_told_to_and_leave_out_what_is_unknown() -> None:
    x, y = np.array([1.0, 10.0, np.nan]), np.array([0.5, 0.7, 0.9])
    line = Line("runs", x, y, "red", "none", dots=True, told=("a <b>", "c", "d"))

    plot = line_plot("t", [line], ("x", "y"), Axes((1, 10), (0, 1), log_x=True))

    root = ET.fromstring(plot.svg)
    assert root.findall("polyline") == []
    assert [title.text for dot in root.findall("circle") for title in dot] == ["a <b>", "c"]


def test_a_logarithmic_axis_gives_every_decade_the_same_room() -> None:
    axes = Axes((1, 100), (0, 1), log_x=True)
    places, _ = axes.place(np.array([1.0, 10.0, 100.0]), np.zeros(3))

    assert places[1] - places[0] == pytest.approx(places[2] - places[1])
