"""`onelook darknet ...`: the arguments that Darknet takes."""

from collections.abc import Callable
from typing import Annotated

import typer

from onelook.cli.darknet_call import Call, parse
from onelook.cli.darknet_detector import calc_anchors, test, train
from onelook.cli.darknet_map import validate_map
from onelook.structures.errors import UserError, nearest

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}

COMMANDS: dict[str, Callable[[Call], None]] = {
    "train": train,
    "test": test,
    "map": validate_map,
    "calc_anchors": calc_anchors,
}
"""From the word after `detector` to what is done."""


def detector(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="train, test, map or calc_anchors.")],
) -> None:
    """Take Darknet's own words and flags: .data .cfg .weights IMAGE... and those that an unknown flag makes it list."""
    if what not in COMMANDS:
        raise UserError(f"darknet detector: expected {', '.join(COMMANDS)}, got {what!r}{nearest(what, COMMANDS)}")
    COMMANDS[what](parse(context.args))


def build_app() -> typer.Typer:
    """Return the app `darknet` with the command `detector`."""
    app = typer.Typer(
        help="Darknet's own command lines: detector train, test, map, calc_anchors.", rich_markup_mode=None
    )
    app.callback()(_darknet)
    app.command("detector", context_settings=CONTEXT)(detector)
    return app


def _darknet() -> None:
    """Take Darknet's own arguments and print the result lines that scripts parse."""
