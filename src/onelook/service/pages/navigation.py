"""The pages that every page links to, in the order in which they stand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A page, the key of its name in the texts, and whether only administrators see it."""

    path: str
    text: str
    administrators: bool = False


NAVIGATION: tuple[Entry, ...] = (
    Entry("/", "page.try"),
    Entry("/train", "page.train"),
    Entry("/runs", "page.runs"),
    Entry("/data", "page.data"),
    Entry("/service", "page.service", administrators=True),
)
