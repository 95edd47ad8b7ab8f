"""`onelook export`: a model written for other programs, proved to see the same."""

from pathlib import Path
from typing import Annotated

import typer

from onelook.cli.oddities import tell_oddities
from onelook.cli.output import print_json


def export(
    model: Annotated[Path, typer.Argument(help="A run, a bundle, or a .cfg or .weights with the others beside it.")],
    to: Annotated[
        str, typer.Option("--to", help="onnx (one file) or darknet (a folder of .cfg, .weights, .names, .data).")
    ],
    out: Annotated[Path, typer.Option(help="The .onnx file or the new folder.")],
    images: Annotated[
        list[str] | None, typer.Option(help="Pictures to compare on (file, folder, glob); by default generated ones.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="The .weights of a .cfg that has none beside it.")] = None,
    names: Annotated[Path | None, typer.Option(help="The class names of a .cfg, one a line.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with the files and the difference.")
    ] = False,
) -> None:
    """Write MODEL for another program, read it back and compare what both see; exit 1 and keep nothing if they differ."""
    from onelook.inference.export import export as write
    from onelook.inference.gate import GateError
    from onelook.inference.sources import find_images
    from onelook.structures.bundle import find_model
    from onelook.structures.images import read_image

    bundle = find_model(model, weights, names)
    tell_oddities(bundle.cfg)
    pictures = [read_image(path) for path in find_images(images)] if images else []
    try:
        written = write(bundle, to, out, pictures)
    except GateError as failure:
        typer.echo(f"onelook: {out}: {failure}", err=True)
        if as_json:
            print_json({"model": str(model), "to": to, "files": [], "passed": False, **failure.difference.as_json()})
        raise typer.Exit(1) from None
    if as_json:
        files = [str(path) for path in written.files]
        print_json({"model": str(model), "to": to, "files": files, "passed": True, **written.difference.as_json()})
    else:
        typer.echo("\n".join(f"wrote {path}" for path in written.files))
        typer.echo(f"compared with {model}: {written.difference}")
