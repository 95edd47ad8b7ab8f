"""`onelook darknet ...`: the arguments that Darknet takes."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from onelook.cli import darknet_classifier
from onelook.cli.darknet_call import Call, parse
from onelook.cli.darknet_detector import calc_anchors, test, train
from onelook.cli.darknet_map import validate_map
from onelook.cli.train import SUPERVISED
from onelook.structures.errors import UserError, nearest

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}

COMMANDS: dict[str, Callable[[Call], None]] = {
    "train": train,
    "test": test,
    "map": validate_map,
    "calc_anchors": calc_anchors,
}
"""From the word after `detector` to what is done."""

CLASSIFIER_COMMANDS: dict[str, Callable[[Call], None]] = {
    "train": darknet_classifier.train,
    "predict": darknet_classifier.predict,
    "valid": darknet_classifier.validate,
}
"""From the word after `classifier` to what is done."""


def detector(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="train, test, map or calc_anchors.")],
) -> None:
    """Take Darknet's own words and flags: .data .cfg .weights IMAGE... and those that an unknown flag makes it list."""
    _command("detector", COMMANDS, what)(parse(context.args, context.obj == SUPERVISED))


def classifier(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="train, predict or valid.")],
) -> None:
    """Take Darknet's own words and flags: .data .cfg .weights IMAGE..., and -t or -topk."""
    _command("classifier", CLASSIFIER_COMMANDS, what)(parse(context.args, context.obj == SUPERVISED))


def _command(kind: str, commands: Mapping[str, Callable[[Call], None]], what: str) -> Callable[[Call], None]:
    if what not in commands:
        raise UserError(f"darknet {kind}: expected {', '.join(commands)}, got {what!r}{nearest(what, commands)}")
    return commands[what]


def build_app() -> typer.Typer:
    """Return the app `darknet` with the commands `detector` and `classifier`."""
    app = typer.Typer(
        help="Darknet's own command lines: detector train, test, map, calc_anchors; classifier train, predict, valid.",
        rich_markup_mode=None,
    )
    app.callback()(_darknet)
    app.command("detector", context_settings=CONTEXT)(detector)
    app.command("classifier", context_settings=CONTEXT)(classifier)
    return app


def _darknet() -> None:
    """Take Darknet's own arguments and print the result lines that scripts parse."""
