"""Line plots as inline SVG for the report: sharp at any size, coloured by the page's own light or dark palette."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from onelook.structures.drawing import class_colour

Reals = NDArray[np.float64]

WIDTH, HEIGHT = 460, 270
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 26, 38
MOST_POINTS = 400
"""Points of a line; a plot is not wider than that many pixels."""


@dataclass(frozen=True)
class Line:
    """One line of a plot: x and y (n,), its colour in CSS, and how it is drawn. What is not finite is left out."""

    name: str
    x: Reals
    y: Reals
    colour: str
    style: Literal["", "thin", "faint", "none"] = ""
    """`none` leaves the dots alone."""
    dots: bool = False
    told: Sequence[str] = ()
    """What a dot says of itself (n,), by default the line's name and its y."""


@dataclass(frozen=True)
class Plot:
    """A drawn plot and the (name, colour) of its lines, for the page to write below it."""

    title: str
    svg: Markup
    legend: list[tuple[str, str]]


@dataclass(frozen=True)
class Axes:
    """The ranges of a plot's data, and the scales of y and x."""

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False
    log_x: bool = False

    def place(self, x: Reals, y: Reals) -> tuple[Reals, Reals]:
        """Return the SVG coordinates of data points; y beyond its range is cut to it."""
        share_x, share_y = _shares(x, self.x, self.log_x), np.clip(_shares(y, self.y, self.log), 0, 1)
        return LEFT + share_x * (WIDTH - LEFT - RIGHT), TOP + (1 - share_y) * (HEIGHT - TOP - BOTTOM)


def _shares(values: Reals, span: tuple[float, float], log: bool) -> Reals:
    """Return how far the values lie from the low end of `span` (0) to the high one (1)."""
    low, high = (math.log(value) for value in span) if log else span
    at = np.log(np.maximum(values, 1e-300)) if log else values
    return np.asarray((at - low) / ((high - low) or 1))


def rgb(index: int) -> str:
    """Return the colour of class `index`, the one of its boxes, as CSS."""
    return "#{:02x}{:02x}{:02x}".format(*class_colour(index))


def line_plot(
    title: str,
    lines: Sequence[Line],
    labels: tuple[str, str],
    axes: Axes,
    mark: tuple[float, str] | None = None,
) -> Plot:
    """Return the plot of `lines` with axis labels (x, y); `mark` is an x with words, drawn as a dashed upright line."""
    parts = [_grid(axes), *(_path(line, axes) for line in lines)]
    if mark is not None:
        parts.append(_mark(mark, axes))
    centre = (LEFT + WIDTH - RIGHT) / 2
    parts += [
        Markup('<text x="{:.0f}" y="{}" class="label" text-anchor="middle">{}</text>').format(
            centre, HEIGHT - 5, labels[0]
        ),
        Markup('<text x="{}" y="12" class="label">{}</text>').format(4, labels[1]),
    ]
    svg = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts)
    )
    return Plot(title, svg, [(line.name, line.colour) for line in lines])


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from `low` to `high`, at most `most` and a step of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten from `low` to `high`."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [factor * 10.0**power for power in powers for factor in (1, 2, 5) if low <= factor * 10.0**power <= high]


def _grid(axes: Axes) -> Markup:
    across = log_ticks(*axes.y) if axes.log else ticks(*axes.y)
    upright = log_ticks(*axes.x) if axes.log_x else ticks(*axes.x)
    _, heights = axes.place(np.zeros(len(across)), np.asarray(across, np.float64))
    places, _ = axes.place(np.asarray(upright, np.float64), np.ones(len(upright)))
    rows = [
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
            '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, _figure(value))
        for value, y in zip(across, heights.tolist(), strict=True)
    ]
    columns = [
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            x, HEIGHT - BOTTOM + 16, f"{value:g}"
        )
        for value, x in zip(upright, places.tolist(), strict=True)
    ]
    return Markup("").join(rows + columns)


def _figure(value: float) -> str:
    """Return a number that fits beside an axis."""
    return f"{value:g}" if value == 0 or abs(value) >= 0.001 else f"{value:.0e}".replace("e-0", "e-")


def _path(line: Line, axes: Axes) -> Markup:
    known = np.isfinite(line.x) & np.isfinite(line.y)
    if line.style == "none":
        return _dots(line, axes, known)
    x, y = axes.place(*_thinned(line.x[known], line.y[known]))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    path = Markup('<polyline class="line{}" points="{}" style="stroke:{}"><title>{}</title></polyline>').format(
        f" {line.style}" if line.style else "", points, line.colour, line.name
    )
    return path + _dots(line, axes, known) if line.dots else path


def _dots(line: Line, axes: Axes, known: NDArray[np.bool_]) -> Markup:
    """Return a dot for every known point, each with what it says of itself."""
    told = line.told or [f"{line.name} {value:.3f}" for value in line.y.tolist()]
    x, y = axes.place(line.x[known], line.y[known])
    words = [word for word, shown in zip(told, known.tolist(), strict=True) if shown]
    dots = [
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3" style="fill:{}"><title>{}</title></circle>').format(
            a, b, line.colour, word
        )
        for a, b, word in zip(x.tolist(), y.tolist(), words, strict=True)
    ]
    return Markup("").join(dots)


def _thinned(x: Reals, y: Reals) -> tuple[Reals, Reals]:
    if len(x) <= MOST_POINTS:
        return x, y
    rows = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))
    return x[rows], y[rows]


def _mark(mark: tuple[float, str], axes: Axes) -> Markup:
    x = float(axes.place(np.asarray([mark[0]]), np.ones(1))[0][0])
    left = x > WIDTH * 0.6
    anchor, place = ("end", x - 6) if left else ("start", x + 6)
    bottom = HEIGHT - BOTTOM
    return Markup(
        '<line class="mark" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>'
        '<text class="label" x="{:.1f}" y="{}" text-anchor="{}">{}</text>'
    ).format(x, x, TOP, bottom, place, bottom - 8, anchor, escape(mark[1]))
