"""Darknet's `.cfg`: sections of `key=value` lines, read as the original reads them.

Source: the behaviour of AlexeyAB/darknet at commit 59596d7: blanks inside a line are removed, lines that begin with # or ;
are comments, what follows a # in a value is ignored, the first of two equal keys wins, numbers end where they stop being numbers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from onelook.structures.errors import FormatError

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes; the largest known cfg has 60 kB."""

_WHOLE = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NET = ("net", "network")


@dataclass(frozen=True)
class Section:
    """One `[kind]` with its options, each as (text, line number); `where` is the file, `line` that of the header.

    `repeated` are the keys that came again, with their lines: what they said there does not count.
    """

    kind: str
    options: Mapping[str, tuple[str, int]]
    where: str
    line: int
    repeated: tuple[tuple[str, int], ...] = ()
    index: int | None = None
    """Number of the layer, from 0 after [net], as Darknet prints it; None for [net]."""

    def __contains__(self, key: str) -> bool:
        return key in self.options

    def error(self, key: str | None, words: str) -> FormatError:
        """Return a FormatError that begins with the file, the line of `key` (of the section without one) and the layer."""
        line = self.options[key][1] if key and key in self.options else self.line
        layer = "" if self.index is None else f"layer {self.index} "
        return FormatError(f"{self.where}:{line}: {layer}[{self.kind}] {words}")

    def word(self, key: str, default: str) -> str:
        """Return the option's text, `default` where it is absent."""
        return self.options[key][0] if key in self.options else default

    def integer(self, key: str, default: int) -> int:
        """Return a whole number read as C's atoi reads it: leading digits count, the rest is ignored."""
        return default if key not in self.options else self._whole(key, self.options[key][0])

    def number(self, key: str, default: float) -> float:
        """Return a number read as C's atof reads it."""
        return default if key not in self.options else self._real(key, self.options[key][0])

    def integers(self, key: str) -> tuple[int, ...]:
        """Return the comma-separated whole numbers of `key`; absent gives none."""
        return tuple(self._whole(key, part) for part in self._parts(key))

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return the comma-separated numbers of `key`; absent gives none."""
        return tuple(self._real(key, part) for part in self._parts(key))

    def changed(self, **options: object) -> "Section":
        """Return the section with options set; a new option is appended, sequences are written with commas."""
        texts = {key: (_text(value), self.options.get(key, ("", self.line))[1]) for key, value in options.items()}
        return replace(self, options={**self.options, **texts})

    def _parts(self, key: str) -> list[str]:
        return [part for part in self.word(key, "").split(",") if part]

    def _whole(self, key: str, text: str) -> int:
        found = _WHOLE.match(text)
        if not found or len(found.group()) > 18:
            raise self.error(key, f"{key}: expected a whole number, got {text!r}")
        return int(found.group())

    def _real(self, key: str, text: str) -> float:
        found = _REAL.match(text)
        if not found:
            raise self.error(key, f"{key}: expected a number, got {text!r}")
        return float(found.group())


@dataclass(frozen=True)
class Cfg:
    """The `[net]` section and the layers' sections in order."""

    net: Section
    layers: tuple[Section, ...]

    @property
    def where(self) -> str:
        """The file that it was read from."""
        return self.net.where

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) that the cfg asks for."""
        return self.net.integer("width", 0), self.net.integer("height", 0)

    @property
    def channels(self) -> int:
        """Channels of the input image."""
        return self.net.integer("channels", 3)


def read_cfg(path: Path) -> Cfg:
    """Return the cfg of a file. Raises FormatError when it is missing, not text, or no Darknet cfg."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FormatError(f"{path}: expected a Darknet cfg, got a file of {path.stat().st_size} bytes")
        return parse_cfg(path.read_text(encoding="utf-8-sig", errors="replace"), str(path))
    except OSError as error:
        raise FormatError(f"{path}: expected a Darknet cfg, got {error.strerror}") from None


def parse_cfg(text: str, where: str = "cfg") -> Cfg:
    """Return the cfg written in `text`. Raises FormatError naming `where` and the line."""
    headers: list[tuple[str, int]] = []
    options: list[dict[str, tuple[str, int]]] = []
    repeated: list[list[tuple[str, int]]] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = "".join(raw.split())
        if not line or line[0] in "#;\0":
            continue
        if line[0] == "[":
            headers.append((_kind(line, where, number), number))
            options.append({})
            repeated.append([])
            continue
        key, value = _option(line, raw, where, number)
        if not headers:
            raise FormatError(f"{where}:{number}: expected [net] before {key!r}{_HINT}")
        if key in options[-1]:
            repeated[-1].append((key, number))
        options[-1].setdefault(key, (value, number))
    together = enumerate(zip(headers, options, repeated, strict=True), start=-1)
    sections = [
        Section(kind, each, where, line, tuple(again), index if index >= 0 else None)
        for index, ((kind, line), each, again) in together
    ]
    return _checked(sections, where)


_HINT = "; a Darknet .cfg begins with [net]"


def _option(line: str, raw: str, where: str, number: int) -> tuple[str, str]:
    """Return key and value of a line without blanks; what follows a # in the value is a comment."""
    key, equals, value = line.partition("=")
    if not equals or not key:
        raise FormatError(f"{where}:{number}: expected [section] or key=value, got {raw.strip()[:60]!r}{_HINT}")
    return key, value.partition("#")[0]


def _kind(line: str, where: str, number: int) -> str:
    name, bracket, _ = line[1:].partition("]")
    if not bracket or not name:
        raise FormatError(f"{where}:{number}: expected [section], got {line[:60]!r}")
    return name.lower()


def _checked(sections: list[Section], where: str) -> Cfg:
    if not sections:
        raise FormatError(f"{where}: expected a Darknet cfg with a [net] section, got no section at all")
    net = sections[0]
    if net.kind not in _NET:
        raise net.error(None, "expected [net] as the first section; is this a cfg of another program?")
    if len(sections) == 1:
        raise net.error(None, "expected layers after [net], got none")
    return Cfg(net, tuple(sections[1:]))


def format_cfg(cfg: Cfg) -> str:
    """Return the cfg as text that Darknet reads; comments of the original are not kept."""
    blocks = [f"[{SPELLED.get(each.kind, each.kind)}]\n" + _lines(each) for each in (cfg.net, *cfg.layers)]
    return "\n".join(blocks)


SPELLED = {"gaussian_yolo": "Gaussian_yolo"}
"""Kinds that Darknet, which minds capitals, does not know in lower case."""


def _lines(section: Section) -> str:
    return "".join(f"{key}={text}\n" for key, (text, _) in section.options.items())


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return ",".join(_text(item) for item in value)
    return f"{value:.8g}" if isinstance(value, float) else str(value)
