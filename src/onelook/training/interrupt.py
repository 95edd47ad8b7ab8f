"""Ctrl-C and SIGTERM as a wish: the step in hand is finished and saved first."""

import signal
import threading
from types import FrameType, TracebackType


class StopFlag:
    """As a context, catches SIGINT and SIGTERM and raises `wished`; a second signal acts as it always did."""

    def __init__(self) -> None:
        self.wished = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopFlag":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._wish) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _wish(self, _number: int, _frame: FrameType | None) -> None:
        self.wished = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned
        self._before = {}
