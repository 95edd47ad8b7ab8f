"""One bar for everything that takes long: rate and time left on stderr, silent when stderr is no terminal."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


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
        def get_renderables(self) -> Iterable[Any]:
            yield from super().get_renderables()
            drawn = below() if below else None
            if drawn is not None:
                yield drawn

    with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(what, total=total, completed=done, rate="", note="")
        for item in items:
            yield item
            bar.advance(task)
            speed = bar.tasks[0].speed
            words = note(item) if note else ""
            bar.update(task, rate=f"{speed:.1f}/s" if speed else "", note=words)
