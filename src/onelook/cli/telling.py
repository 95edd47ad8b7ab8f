"""How `onelook predict` speaks while it works: lines for people, one JSON object, or one JSON object a picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import FormatError, UserError

WORDS, JSON, LINES = "words", "json", "lines"


def way_of_telling(as_json: bool, as_lines: bool) -> str:
    """Return WORDS, JSON or LINES. Raises UserError when both forms of JSON are asked for."""
    if as_json and as_lines:
        raise UserError("--json, --jsonl: expected one of them, got both")
    return LINES if as_lines else JSON if as_json else WORDS


@dataclass
class Teller:
    """Tells rows as they come, and the faults on stderr; only `--json` keeps the rows until the end."""

    model: Path
    way: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    seen: int = 0
    started: float = field(default_factory=perf_counter)

    def head(self, words: str) -> None:
        """Say what looks, before the first picture."""
        typer.echo(f"{self.model}: {words}", err=self.way != WORDS)

    def row(self, row: Mapping[str, Any], words: str) -> None:
        """Tell of one picture."""
        self.seen += 1
        if self.way == JSON:
            self.rows.append(dict(row))
        elif self.way == LINES:
            print_json(row)
        else:
            typer.echo(words)

    def fail(self, source: str, error: FormatError) -> None:
        """Tell of a source that cannot be read."""
        self.failed.append({"file": source, "error": str(error)})
        typer.echo(f"onelook: {error}", err=True)
        if self.way == LINES:
            print_json(self.failed[-1])

    def end(self, more: Mapping[str, Any], runtime: str, words: str) -> None:
        """Say the last words; exit with 1 when something could not be read."""
        seconds = perf_counter() - self.started
        if self.way == JSON:
            told = {"model": str(self.model), "runtime": runtime, "images": self.rows, **more}
            print_json({**told, "failed": self.failed, "seconds": seconds})
        elif self.way == WORDS:
            typer.echo(f"{counted(self.seen, 'picture')}, {words.format(seconds=f'{seconds:.2f} s')}")
        elif more:
            print_json(more)
        if self.failed:
            total = self.seen + len(self.failed)
            typer.echo(f"onelook: {len(self.failed)} of {total} pictures could not be read", err=True)
            raise typer.Exit(1)


def counted(number: int, what: str) -> str:
    """Return `1 picture`, `2 pictures`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def place_of(row: Mapping[str, Any]) -> str:
    """Return how a picture is named to people: its file, and in a film its number."""
    return f"{row['file']} {row['frame']}" if "frame" in row else str(row["file"])
