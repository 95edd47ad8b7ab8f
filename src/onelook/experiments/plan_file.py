"""plan.toml: a plan as it is written; what is unknown, or of another kind than wanted, is refused in one line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.experiments.plan import Dimension, Limits, Plan, Point, Range, Resources
from onelook.experiments.request import DataChoice, NetworkChoice, told
from onelook.experiments.search_settings import SearchSettings
from onelook.structures.errors import FormatError, UserError, nearest
from onelook.structures.settings import make_settings, read_toml

KNOWN = (
    *("name", "networks", "data", "seeds", "repeats", "settings", "axes", "zip", "list", "exclude"),
    *("limits", "resources", "retries", "parallel", "search"),
)


def read_plan(path: Path) -> Plan:
    """Return the plan of a TOML file; paths in it are relative to its folder. Raises UserError for what is unknown or wrong."""
    values = read_toml(path)
    refuse_unknown(values, KNOWN, str(path))
    folder, axes = path.parent, _axes(path, values)
    ranges = {key: value for key, value in axes.items() if isinstance(value, Range)}
    if ranges and "search" not in values:
        raise FormatError(
            f"{path}: axes.{next(iter(ranges))}: expected a list of values, got a range; ranges need a [search]"
        )
    return Plan(
        path,
        path.read_text(encoding="utf-8"),
        _name(path, values),
        tuple(_network(path, folder, *each) for each in _table(path, values, "networks").items()),
        tuple(_data(path, folder, *each) for each in _table(path, values, "data").items()),
        _seeds(path, values),
        _dimensions(path, values, {key: value for key, value in axes.items() if key not in ranges}),
        ranges,
        _settings(path, values),
        tuple(_tables(path, values, "exclude")),
        make_settings(Limits, values.get("limits", {}), f"{path}: limits"),
        make_settings(Resources, values.get("resources", {}), f"{path}: resources"),
        _whole(path, values, "retries", 0, 100),
        _whole(path, values, "parallel", 1, 1024),
        make_settings(SearchSettings, values["search"], f"{path}: search") if "search" in values else None,
    )


NOT_VARIED = {"seed": "seeds = [0, 1, 2], or repeats = 3", "network": "[networks]", "data": "[data]"}
"""What cannot be an axis, and what says it instead."""


def refuse_unknown(values: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Raise UserError naming the first key that is not known, and the nearest one that is."""
    unknown = next((key for key in values if key not in known), None)
    if unknown is not None:
        raise UserError(f"{where}: unknown {unknown!r}{nearest(unknown, known)} (known: {', '.join(known)})")


def _name(path: Path, values: Mapping[str, Any]) -> str:
    """Return what the plan, and by default its grid's folder, is called."""
    name = values.get("name", path.stem)
    if not isinstance(name, str) or not name.strip() or name in (".", "..") or {"/", "\\", "\0"} & set(name):
        raise FormatError(f"{path}: name: expected what a folder can be called, got {name!r}")
    return name


def _word(path: Path, where: str, given: Mapping[str, Any], key: str) -> str | None:
    """Return a word of a table; None where it has none. Raises FormatError for anything else."""
    value = given.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise FormatError(f"{path}: {where}.{key}: expected words in quotes, got {value!r}")
    return value


def _table(path: Path, values: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    if not isinstance(found, dict) or not found:
        raise FormatError(f'{path}: [{key}]: expected at least one line `name = "path"`, got {found or "none"!r}')
    return found


def _network(path: Path, folder: Path, name: str, value: Any) -> NetworkChoice:
    given = value if isinstance(value, dict) else {"network": value}
    refuse_unknown(given, ("network", "weights"), f"{path}: networks.{name}")
    network = _word(path, f"networks.{name}", given, "network") or name
    file = folder / network
    weights = _word(path, f"networks.{name}", given, "weights")
    return NetworkChoice(name, str(file) if file.exists() else network, folder / weights if weights else None)


def _data(path: Path, folder: Path, name: str, value: Any) -> DataChoice:
    given = value if isinstance(value, dict) else {"path": value}
    refuse_unknown(given, ("path", "format"), f"{path}: data.{name}")
    if not isinstance(given.get("path"), str):
        raise FormatError(f'{path}: data.{name}: expected a path such as "../data", got {given.get("path")!r}')
    return DataChoice(name, folder / given["path"], _word(path, f"data.{name}", given, "format"))


def _seeds(path: Path, values: Mapping[str, Any]) -> tuple[int, ...]:
    if "seeds" in values and "repeats" in values:
        raise FormatError(f"{path}: expected seeds or repeats, got both")
    if "seeds" not in values:
        return tuple(range(_whole(path, values, "repeats", 1, 10_000)))
    seeds = values["seeds"]
    if not isinstance(seeds, list) or not seeds or any(type(seed) is not int for seed in seeds):
        raise FormatError(f"{path}: seeds: expected whole numbers, such as [0, 1, 2], got {seeds!r}")
    return tuple(seeds)


def _whole(path: Path, values: Mapping[str, Any], key: str, low: int, high: int) -> int:
    value = values.get(key, low)
    if type(value) is not int or not low <= value <= high:
        raise FormatError(f"{path}: {key}: expected a whole number, {low} to {high}, got {value!r}")
    return value


def _settings(path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    found = values.get("settings", {})
    if not isinstance(found, dict):
        raise FormatError(f"{path}: [settings]: expected a table, got {found!r}")
    if "seed" in found:
        raise FormatError(f"{path}: settings: expected {NOT_VARIED['seed']} for the seed")
    return flattened(found)


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with those of tables named `augment.flip`."""
    plain: dict[str, Any] = {}
    for key, value in values.items():
        plain |= {f"{key}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {key: value}
    return plain


def varied_together(plan: Path) -> tuple[frozenset[str], ...]:
    """Return the axes that a plan's [[zip]] and [[list]] tables vary together, which nothing tells apart; a broken one has none."""
    try:
        values = read_toml(plan)
        groups = [
            _tables(plan, values, "zip"),
            [dict.fromkeys(key for point in _tables(plan, values, "list") for key in point)],
        ]
    except UserError:
        return ()
    found = (frozenset(table) - {"name"} for tables in groups for table in tables)
    return tuple(group for group in found if len(group) > 1)


def _axes(path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what [axes] says by setting: lists as they are, `{low = ..., high = ...}` as ranges."""
    found = values.get("axes", {})
    if not isinstance(found, dict):
        raise FormatError(f"{path}: [axes]: expected a table, got {found!r}")
    spans = {key: value for key, value in found.items() if isinstance(value, dict) and {"low", "high"} & value.keys()}
    made = {key: _range(value, f"{path}: axes.{key}") for key, value in spans.items()}
    return flattened({key: value for key, value in found.items() if key not in spans}) | made


def _range(value: Mapping[str, Any], where: str) -> Range:
    refuse_unknown(value, ("low", "high", "log", "step"), where)
    missing = next((bound for bound in ("low", "high") if bound not in value), None)
    if missing:
        raise FormatError(f"{where}: expected low and high, got no {missing}")
    whole = all(type(value.get(key, 1)) is int for key in ("low", "high", "step"))
    return make_settings(Range, {**value, "whole": whole}, where)


def _dimensions(path: Path, values: Mapping[str, Any], axes: Mapping[str, Any]) -> tuple[Dimension, ...]:
    """Return the plan's own axes: those of [axes] that are lists, then each [[zip]], then [[list]] as one."""
    found: list[Dimension] = []
    for key, points in axes.items():
        found.append(tuple({key: value} for value in _values(path, f"axes.{key}", points)))
    for number, table in enumerate(_tables(path, values, "zip"), start=1):
        columns = {key: _values(path, f"zip {number}: {key}", column) for key, column in table.items()}
        lengths = {key: len(column) for key, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise FormatError(f"{path}: zip {number}: expected lists of one length, got {told(lengths)}")
        found.append(tuple(dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)))
    listed = _tables(path, values, "list")
    if listed:
        found.append(tuple(listed))
    for key in {key for dimension in found for point in dimension for key in point} & NOT_VARIED.keys():
        raise FormatError(f"{path}: {key}: expected {NOT_VARIED[key]}, got an axis")
    return tuple(found)


def _values(path: Path, where: str, found: Any) -> list[Any]:
    if not isinstance(found, list) or not found:
        raise FormatError(f"{path}: {where}: expected a list of values, got {found!r}")
    return found


def _tables(path: Path, values: Mapping[str, Any], key: str) -> list[Point]:
    found = values.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) and each for each in found):
        raise FormatError(f"{path}: {key}: expected tables, each under [[{key}]], got {found!r}")
    return [flattened(each) for each in found]
