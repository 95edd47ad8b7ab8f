"""Gradient flow as a picture: a row for each layer, first to last, a column for each logged step, the norm as a colour."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from onelook.training.report.plots import BOTTOM, HEIGHT, RIGHT, TOP, WIDTH, Plot, Reals, ticks

NAMES = 150
"""Pixels left of the map, for the names of some layers."""

MOST_NAMES, MOST_COLUMNS = 12, 300

DECADES = 9.0
"""Powers of ten below the greatest norm, below which all is one colour."""

DEAD = (90, 90, 90)
"""Of a layer without any gradient."""


def flow_map(metrics: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Return the map of a run's metrics; None where no norm was logged.

    Rows that darken upwards are gradients that vanish on their way to the first layers, grey ones are layers that get none.
    """
    names: Sequence[str] = next((line["names"] for line in metrics if line["kind"] == "layers"), [])
    steps = [line for line in metrics if line["kind"] == "step" and len(line.get("layers", ())) == len(names)]
    if not steps or not names:
        return None
    columns = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_COLUMNS)).round().astype(int))
    norms = np.asarray(
        [[math.nan if norm is None else norm for norm in steps[c]["layers"]] for c in columns], np.float64
    )
    known = norms[np.isfinite(norms) & (norms > 0)]
    if not len(known):
        return None
    high = math.log10(float(known.max()))
    low = max(math.log10(float(known.min())), high - DECADES, -300.0)
    low = min(low, high - 1)
    svg = _drawn(_coloured(norms.T, low, high), names, (float(steps[0]["step"]), float(steps[-1]["step"])))
    marks = np.linspace(low, high, 5)
    legend = [(_power(mark), _css(_colours(np.asarray([(mark - low) / (high - low)]))[0])) for mark in marks.tolist()]
    title = "Gradient flow: its norm by layer, first on top, over steps"
    return Plot(title, svg, [*legend, ("none", _css(np.asarray(DEAD)))])


def _coloured(norms: Reals, low: float, high: float) -> NDArray[np.uint8]:
    """Return the colours (layers, columns, 3) RGB of norms (layers, columns)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (np.log10(norms) - low) / (high - low)
    colours = _colours(np.clip(np.nan_to_num(share, nan=0.0, posinf=1.0, neginf=0.0), 0, 1).ravel())
    colours = colours.reshape(*norms.shape, 3)
    colours[~(norms > 0)] = DEAD
    return colours


def _colours(shares: Reals) -> NDArray[np.uint8]:
    """Return RGB colours (n, 3) of shares (n,) in 0..1, dark to bright."""
    levels = np.round(shares * 255).astype(np.uint8)[:, None]
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[:, 0, ::-1], np.uint8).copy()


def _drawn(colours: NDArray[np.uint8], names: Sequence[str], steps: tuple[float, float]) -> Markup:
    across, upright = WIDTH - NAMES - RIGHT, HEIGHT - TOP - BOTTOM
    done, png = cv2.imencode(".png", colours[..., ::-1])
    assert done
    uri = "data:image/png;base64," + base64.b64encode(png.tobytes()).decode()
    picture = Markup(
        '<image href="{}" x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" style="image-rendering:pixelated"/>'
    ).format(uri, NAMES, TOP, across, upright)
    shown = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_NAMES)).round().astype(int)).tolist()
    rows = [
        Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
            NAMES - 6, TOP + (row + 0.5) * upright / len(names) + 4, _short(names[row])
        )
        for row in shown
    ]
    first, last = steps
    places = [(value, NAMES + (value - first) / ((last - first) or 1) * across) for value in ticks(first, last)]
    columns = [
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            place, HEIGHT - BOTTOM + 16, f"{value:g}"
        )
        for value, place in places
    ]
    label = Markup('<text x="{:.0f}" y="{}" class="label" text-anchor="middle">step</text>').format(
        NAMES + across / 2, HEIGHT - 5
    )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="Gradient flow by layer">{}</svg>').format(
        WIDTH, HEIGHT, Markup("").join([picture, *rows, *columns, label])
    )


def _short(name: str) -> str:
    """Return a layer's name without what all have in common, short enough to stand beside the map."""
    plain = name.removeprefix("network.").removesuffix(".conv")
    return plain if len(plain) <= 24 else f"...{plain[-21:]}"


def _power(mark: float) -> str:
    return f"{10**mark:.1e}".replace("e-0", "e-").replace("e+00", "")


def _css(colour: NDArray[np.integer]) -> str:
    red, green, blue = (int(part) for part in colour)
    return f"#{red:02x}{green:02x}{blue:02x}"
