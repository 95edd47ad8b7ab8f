"""One bar for everything that takes long: rate and time left on stderr, silent when stderr is no terminal."""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")

A_SECOND, BELOW_EVERY = 4, 1.0
"""How often the bar is drawn; and after how many seconds what is below it, which took 5 % of a grid's time when drawn as often."""


def track(
    items: Iterable[Item],
    total: int | None,
    what: str,
    unit: str = "images",
    done: int = 0,
    note: Callable[[Item], str] | None = None,
    below: Callable[[], Any] | None = None,
) -> Iterator[Item]:
    """Yield `items`, showing how many of `total` (None where nobody knows) are done, how many a second, and the time left.

    `done` were done before; `note` says a word about the item at hand; `below` gives what rich is to draw under the bar,
    None nothing.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )

    class Bar(Progress):
        drawn: Any = None
        drawn_at = -math.inf

        def get_renderables(self) -> Iterable[Any]:
            yield from super().get_renderables()
            if below and time.monotonic() - self.drawn_at >= BELOW_EVERY:
                self.drawn, self.drawn_at = below(), time.monotonic()
            if self.drawn is not None:
                yield self.drawn

    screen = Console(stderr=True)
    with Bar(
        *columns, console=screen, transient=True, redirect_stdout=sys.stdout.isatty(), refresh_per_second=A_SECOND
    ) as bar:
        task = bar.add_task(what, total=total, completed=done, rate="", note="")
        for item in items:
            yield item
            bar.advance(task)
            speed = bar.tasks[0].speed
            words = note(item) if note else ""
            bar.update(task, rate=f"{speed:.1f}/s" if speed else "", note=words)
