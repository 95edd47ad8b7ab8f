"""The files that Darknet's command lines name: .data, .cfg and .weights, found as Darknet finds them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from onelook.cli.darknet_call import Call
from onelook.cli.oddities import tell_oddities
from onelook.structures.errors import FormatError, UserError

if TYPE_CHECKING:
    from onelook.structures.bundle import Bundle


def let_unlabelled_pass(finding: Any) -> None:
    """Let pass what Darknet lets pass: an image without a label file counts as one without objects."""
    if finding.severity == "error" and finding.code not in ("unlabelled", "orphan-label"):
        raise FormatError(str(finding))


def data_bundle(call: Call, keys: Sequence[str] = ("names",)) -> "Bundle":
    """Return the call's cfg and weights with the class names of its .data file; oddities of the cfg are told on stderr.

    The names are in the list of the first of `keys` that the .data file has.
    """
    from onelook.datasets.files.data_file import read_data_file
    from onelook.structures.bundle import darknet_bundle

    data = call.path(0, "a .data file")
    settings = read_data_file(data)
    names = next((settings[key] for key in keys if key in settings), None)
    place = beside(data, names[0]) if names else None
    bundle = darknet_bundle(call.path(1, "a .cfg file"), call.path(2, "a .weights file"), place)
    tell_oddities(bundle.cfg)
    return bundle


def beside(data: Path, text: str) -> Path:
    """Return a path of a .data file: beside the file, or else as it stands."""
    return data.parent / text if (data.parent / text).exists() else Path(text)


def lines_of_stdin(command: str) -> list[str]:
    """Return the paths on standard input, a line each. Raises UserError, naming `command`, for none."""
    lines = [line.strip() for line in typer.get_text_stream("stdin") if line.strip()]
    if not lines:
        raise UserError(f"darknet {command}: expected an image as word 4, or paths on standard input, got none")
    return lines
