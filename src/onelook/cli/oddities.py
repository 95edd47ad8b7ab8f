"""What in a cfg does not count as it is written, told by every command that takes one."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from onelook.structures.network.cfg import Cfg


def tell_oddities(cfg: "Cfg | None") -> None:
    """Print a line on stderr for every unknown, repeated or ignored option of the cfg, with its file and line."""
    if cfg is None:
        return
    from onelook.structures.network.options import cfg_warnings

    for line in cfg_warnings(cfg):
        typer.echo(line, err=True)
