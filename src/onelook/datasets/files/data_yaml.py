"""data.yaml files by PyYAML: every scalar stays the word that was written, so that a class named `no` is no False."""

from pathlib import Path
from typing import Any

import yaml

from onelook.datasets.files.bounded import read_limited
from onelook.structures.errors import FormatError

Value = str | list[str]

LARGEST = 4 * 1024 * 1024
"""Bytes; the names of 10,000 classes take 200 kB."""


def read_yaml(path: Path) -> dict[str, Value]:
    """Return the keys of a YAML file whose value is a word, a list of words, or a map of 0, 1, 2... to words.

    Such a map becomes the list of its words by number; other values are left out. Raises FormatError naming the line.
    """
    try:
        content = yaml.load(read_limited(path, LARGEST), Loader=yaml.BaseLoader)  # BaseLoader makes words, lists, maps
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FormatError(f"{path}{line}: expected YAML, got {problem}") from None
    except RecursionError:
        raise FormatError(f"{path}: expected keys with words and lists, got YAML nested without end") from None
    if not isinstance(content, dict):
        raise FormatError(f"{path}: expected `key: value` lines, got {_kind(content)}")
    values = {str(key): _value(value) for key, value in content.items()}
    return {key: value for key, value in values.items() if value is not None}


def _value(value: Any) -> Value | None:
    if isinstance(value, dict):
        numbers = [str(place) for place in range(len(value))]
        return _value([value[number] for number in numbers]) if set(value) == set(numbers) else None
    if isinstance(value, list):
        return value if all(isinstance(word, str) for word in value) else None
    return str(value)


def _kind(content: Any) -> str:
    return "an empty file" if content in (None, "") else f"a {type(content).__name__}"


def quoted(text: str) -> str:
    """Return a word as YAML reads it back, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"
