"""A worker answers at once: a socket of this machine or of the network, pictures that somebody waits for.

A message is 4 bytes of length and a JSON object; a request's picture follows its object. Who asks shows the token that stands in
the worker's address, which only those know that can read the database.
"""

import hmac
import json
import logging
import queue
import secrets
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from onelook.service.decoding import Decoder, DecodeSettings
from onelook.service.jobs.job import Fault, Result
from onelook.service.jobs.results import as_json
from onelook.structures.errors import FormatError
from onelook.structures.letterbox import Image

LENGTH = struct.Struct(">I")
LONGEST_HEADER = 1 << 16
DECODERS = 2
"""Processes that decode for those who wait."""
MOST_DECODED = 256 * 1024**2
"""Bytes of pixels that wait for the model; beyond, nothing more is decoded until some are done."""
_IDLE_SECONDS = 300.0
_PAUSE = 0.1

_ENDS = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What ends a connection and nothing else: it broke, or what came is no request of ours."""
_BUSY = Fault("busy", "the worker did not come to this picture in time; try again")
_log = logging.getLogger("onelook.service.worker")


@dataclass(frozen=True)
class Call:
    """A picture that somebody waits for; `answer` gets what was seen, or why nothing."""

    client_id: str
    model: str
    threshold: float | None
    image: Image
    came: float
    """When the request had come, by the process's monotonic clock."""
    decoded: float
    """Seconds that decoding took."""
    answer: "Future[Result | Fault]" = field(default_factory=Future)
    release: Callable[[], None] = lambda: None
    """To be called when the picture is needed no longer."""


class Answering:
    """Threads that take requests, decode their pictures and hand them to the thread that computes."""

    def __init__(self, hand_over: Callable[[Call], None], decoding: DecodeSettings, host: str = "") -> None:
        """Listen on a socket file, or on a free port of `host`; `hand_over` gets each call."""
        self._hand_over, self._most_bytes, self._decode_seconds = hand_over, decoding.most_bytes, decoding.seconds
        self._token = secrets.token_urlsafe(24)
        self._folder = None if host else Path(tempfile.mkdtemp(prefix="onelook-worker-"))
        self._listener = self._listen(host)
        self._decoders: queue.SimpleQueue[Decoder] = queue.SimpleQueue()
        for _ in range(DECODERS):
            self._decoders.put(Decoder(decoding))
        self._refusing = threading.Event()
        self._space, self._waiting = threading.Condition(), 0
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="answering", daemon=True).start()

    @property
    def address(self) -> str:
        """`unix:PATH#TOKEN` or `tcp:HOST:PORT#TOKEN`."""
        name = self._listener.getsockname()
        place = f"unix:{name}" if self._folder else f"tcp:{name[0]}:{name[1]}"
        return f"{place}#{self._token}"

    def refuse(self) -> None:
        """Answer every further request that the worker is stopping."""
        self._refusing.set()

    def close(self) -> None:
        """Listen no longer, and end every connection and the decoders' processes."""
        self._refusing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _ in range(DECODERS):
            with suppress(queue.Empty):  # one that is at work ends within its own time
                self._decoders.get(timeout=self._decode_seconds).close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _listen(self, host: str) -> socket.socket:
        if self._folder:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self._folder / "socket"))
            listener.listen(128)
            return listener
        return socket.create_server((host, 0), backlog=128)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if self._refusing.wait(_PAUSE):
                    return  # closed
                _log.warning("no connection could be taken: %s", error)
                continue
            threading.Thread(target=self._serve, args=(connection,), name="answer", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection, one after the other."""
        self._connections.add(connection)
        connection.settimeout(_IDLE_SECONDS)
        try:
            with connection, connection.makefile("rb") as stream:
                while request := self._receive(stream):
                    answer = self._answer(*request)
                    body = {"fault": vars(answer)} if isinstance(answer, Fault) else {"result": as_json(answer)}
                    text = json.dumps(body, separators=(",", ":")).encode()
                    connection.sendall(LENGTH.pack(len(text)) + text)
        except _ENDS as error:
            _log.info("a connection ended: %s", error)
        finally:
            self._connections.discard(connection)

    def _receive(self, stream: Any) -> tuple[dict[str, Any], bytes, float] | None:
        """Return a request's header, its picture and when it came; None at the end. Raises ValueError for anything else."""
        start = stream.read(LENGTH.size)
        if len(start) < LENGTH.size:
            return None
        came, length = time.monotonic(), LENGTH.unpack(start)[0]
        if length > LONGEST_HEADER:
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(stream.read(length))
        if not hmac.compare_digest(str(header.get("token")).encode(errors="replace"), self._token.encode()):
            raise ValueError("another token")
        size = int(header["size"])
        if not 0 <= size <= self._most_bytes:
            raise ValueError(f"a picture of {size} bytes")
        return header, stream.read(size), came

    def _answer(self, header: dict[str, Any], data: bytes, came: float) -> Result | Fault:
        if self._refusing.is_set():
            return Fault("stopping", "this worker is stopping; try again")
        began, until = time.monotonic(), came + float(header.get("seconds", 60.0))
        try:
            image = self._decode(data, until)
        except FormatError as error:
            return Fault("image_unreadable", str(error))
        if image is None:
            return _BUSY
        decoded = time.monotonic() - began
        release = partial(self._count, -image.nbytes)
        call = Call(
            header["client_id"], header["model"], header.get("threshold"), image, came, decoded, release=release
        )
        self._hand_over(call)
        try:
            return call.answer.result(timeout=max(until - time.monotonic(), 0.0))
        except TimeoutError:
            call.answer.cancel()  # nobody waits any more: it is not looked at in vain
            return _BUSY

    def _count(self, more: int) -> None:
        with self._space:
            self._waiting += more
            self._space.notify_all()

    def _decode(self, data: bytes, until: float) -> Image | None:
        """Return the picture, counted among those that wait for the model; None when there was no room for it in time."""
        try:
            decoder = self._decoders.get(timeout=max(until - time.monotonic(), 0.0))
        except queue.Empty:
            return None
        try:
            with self._space:
                left = max(until - time.monotonic(), 0.0)
                if not self._space.wait_for(lambda: self._waiting < MOST_DECODED, left):
                    return None
            image = decoder.decode(data)
            self._count(image.nbytes)
            return image
        finally:
            self._decoders.put(decoder)
