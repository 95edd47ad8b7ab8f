"""Pixels of pictures that strangers send: known by their first bytes, measured before decoding, decoded in a bounded process.

A broken or hostile picture costs at most a child process: the memory it may take and the time it may use are fixed, and the next
picture gets a fresh one.
"""

import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType

import numpy as np

from onelook.service.decoding_child import ENDS, HEAD, LENGTH
from onelook.structures.errors import FormatError, UserError
from onelook.structures.image_header import read_header
from onelook.structures.letterbox import Image

_BEGINNINGS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
_PIPE = 1024**2


@dataclass(frozen=True)
class DecodeSettings:
    """How much one picture may cost."""

    most_bytes: int = 32 * 1024**2
    """Of the file."""
    most_pixels: int = 40_000_000
    """Width times height, as the header tells before a pixel is decoded."""
    memory: int = 1024**3
    """Bytes that decoding may take beyond what the process takes anyway."""
    seconds: float = 10.0
    """That decoding may take."""

    def __post_init__(self) -> None:
        if min(self.most_bytes, self.most_pixels, self.memory) < 1 or self.seconds <= 0:
            raise UserError(
                f"most_bytes, most_pixels, memory, seconds: expected more than 0, got {self.most_bytes}, "
                f"{self.most_pixels}, {self.memory} and {self.seconds}"
            )


def sniff(data: bytes) -> str | None:
    """Return the media type of a picture by its first bytes, whatever its name says; None for what is no picture known here."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _BEGINNINGS.items() if data.startswith(start)), None)


def check_image(data: bytes, settings: DecodeSettings | None = None, where: str = "image") -> str:
    """Return the media type of a picture that looks as if it could be decoded; nothing is decoded here.

    Raises FormatError for too many bytes, for what is no picture, and for too many pixels where a JPEG's or PNG's header tells.
    """
    settings = settings or DecodeSettings()
    if len(data) > settings.most_bytes:
        raise FormatError(f"{where}: expected at most {settings.most_bytes} bytes, got {len(data)}")
    kind = sniff(data)
    if kind is None:
        known = ", ".join(sorted({"webp", *(name.removeprefix("image/") for name in _BEGINNINGS.values())}))
        came = f"bytes that begin with {data[:8]!r}" if data else "an empty file"
        raise FormatError(f"{where}: expected a picture ({known}), got {came}")
    header = read_header(BytesIO(data))
    if header and header[0] * header[1] > settings.most_pixels:
        raise FormatError(f"{where}: expected at most {settings.most_pixels} pixels, got {header[0]} x {header[1]}")
    return kind


class Decoder:
    """Decodes pictures one after the other in a child process that is started when needed. For one thread at a time."""

    def __init__(self, settings: DecodeSettings | None = None) -> None:
        self.settings = settings or DecodeSettings()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def decode(self, data: bytes) -> Image:
        """Return the picture as it is shown, (h, w, 3) uint8 RGB. Raises FormatError for whatever is no sound picture."""
        check_image(data, self.settings)
        until = time.monotonic() + self.settings.seconds
        try:
            child = self._running()
            _write(child, LENGTH.pack(len(data)), until)
            _write(child, data, until)
            return self._answer(child, until)
        except (TimeoutError, EOFError, BrokenPipeError) as error:
            self.close()
            came = "one that takes longer" if isinstance(error, TimeoutError) else "one that its decoder failed at"
            raise FormatError(
                f"image: expected a picture to decode in {self.settings.seconds:g} s, got {came}"
            ) from None

    def _answer(self, child: subprocess.Popen[bytes], until: float) -> Image:
        width, height, told = HEAD.unpack(_read(child, np.empty(HEAD.size, np.uint8), until).tobytes())
        if told or width * height > self.settings.most_pixels:
            message = _read(child, np.empty(min(told, _PIPE), np.uint8), until).tobytes().decode(errors="replace")
            if width == ENDS or not message:
                self.close()
            raise FormatError(message or "image: expected a picture, got more pixels than its header said")
        return _read(child, np.empty((height, width, 3), np.uint8), until)

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the child, started anew where the last one has ended."""
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = _start(self.settings)
        return self._child

    def close(self) -> None:
        """End the child; the next picture starts another."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


def _start(settings: DecodeSettings) -> subprocess.Popen[bytes]:
    """Return a child that has nothing of this process's environment but where Python finds its modules."""
    paths = os.pathsep.join(path for path in sys.path if path)
    child = subprocess.Popen(
        [sys.executable, "-s", "-m", "onelook.service.decoding_child", str(settings.memory), str(settings.most_pixels)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        pipesize=_PIPE,
        env={"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    for pipe in (child.stdin, child.stdout):
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
    return child


def _write(child: subprocess.Popen[bytes], data: bytes, until: float) -> None:
    """Hand `data` to the child. Raises TimeoutError, or BrokenPipeError when the child has ended."""
    assert child.stdin is not None
    left = memoryview(data)
    while left:
        _wait(child.stdin.fileno(), select.POLLOUT, until)
        left = left[os.write(child.stdin.fileno(), left) :]


def _read(child: subprocess.Popen[bytes], into: Image, until: float) -> Image:
    """Return `into` filled from the child. Raises TimeoutError, or EOFError when the child has ended."""
    assert child.stdout is not None
    left = into.reshape(-1).data
    while left:
        _wait(child.stdout.fileno(), select.POLLIN, until)
        count = os.readv(child.stdout.fileno(), [left])
        if not count:
            raise EOFError
        left = left[count:]
    return into


def _wait(number: int, event: int, until: float) -> None:
    """Wait until a file can be read or written. Raises TimeoutError."""
    poll = select.poll()
    poll.register(number, event)
    if not poll.poll(max(until - time.monotonic(), 0) * 1000):
        raise TimeoutError
