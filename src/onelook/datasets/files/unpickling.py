"""Pickles read without executing anything: numbers, texts, lists, maps and plain numpy arrays; whatever else is refused.

The opcodes are those that Python's pickletools lists. Nothing is imported by name and nothing is called: the few names that
arrays and old strings are written with are recognised as words, and what they stand for is built here.
"""

import pickletools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.files.bounded import read_limited
from onelook.structures.errors import FormatError

MOST_BYTES = 1024**3

_ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_KNOWN = _ARRAY | {"_codecs encode", "numpy ndarray", "numpy dtype", "builtins bytes", "__builtin__ bytes"}
_PLAIN = frozenset("biuf")
_STRINGS = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING"})
_VALUES = frozenset(
    {
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
    }
)


@dataclass
class _Array:
    """A numpy array whose state is still to come."""

    value: np.ndarray | None = None


@dataclass
class _Kind:
    """A numpy number type."""

    code: str


class _Mark:
    """Where a list of arguments begins on the stack."""


@dataclass
class _Stack:
    items: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def since_mark(self) -> list[Any]:
        place = max(index for index, item in enumerate(self.items) if isinstance(item, _Mark))
        taken = self.items[place + 1 :]
        del self.items[place:]
        return taken


def read_pickle(path: Path) -> Any:
    """Return what a pickle holds, byte strings as bytes. Raises FormatError for one that needs anything to be executed."""
    data = read_limited(path, MOST_BYTES)
    stack = _Stack()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                return _finished(stack.items[-1])
            _apply(opcode.name, argument, stack)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise FormatError(f"{path}: expected a pickle of plain data, got a broken one ({error})") from None
    raise FormatError(f"{path}: expected a whole pickle, got one that breaks off")


def _finished(value: Any) -> Any:
    return value.value if isinstance(value, _Array) else value


def _apply(name: str, argument: Any, stack: _Stack) -> None:
    items = stack.items
    if name in _CONSTANTS:
        items.append(_CONSTANTS[name]())
    elif name in _STRINGS:
        items.append(argument.encode("latin-1") if isinstance(argument, str) else argument)
    elif name in _VALUES:
        items.append(argument)
    elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
        stack.memo[argument] = items[-1]
    elif name == "MEMOIZE":
        stack.memo[len(stack.memo)] = items[-1]
    elif name in ("BINGET", "LONG_BINGET", "GET"):
        items.append(stack.memo[argument])
    elif name == "GLOBAL":
        items.append(_named(argument))
    elif name in _STEPS:
        _STEPS[name](stack)
    elif name not in ("PROTO", "FRAME"):
        raise FormatError(f"expected a pickle of plain data, got the instruction {name}; it is not executed")


def _named(name: str) -> str:
    if name not in _KNOWN:
        raise FormatError(f"expected a pickle of plain data, got one that calls {name!r}; it is not executed")
    return name


def _tuple(count: int, stack: _Stack) -> None:
    taken = stack.items[len(stack.items) - count :]
    del stack.items[len(stack.items) - count :]
    stack.items.append(tuple(taken))


def _append(stack: _Stack) -> None:
    value = stack.items.pop()
    stack.items[-1].append(value)


def _appends(stack: _Stack) -> None:
    values = stack.since_mark()
    stack.items[-1].extend(values)


def _set_item(stack: _Stack) -> None:
    value, key = stack.items.pop(), stack.items.pop()
    stack.items[-1][key] = _finished(value)


def _set_items(stack: _Stack) -> None:
    values = stack.since_mark()
    stack.items[-1].update(zip(values[::2], map(_finished, values[1::2]), strict=True))


def _global(stack: _Stack) -> None:
    name, module = stack.items.pop(), stack.items.pop()
    stack.items.append(_named(f"{module} {name}"))


def _reduce(stack: _Stack) -> None:
    """Build what the few known names make of their arguments."""
    arguments, name = stack.items.pop(), stack.items.pop()
    if name == "_codecs encode":
        stack.items.append(str(arguments[0]).encode("latin-1"))
    elif name in _ARRAY:
        stack.items.append(_Array())
    elif name == "numpy dtype":
        stack.items.append(_Kind(_text(arguments[0])))
    elif name in ("builtins bytes", "__builtin__ bytes") and not arguments:
        stack.items.append(b"")
    else:
        raise FormatError(f"expected a pickle of plain data, got one that calls {name!r}; it is not executed")


def _build(stack: _Stack) -> None:
    """Give the array below its state (version, shape, type, order, bytes); of a type only the byte order matters."""
    state = stack.items.pop()
    target = stack.items[-1]
    if isinstance(target, _Kind):
        order = _text(state[1])
        target.code = (order if order in "<>" else "") + target.code
    elif isinstance(target, _Array):
        kind = np.dtype(state[2].code)
        if kind.kind not in _PLAIN:
            raise FormatError(f"expected an array of numbers, got {kind}")
        data = state[4] if isinstance(state[4], bytes) else str(state[4]).encode("latin-1")
        target.value = np.frombuffer(data, kind).reshape(state[1], order="F" if state[3] else "C")
    else:
        raise FormatError("expected a pickle of plain data, got one that sets an object's state; it is not executed")


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _dict(stack: _Stack) -> None:
    values = stack.since_mark()
    stack.items.append(dict(zip(values[::2], map(_finished, values[1::2]), strict=True)))


_CONSTANTS: dict[str, Any] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "MARK": _Mark,
}

_STEPS: dict[str, Any] = {
    "POP": lambda stack: stack.items.pop(),
    "TUPLE": lambda stack: stack.items.append(tuple(stack.since_mark())),
    "TUPLE1": lambda stack: _tuple(1, stack),
    "TUPLE2": lambda stack: _tuple(2, stack),
    "TUPLE3": lambda stack: _tuple(3, stack),
    "LIST": lambda stack: stack.items.append(list(stack.since_mark())),
    "DICT": _dict,
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "STACK_GLOBAL": _global,
    "REDUCE": _reduce,
    "BUILD": _build,
}
