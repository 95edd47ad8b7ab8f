"""Films and cameras, picture by picture, in and out; OpenCV and the FFmpeg in its package do the work."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from onelook.inference.addresses import is_address
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import unwritable
from onelook.structures.images import MOST_PIXELS
from onelook.structures.letterbox import Image

SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv"})
"""Endings, in lower case, by which films are known."""

USUAL_RATE = 25.0
"""Pictures a second of a film or camera that does not tell its own."""

_WHOLE = 0.9
"""Share of the announced pictures from which on a film counts as whole: what a header announces is an estimate."""


class Film:
    """An open film or camera; iterating gives its pictures (h, w, 3) uint8 RGB, upright. Used once, by one thread."""

    def __init__(self, name: str, file: str | None = None) -> None:
        """Open a film's file, or the camera whose number `name` is. Raises FormatError, naming it, when that cannot be.

        `file` is where the film lies that has come from the address `name`.
        """
        self.name, file = name, file or name
        self.is_camera = is_camera(file)
        if not self.is_camera and not os.path.isfile(file):  # noqa: PTH113 - Path's raises for names that are too long
            raise FormatError(f"{name}: expected a film, got nothing there")
        with _quiet():
            self._capture = cv2.VideoCapture(int(file)) if self.is_camera else cv2.VideoCapture(file, cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            what = "a camera of this number" if self.is_camera else "a film, got a file that cannot be read as one"
            raise FormatError(f"{name}: expected {what}{', got none' if self.is_camera else ''}")
        self.size = int(self._told(cv2.CAP_PROP_FRAME_WIDTH)), int(self._told(cv2.CAP_PROP_FRAME_HEIGHT))
        if self.size[0] * self.size[1] > MOST_PIXELS:
            raise FormatError(f"{name}: expected at most {MOST_PIXELS} pixels, got {self.size[0]} x {self.size[1]}")
        rate = self._told(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= 1000 else USUAL_RATE
        count = self._told(cv2.CAP_PROP_FRAME_COUNT)
        self.count = None if self.is_camera or not 0 < count < 1e9 else int(count)
        """How many pictures the film announces; None where it does not."""

    def __iter__(self) -> Iterator[Image]:
        """Yield the pictures. Raises FormatError at the place where a film breaks off."""
        number = 0
        while True:
            with _quiet():
                there, picture = self._capture.read()
            if not there:
                break
            number += 1
            yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
        if not number or (self.count and number < _WHOLE * self.count):
            raise FormatError(
                f"{self.name}: expected {self.count or 'some'} pictures, got {number}: the film breaks off"
            )

    def close(self) -> None:
        """Let go of the file or camera."""
        self._capture.release()

    def _told(self, what: int) -> float:
        return float(self._capture.get(what))


def is_camera(name: str) -> bool:
    """Return whether a source is a camera's number and no file."""
    return name.isascii() and name.isdigit() and len(name) <= 3 and not Path(name).exists()


def film_length(name: str) -> int | None:
    """Return how many pictures a film announces; 0 for one that cannot be read, None where nobody can know, or not yet."""
    if is_camera(name) or is_address(name):
        return None
    try:
        film = Film(name)
    except FormatError:
        return 0
    film.close()
    return film.count


class FilmWriter:
    """A film being written, MPEG-4; it takes its name when it is closed, and nothing is there before."""

    def __init__(self, path: Path, rate: float, size: tuple[int, int]) -> None:
        """Begin a film of `rate` pictures a second, each `size` (width, height). Raises UserError when it cannot be written."""
        self.path, self._size = path, size
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path, error) from None
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        with _quiet():
            self._writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, fourcc, rate, size)
        if not self._writer.isOpened():
            raise UserError(f"{path}: cannot be written as a film; choose another place")

    def add(self, picture: Image) -> None:
        """Add a picture (h, w, 3) uint8 RGB; one of another size is brought to the film's."""
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = np.asarray(cv2.resize(picture, self._size), np.uint8)
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """End the film and give it its name. Raises UserError when the disk did not take it."""
        self._writer.release()
        try:
            self._part.replace(self.path)
        except OSError as error:
            raise unwritable(self.path, error) from None

    def drop(self) -> None:
        """Remove what has been written."""
        self._writer.release()
        self._part.unlink(missing_ok=True)


@contextmanager
def _quiet() -> Iterator[Any]:
    """Keep OpenCV and FFmpeg from writing lines of their own, and FFmpeg from opening what a film's file refers to."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
