"""Ctrl-C, SIGTERM and a closed terminal as a wish: the step in hand is finished and saved first."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

_ONE = 1.0
"""Seconds within which two signals are one: one that is sent to a whole group also comes by way of the supervisor."""


class Stopped(BaseException):
    """A signal asked to stop, and nothing need be finished first."""


class StopFlag:
    """As a context, catches SIGINT, SIGTERM and SIGHUP and raises `wished`; another, a second later, acts as it always did."""

    def __init__(self) -> None:
        self.wished = False
        self.signal: int | None = None
        self._when, self._raises = 0.0, False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopFlag":
        if threading.current_thread() is threading.main_thread():
            heard = [signal.SIGINT, signal.SIGTERM]
            if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
                heard.append(signal.SIGHUP)
            self._before = {number: signal.signal(number, self._wish) for number in heard}
        return self

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let a wish raise Stopped inside the block, at once: for work that is not begun again where it was left."""
        self._raises = True
        try:
            if self.wished:
                raise Stopped
            yield
        finally:
            self._raises = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _wish(self, number: int, _frame: FrameType | None) -> None:
        if self.wished and time.monotonic() - self._when > _ONE:
            self._restore()
            signal.raise_signal(number)
        elif not self.wished:
            self.wished, self.signal, self._when = True, number, time.monotonic()
            if self._raises:
                raise Stopped

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned
        self._before = {}
