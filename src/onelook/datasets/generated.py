"""Blood smears that never were: seeded pictures of red cells, white cells and platelets, written as a Pascal VOC folder.

Light falls through the cells onto the camera: every cell darkens what lies behind it by its stain and its thickness, so
overlapping cells are darker where they overlap. The thickness of a red cell is that of E. Evans and Y.-C. Fung,
"Improved measurements of the erythrocyte geometry", Microvascular Research 4, 1972, equation 3.
"""

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from onelook.datasets.building import Builder
from onelook.datasets.formats import voc
from onelook.structures.files import new_folder
from onelook.structures.letterbox import Image
from onelook.structures.progress import track

NAMES = ("red", "white", "platelet")
RED, WHITE, PLATELET = range(3)

_FINER = 2
"""Pictures are painted this many times larger and then shrunk, which smooths edges."""
_LEAST_SEEN = 0.35
"""Part of a cell's box that must be inside the picture; a cell with less is not painted."""
_TRIES = 60
_ANGLES = 360

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One cell: its class, centre and mean radius in pixels, and how its outline swells by angle."""

    kind: int
    x: float
    y: float
    radius: float
    squeeze: float
    turn: float
    waves: Floats
    """(2, k): size and phase of the outline's 2nd, 3rd... harmonic."""

    def outline(self) -> Floats:
        """Return the distance from centre to edge in pixels (_ANGLES,), at angles evenly around from -pi."""
        angle = np.linspace(-np.pi, np.pi, _ANGLES, endpoint=False)
        orders = np.arange(2, 2 + self.waves.shape[1])[:, None]
        swell = (self.waves[0][:, None] * np.cos(orders * angle + self.waves[1][:, None])).sum(axis=0)
        own = angle - self.turn
        ellipse = self.squeeze / np.hypot(self.squeeze * np.cos(own), np.sin(own))
        return np.asarray(self.radius * ellipse * (1 + swell))

    def part(self, right: Floats, down: Floats) -> Floats:
        """Return how far places are on their way from the centre (0) to the edge (1), given as pixels from the centre."""
        place = ((np.arctan2(down, right) + np.pi) * (_ANGLES / (2 * np.pi))).astype(np.int64) % _ANGLES
        return np.asarray(np.hypot(right, down) / self.outline()[place])

    def box(self) -> tuple[float, float, float, float]:
        """Return the box around the outline, x1, y1, x2, y2 in pixels."""
        angle = np.linspace(-np.pi, np.pi, _ANGLES, endpoint=False)
        edge = self.outline()
        x, y = self.x + edge * np.cos(angle), self.y + edge * np.sin(angle)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def make_blood(folder: Path, counts: Mapping[str, int], seed: int, size: tuple[int, int] = (320, 240)) -> None:
    """Write `counts` pictures a split, of `size` (width, height), to a new VOC folder with the classes of NAMES.

    `counts` maps train, val, test to a number. Picture k of a seed is the same whatever the counts. Raises UserError when
    `folder` holds something.
    """
    builder, splits = Builder(), {}
    with new_folder(folder) as out:
        pictures = out / "pictures"
        pictures.mkdir()
        numbers = iter(track(range(sum(counts.values())), sum(counts.values()), "painting"))
        for split, count in counts.items():
            splits[split] = [_add_picture(builder, pictures, next(numbers), seed, size) for _ in range(count)]
        voc.write(builder.build(NAMES, splits, pictures, "generated"), out)
        shutil.rmtree(pictures)


def _add_picture(builder: Builder, folder: Path, number: int, seed: int, size: tuple[int, int]) -> int:
    image, cells = paint_smear(size, np.random.default_rng((seed, number)))
    path = folder / f"smear-{number:05}.jpg"
    path.write_bytes(simplejpeg.encode_jpeg(image, quality=92, colorspace="RGB"))
    index = builder.add_image(path, size, labelled=True)
    for cell in cells:
        x1, y1, x2, y2 = (round(value, 1) for value in cell.box())
        builder.add_box((max(0, x1), max(0, y1), min(size[0], x2), min(size[1], y2)), cell.kind)
    return index


def paint_smear(size: tuple[int, int], rng: np.random.Generator) -> tuple[Image, list[Cell]]:
    """Return one picture (h, w, 3) uint8 RGB of `size` (width, height) and the cells in it."""
    cells = list(_place_cells(size, rng))
    light = _background(size, rng)
    stain = rng.normal(1, 0.1, 3) * rng.uniform(0.8, 1.25)  # how strongly each colour of light was absorbed that day
    for cell in cells:
        _paint(light, cell, stain, rng)
    for _ in range(rng.poisson(1.5)):
        _paint_dust(light, rng)
    blurred = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 1.3) * _FINER)
    seen = cv2.resize(blurred, size, interpolation=cv2.INTER_AREA)
    noise = rng.uniform(0.004, 0.015) * rng.standard_normal(seen.shape, np.float32)
    return np.asarray(np.clip((seen + noise) * 255, 0, 255), np.uint8), cells


def _place_cells(size: tuple[int, int], rng: np.random.Generator) -> Iterator[Cell]:
    """Yield cells that do not hide each other: white ones and platelets alone, red ones touching and overlapping."""
    red_radius = min(size) / 240 * rng.uniform(18, 25)
    room = size[0] * size[1] / red_radius**2
    wanted = [
        (WHITE, rng.choice(4, p=[0.25, 0.5, 0.2, 0.05])),
        (PLATELET, rng.choice(6, p=[0.12, 0.28, 0.25, 0.2, 0.1, 0.05])),
    ]
    wanted.append((RED, max(1, int(room * rng.uniform(0.03, 0.13)))))
    placed: list[Cell] = []
    for kind, count in wanted:
        for _ in range(count):
            cell = _find_place(kind, size, red_radius, placed, rng)
            if cell is not None:
                placed.append(cell)
                yield cell


def _find_place(
    kind: int, size: tuple[int, int], red_radius: float, placed: list[Cell], rng: np.random.Generator
) -> Cell | None:
    """Return a cell where it is seen and far enough from the others; None when no place was found."""
    for _ in range(_TRIES):
        cell = _new_cell(kind, size, red_radius, rng)
        x1, y1, x2, y2 = cell.box()
        inside = max(0, min(size[0], x2) - max(0, x1)) * max(0, min(size[1], y2) - max(0, y1))
        seen = inside >= _LEAST_SEEN * (x2 - x1) * (y2 - y1)
        if seen and all(_apart(cell, other) for other in placed):
            return cell
    return None


def _apart(first: Cell, second: Cell) -> bool:
    least = 0.72 if first.kind == second.kind == RED else 1.02
    return math.hypot(first.x - second.x, first.y - second.y) >= least * (first.radius + second.radius)


def _new_cell(kind: int, size: tuple[int, int], red_radius: float, rng: np.random.Generator) -> Cell:
    relative, rough = {RED: ((0.88, 1.12), 0.012), WHITE: ((1.4, 1.95), 0.02), PLATELET: ((0.3, 0.45), 0.05)}[kind]
    waves = np.stack([rng.normal(0, rough, 4), rng.uniform(0, 2 * np.pi, 4)])
    x, y = rng.uniform(0, 1, 2) * size
    radius = red_radius * rng.uniform(*relative)
    return Cell(kind, x, y, radius, 1 - abs(rng.normal(0, 0.09)), rng.uniform(0, np.pi), waves)


def _background(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the lit glass (h, w, 3), larger by _FINER, 0 to 1: a lamp's colour, brighter towards one place, thin plasma."""
    width, height = size[0] * _FINER, size[1] * _FINER
    colour = np.array([0.90, 0.87, 0.86]) + rng.normal(0, 0.03, 3)
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    lit = rng.uniform(0.25, 0.75, 2)
    fall = 1 - rng.uniform(0.02, 0.25) * ((x - lit[0]) ** 2 + (y - lit[1]) ** 2)
    plasma = _clouds((width, height), 6, rng)
    shade = (fall * (1 - 0.04 * plasma)).astype(np.float32)
    return np.asarray(shade[..., None] * (np.clip(colour, 0, 0.97) * rng.uniform(0.85, 1.03)).astype(np.float32))


def _clouds(size: tuple[int, int], cells: int, rng: np.random.Generator) -> Floats:
    """Return smooth noise (h, w) from 0 to 1 with about `cells` swells across."""
    coarse = rng.random((cells, cells))
    return np.asarray(np.clip(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), 0, 1))


def _paint(light: NDArray[np.float32], cell: Cell, stain: Floats, rng: np.random.Generator) -> None:
    """Darken the light (h, w, 3), larger by _FINER, by one cell."""
    reach = int(cell.radius * 1.35 * _FINER) + 2
    x, y = cell.x * _FINER, cell.y * _FINER
    left, top = max(0, int(x) - reach), max(0, int(y) - reach)
    part = light[top : int(y) + reach, left : int(x) + reach]
    rows, columns = np.arange(top, top + part.shape[0])[:, None], np.arange(left, left + part.shape[1])
    right, down = np.broadcast_arrays((columns + 0.5 - x) / _FINER, (rows + 0.5 - y) / _FINER)  # pixels from the centre
    depth = _DEPTHS[cell.kind](cell, right, down, rng)  # (h, w, 3)
    part *= np.exp(-depth * stain).astype(np.float32)


def _red_depth(cell: Cell, right: Floats, down: Floats, rng: np.random.Generator) -> Floats:
    """Return what a red cell absorbs (h, w, 3): a disc thin in the middle."""
    part = cell.part(right, down)
    square = np.minimum(part, 1) ** 2
    thin = rng.uniform(0.0, 0.45)  # Evans and Fung's 0.207 for a cell that lies flat
    thickness = np.sqrt(1 - square) * (thin + 2.002558 * square - 1.122762 * square**2)
    rim = 0.12 * np.exp(-(((part - 0.97) / 0.05) ** 2))
    return np.asarray((thickness + rim)[..., None] * [0.16, 0.52, 0.46] * rng.uniform(0.75, 1.15))


def _white_depth(cell: Cell, right: Floats, down: Floats, rng: np.random.Generator) -> Floats:
    """Return what a white cell absorbs (h, w, 3): pale grainy plasma around a violet nucleus of one to five lobes."""
    size = (right.shape[1], right.shape[0])
    part = cell.part(right, down)
    inside = _soft(1 - part, 0.06)
    grains = _clouds(size, 26, rng)
    plasma_colour = [[0.22, 0.30, 0.12], [0.14, 0.34, 0.20], [0.30, 0.32, 0.10]][rng.integers(3)]
    plasma = (inside * (0.7 + 0.7 * (grains - 0.5)))[..., None] * plasma_colour
    nucleus = np.zeros_like(part)
    for x, y, wide, high, turn in _lobes(cell.radius, rng):
        along = (right - x) * np.cos(turn) + (down - y) * np.sin(turn)
        across = (down - y) * np.cos(turn) - (right - x) * np.sin(turn)
        nucleus = np.maximum(nucleus, _soft(1 - np.hypot(along / wide, across / high), 0.12))
    chromatin = 0.75 + 0.5 * _clouds(size, 12, rng) * _clouds(size, 24, rng) * 2
    violet = np.array([0.75, 1.25, 0.42]) * rng.uniform(0.8, 1.15)
    return np.asarray(plasma + (nucleus * inside * chromatin)[..., None] * violet)


def _lobes(radius: float, rng: np.random.Generator) -> Iterator[tuple[float, float, float, float, float]]:
    """Yield the nucleus's lobes: centre x, y from the cell's centre, half width, half height, and turn."""
    count = rng.choice([1, 2, 3, 4, 5], p=[0.25, 0.2, 0.25, 0.2, 0.1])
    if count == 1:
        x, y = rng.normal(0, 0.08, 2) * radius
        yield x, y, radius * rng.uniform(0.62, 0.8), radius * rng.uniform(0.55, 0.72), rng.uniform(0, np.pi)
        return
    start, sweep = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.35)
    for place in range(count):
        angle = start + place * sweep
        away = radius * rng.uniform(0.32, 0.48)
        wide, high = radius * rng.uniform(0.28, 0.42), radius * rng.uniform(0.22, 0.32)
        yield away * np.cos(angle), away * np.sin(angle), wide, high, angle + np.pi / 2 + rng.normal(0, 0.3)


def _platelet_depth(cell: Cell, right: Floats, down: Floats, rng: np.random.Generator) -> Floats:
    """Return what a platelet absorbs (h, w, 3): a small lilac patch with darker grains in its middle."""
    part = cell.part(right, down)
    grains = _clouds((right.shape[1], right.shape[0]), 9, rng)
    body = _soft(1 - part, 0.2) * (0.55 + 0.3 * grains)
    middle = np.exp(-((part / 0.55) ** 2)) * (0.2 + grains)
    return np.asarray((body + middle)[..., None] * [0.48, 0.66, 0.22] * rng.uniform(0.8, 1.2))


def _soft(inside: Floats, width: float) -> Floats:
    """Return 0 outside (negative) to 1 inside, rising smoothly over `width`."""
    rise = np.clip(inside / width + 0.5, 0, 1)
    return np.asarray(rise * rise * (3 - 2 * rise))


def _paint_dust(light: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Lay a speck of dirt on the glass: dark, hard, smaller than any cell, and no object."""
    x, y = (int(rng.integers(side)) for side in (light.shape[1], light.shape[0]))
    axes = tuple(int(value) for value in rng.integers(1, 3 * _FINER, 2))
    colour = tuple(float(value) for value in light[y, x] * rng.uniform(0.2, 0.7))
    cv2.ellipse(light, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)


_DEPTHS = {RED: _red_depth, WHITE: _white_depth, PLATELET: _platelet_depth}
