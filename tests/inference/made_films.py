"""A short film, made in a test."""

from pathlib import Path

import numpy as np

from onelook.inference.films import FilmWriter
from onelook.structures.letterbox import Image


def film_pictures(count: int = 12) -> list[Image]:
    """Return pictures of 96 x 64: grey, with a red square that goes from left to right."""
    pictures = []
    for number in range(count):
        picture = np.full((64, 96, 3), 90, np.uint8)
        left = 4 + 6 * number
        picture[24:40, left : left + 16] = (220, 30, 30)
        pictures.append(picture)
    return pictures


def write_film(path: Path, count: int = 12, rate: float = 10) -> Path:
    """Write the pictures as a film and return its path."""
    writer = FilmWriter(path, rate, (96, 64))
    for picture in film_pictures(count):
        writer.add(picture)
    writer.close()
    return path
