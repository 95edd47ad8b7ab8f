"""Writes docs/commands.md from every command's --help, so that the reference cannot tell of what isn't there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.testing import CliRunner

from onelook.cli.main import build_app

PAGE = Path(__file__).with_name("commands.md")
START = """# Commands

Every command and option, as `--help` tells them. `make docs` writes this page; a test compares it.

- `--json` prints one JSON object on stdout and nothing else there; progress goes to stderr.
- Exit code 0: done. 1: the check failed. 2: a mistake that the user can mend, told in one line. 130: interrupted.
- DATA is a path whose format is found by looking. MODEL is a bundle, a run, a folder or a `.cfg` or `.weights` with the
  other files beside it. NETWORK is a `.cfg` or a known name.
"""


def commands(command: object, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command under `command` in its own order: () for the whole, ("data", "check")..."""
    yield names
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*names, name))


def help_text(app: typer.Typer, names: tuple[str, ...]) -> str:
    """Return what `onelook NAMES --help` prints, at 80 columns whatever the terminal."""
    terminal = {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, [*names, "--help"], prog_name="onelook", env=terminal)
    if result.exit_code != 0:
        raise RuntimeError(f"onelook {' '.join(names)} --help: exit code {result.exit_code}: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def reference() -> str:
    """Return the page: one heading and one block of help a command."""
    app = build_app()
    blocks = [
        f"## {' '.join(('onelook', *names))}\n\n```text\n{help_text(app, names)}\n```\n"
        for names in commands(typer.main.get_command(app))
    ]
    return "\n".join([START, *blocks])


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
