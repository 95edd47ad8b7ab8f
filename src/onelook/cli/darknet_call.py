"""Darknet's command lines taken apart: words in order, flags of one dash, their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.structures.errors import UserError, nearest

WITH_VALUE = {
    "-thresh": float,
    "-iou_thresh": float,
    "-points": int,
    "-out": str,
    "-num_of_clusters": int,
    "-width": int,
    "-height": int,
    "-t": int,
}
"""Flags that take a value, and of what kind."""

PLAIN = ("-ext_output", "-letter_box", "-map", "-clear", "-topk")
"""Flags that change what is done."""

OF_DARKNET_ALONE = ("-dont_show", "-show", "-nogpu")
"""Flags about windows and GPUs: taken, as scripts give them."""


@dataclass(frozen=True)
class Call:
    """One command line: the words that are no flags, in order, and the flags."""

    words: tuple[str, ...]
    flags: dict[str, Any]
    supervised: bool = False
    """Whether this process is the command's own, and may wait for a child that trains."""

    def path(self, index: int, what: str) -> Path:
        """Return word `index`. Raises UserError naming what is expected there."""
        if index >= len(self.words):
            raise UserError(f"darknet: expected {what} as word {index + 1}, got {' '.join(self.words) or 'nothing'}")
        return Path(self.words[index])


def parse(arguments: Sequence[str], supervised: bool = False) -> Call:
    """Return the call. Raises UserError for a flag that is unknown, and one whose value is missing or no number."""
    words: list[str] = []
    flags: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument in WITH_VALUE:
            flags[argument] = _value(argument, next(rest, None))
        elif argument in PLAIN:
            flags[argument] = True
        elif argument in OF_DARKNET_ALONE:
            continue
        elif argument.startswith("-"):
            known = (*WITH_VALUE, *PLAIN, *OF_DARKNET_ALONE)
            raise UserError(f"{argument}: unknown flag{nearest(argument, known)} (known: {', '.join(known)})")
        else:
            words.append(argument)
    return Call(tuple(words), flags, supervised)


def _value(flag: str, text: str | None) -> Any:
    try:
        return WITH_VALUE[flag](text) if text is not None else _missing(flag)
    except ValueError:
        raise UserError(f"{flag}: expected a number, got {text!r}") from None


def _missing(flag: str) -> Any:
    raise UserError(f"{flag}: expected a value after it, got none")
