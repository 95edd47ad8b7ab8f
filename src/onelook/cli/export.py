"""`onelook export`: a model written for other programs, proved to see the same."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onelook.cli.oddities import tell_oddities
from onelook.cli.output import print_json

if TYPE_CHECKING:
    from onelook.structures.bundle import Bundle
    from onelook.structures.named_bundle import NamedBundle


def export(
    model: Annotated[Path, typer.Argument(help="A run, a bundle, or a .cfg or .weights with the others beside it.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="onnx (one file), openvino (an .xml with its .bin) or darknet (a folder of .cfg, .weights, .names, .data).",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The .onnx or .xml file, or the new folder.")],
    int8: Annotated[
        Path | None,
        typer.Option(
            help="Compute in INT8, its ranges measured on this data set or folder of pictures; with --to openvino."
        ),
    ] = None,
    images: Annotated[
        list[str] | None, typer.Option(help="Pictures to compare on (file, folder, glob); by default generated ones.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Labelled images to compare AP on; by default those of --int8.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="AP50 (top-1) that may be lost: 0.01 with --int8, 0.001 without.")
    ] = None,
    outputs: Annotated[
        str,
        typer.Option(
            help="What a detector's graph gives: raw numbers, boxes (decoded) or detections (after NMS by class)."
        ),
    ] = "raw",
    weights: Annotated[Path | None, typer.Option(help="The .weights of a .cfg that has none beside it.")] = None,
    names: Annotated[Path | None, typer.Option(help="The class names of a .cfg, one a line.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with the files and the difference.")
    ] = False,
) -> None:
    """Write MODEL for another program, read it back and compare what both see; exit 1 and keep nothing if they differ."""
    from onelook.cli.export_proof import calibration_of, proof_of
    from onelook.inference.export import export as write
    from onelook.inference.gate import GateError

    bundle = _found(model, weights, names)
    proof = proof_of(bundle, images, data, int8, tolerance)
    calibration = calibration_of(int8) if int8 else []
    try:
        written = write(bundle, to, out, proof, calibration, outputs)
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


def _found(model: Path, weights: Path | None, names: Path | None) -> "Bundle | NamedBundle":
    from onelook.structures.bundle import find_model
    from onelook.structures.named_bundle import find_named_bundle

    named = find_named_bundle(model)
    if named:
        return named
    bundle = find_model(model, weights, names)
    tell_oddities(bundle.cfg)
    return bundle
