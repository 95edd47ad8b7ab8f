"""Words that a user gives to runs, kept in each run's folder: tags.json, a list."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import write_json

TAGS = "tags.json"

WORD = re.compile(r"[\w.:/+-]{1,64}")
"""A tag: letters, digits and a few signs, so that it needs no quotes and no escape anywhere."""


def read_tags(run: Path) -> tuple[str, ...]:
    """Return the run's tags in the order in which they were given; a run without has none. Raises FormatError for another file."""
    path = run / TAGS
    if not path.is_file():
        return ()
    try:
        tags = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: expected a list of tags, got {error}") from None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise FormatError(f"{path}: expected a list of tags, got {str(tags)[:60]}")
    return tuple(tags)


def change_tags(run: Path, add: Sequence[str], remove: Sequence[str]) -> tuple[str, ...]:
    """Return the run's tags after these were given to it and taken from it; taking one that it lacks changes nothing."""
    wrong = [tag for tag in add if not WORD.fullmatch(tag)]
    if wrong:
        raise UserError(f"tag: expected letters, digits and . : / + - _, at most 64 of them, got {wrong[0]!r}")
    tags = tuple(tag for tag in dict.fromkeys([*read_tags(run), *add]) if tag not in remove)
    write_json(run / TAGS, list(tags))
    return tags
