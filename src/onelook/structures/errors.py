"""The two ways a user's mistake is told: one line that says where, what was expected, what came and the way out."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend; the command line prints it as one line and exits 2."""


class FormatError(UserError):
    """A file that is not what it should be; the message begins with `path:line:`."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the known word closest to `word`, or an empty string when none is close."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""
