"""Settings: frozen dataclasses, read from TOML, overridden by `key=value`, unknown keys refused with the nearest known one."""

import ast
import dataclasses
import inspect
import tomllib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from onelook.structures.errors import FormatError, UserError, nearest

Settings = TypeVar("Settings")

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def make_settings(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """Return `kind(**values)`, every value brought to the type of its field (text is read as that type).

    `where` names the source in errors. Raises UserError for an unknown key, for a value of the wrong type, and for what the
    dataclass's own check refuses.
    """
    hints = get_type_hints(kind)
    unknown = [key for key in values if key not in hints]
    if unknown:
        raise UserError(
            f"{where}: unknown setting {unknown[0]!r}{nearest(unknown[0], hints)} (known: {', '.join(sorted(hints))})"
        )
    typed = {key: _as_type(value, hints[key], f"{where}: {key}") for key, value in values.items()}
    try:
        return kind(**typed)
    except UserError as error:
        raise type(error)(f"{where}: {error}") from None


def check_ranges(settings: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raise UserError for the first field of `settings` outside its least and greatest value; one that is None is not looked at."""
    for name, (least, most) in ranges.items():
        value = getattr(settings, name)
        if value is not None and not least <= value <= most:
            raise UserError(f"{name}: expected {least:g} to {most:g}, got {value}")


def parse_overrides(pairs: Iterable[str]) -> dict[str, str]:
    """Return `--set key=value` arguments as a mapping. Raises UserError for one without `=`."""
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set: expected key=value, got {pair!r}")
        values[key.strip()] = value.strip()
    return values


def spelled(value: Any) -> str:
    """Return a setting's value as `--set` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(spelled(item) for item in value)
    return "none" if value is None else str(value)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file. Raises FormatError naming the file, and the line where TOML tells it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: expected a TOML file, got {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: expected TOML, got {error}") from None


def to_toml(values: Mapping[str, Any]) -> str:
    """Return a flat mapping (and one level of tables) as TOML; keys whose value is None are left out."""
    plain = [f"{key} = {_literal(value)}" for key, value in values.items() if not isinstance(value, Mapping | None)]
    tables = [
        f"\n[{_key(name)}]\n"
        + "\n".join(f"{_key(key)} = {_literal(value)}" for key, value in table.items() if value is not None)
        for name, table in values.items()
        if isinstance(table, Mapping)
    ]
    return "\n".join(plain + tables) + "\n"


def as_values(settings: Any) -> dict[str, Any]:
    """Return a settings dataclass as a mapping, as `to_toml` takes it."""
    return dataclasses.asdict(settings)


def _literal(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_key(key)} = {_literal(item)}" for key, item in value.items() if item is not None) + "}"
        )
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _literal(name)


def _as_type(value: Any, hint: Any, where: str) -> Any:
    """Return `value` as the type that `hint` names: bool, int, float, str, tuples of them, and `| None` of each."""
    if get_origin(hint) in (UnionType, Union):
        if value is None or (isinstance(value, str) and value.lower() == "none"):
            return None
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if get_origin(hint) is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise UserError(f"{where}: expected a list, got {value!r}")
        return tuple(_as_type(item, get_args(hint)[0], where) for item in items if item != "")
    try:
        return _scalar(value, hint)
    except (ValueError, TypeError):
        raise UserError(f"{where}: expected {_spelled(hint)}, got {value!r}") from None


def _scalar(value: Any, kind: type) -> Any:
    if kind is bool:
        word = str(value).strip().lower()
        if word not in _TRUE + _FALSE:
            raise ValueError(word)
        return word in _TRUE
    if isinstance(value, bool):
        raise ValueError(value)
    if kind is int and not float(value).is_integer():
        raise ValueError(value)
    if kind is Path:
        return Path(value)
    return kind(value) if kind is not int or str(value).lstrip("+-").isdigit() else int(float(value))


def _spelled(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}.get(kind, kind.__name__)


def field_words(kind: type) -> dict[str, str]:
    """Return by the name of each field the docstring under it, on one line; a field without one is left out."""
    (described,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(described, ast.ClassDef)
    words = {}
    for field, below in pairwise(described.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=text)):
                words[name] = " ".join(str(text).split())
    return words
