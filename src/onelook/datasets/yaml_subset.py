"""The part of YAML that data.yaml files are written in: keys with a word, a list, or a map of numbers to words."""

import re
from pathlib import Path

from onelook.datasets.bounded import bounded_lines
from onelook.structures.errors import FormatError

Value = str | list[str]

_KEY = re.compile(r"""(?P<key>"[^"]*"|'[^']*'|[^\s:#'"\[{][^:]*?)\s*:(?:\s+(?P<value>.*))?$""")


def read_yaml(path: Path) -> dict[str, Value]:
    """Return the keys of a YAML file; a list, in brackets or a line each, and the values of a map become a list of words.

    A map's keys must be 0, 1, 2... in any order. Raises FormatError naming the line.
    """
    found: dict[str, Value] = {}
    maps: dict[str, dict[str, str]] = {}
    key = ""
    for number, raw in bounded_lines(path):
        line = _without_comment(raw)
        if not line.strip() or line.startswith(("---", "...", "%")):
            continue
        text = line.strip()
        inner = line[0] in " \t" or (text.startswith("- ") and key != "")
        match = _KEY.match(text)
        if inner and text.startswith("- ") and key:
            before = found.get(key)
            found[key] = [*(before if isinstance(before, list) else []), _word(text[2:])]
        elif match and inner and key:
            maps.setdefault(key, {})[_word(match["key"])] = _word(match["value"] or "")
        elif match and not inner:
            key = _word(match["key"])
            found[key] = _value(match["value"] or "")
        elif inner and found.get(key) and isinstance(found[key], str):
            found[key] = _value(f"{found[key]} {text}")  # a list in brackets that goes on
        elif not inner:
            raise FormatError(f"{path}:{number}: expected `key: value`, got {text[:60]!r}")
    for name, words in maps.items():
        if set(words) == {str(place) for place in range(len(words))}:
            found[name] = [words[str(place)] for place in range(len(words))]
    return found


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line) if not re.search(r"""['"].*#.*['"]""", line) else line


def _value(text: str) -> Value:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        words = re.findall(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,]+)\s*(?:,|$)""", text[1:-1])
        return [_word(word) for word in words if word.strip()]
    if text.startswith("{") and text.endswith("}"):
        pairs = re.findall(r"""\s*(\d+)\s*:\s*("[^"]*"|'[^']*'|[^,]+)\s*(?:,|$)""", text[1:-1])
        return [_word(word) for _, word in sorted(pairs, key=lambda pair: int(pair[0]))]
    return text if text.startswith("[") else _word(text)


def _word(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def quoted(text: str) -> str:
    """Return a word as YAML reads it back, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"
