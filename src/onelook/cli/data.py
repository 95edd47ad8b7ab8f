"""`onelook data`: look at labelled images, check, count, divide, convert and show them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset
    from onelook.datasets.findings import Finding

MOST_LINES = 20
"""Findings of one code that are printed for a person; `--json` has all."""

Data = Annotated[Path, typer.Argument(metavar="DATA", help="Folder or file that holds the labels.")]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Format of DATA, such as voc, darknet, coco; found by looking when not given."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to make; one that holds something is refused.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another draw.")]
Split = Annotated[str | None, typer.Option(help="Only the images of this split: train, val or test.")]


def build_app() -> typer.Typer:
    """Return the commands of `onelook data`."""
    from onelook.cli.data_making import convert, get, repair, split, subset

    app = typer.Typer(help="Check, count, divide, convert and show labelled images.", no_args_is_help=True)
    for command in (check, repair, stats, show, split, subset, convert, anchors, get):
        app.command(command.__name__)(command)
    return app


def check(
    data: Data,
    format: Format = None,
    size: Annotated[
        int | None, typer.Option(min=32, help="Side of the network's input: find boxes too small for it.")
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="Pixels of a cell of the network's finest head, for --size.")] = 8,
    headers: Annotated[bool, typer.Option("--headers", help="Look at the pictures' headers alone.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write a page (.html) with the guilty images drawn.")] = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong with the data, all of it; exit 1 when there are errors."""
    from onelook.datasets.checks.checking import check as check_data
    from onelook.datasets.checks.page import write_findings_page
    from onelook.datasets.reading import decide, read

    tell_format(data, format)
    findings: list[Finding] = []
    dataset = read(data, decide(data, format)[0], report=findings.append)
    findings += check_data(dataset, None, (size, size) if size else None, not headers, stride)
    if page is not None:
        write_findings_page(page, dataset, findings)
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        found = [finding.as_json() for finding in findings]
        print_json({"errors": errors, "warnings": len(findings) - errors, "findings": found})
    else:
        _print_findings(findings)
        typer.echo(f"{errors} errors, {len(findings) - errors} warnings")
    if errors:
        raise typer.Exit(1)


def stats(
    data: Data,
    format: Format = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the counts and sizes into a picture, .png or .svg.")] = None,
    as_json: Json = False,
) -> None:
    """Count images, boxes, classes and splits."""
    from onelook.datasets.stats import stats as count

    dataset = read_data(data, format)
    counts = count(dataset)
    if plot is not None:
        from onelook.datasets.stats_plot import write_plot

        write_plot(plot, dataset)
    if as_json:
        print_json(counts)
        return
    typer.echo(
        f"{counts['images']} images, {counts['boxes']} boxes ({counts['dropped']} of them without area, not used)"
    )
    typer.echo(f"boxes taken as {counts['coordinates']} pixels of the image as it is shown")
    typer.echo(f"{counts['negatives']} images without an object, {counts['unlabelled']} without an annotation")
    typer.echo(f"{counts['cardinality']:.3g} classes an image (cardinality), density {counts['density']:.3g}")
    for word in ("boxes_per_image", "widths", "heights"):
        least, median, most = counts[word] or (0, 0, 0)
        typer.echo(f"{word.replace('_', ' ')}: {least:g} to {most:g}, median {median:g}")
    typer.echo("")
    for row in class_table(counts):
        typer.echo(row)


def show(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Picture to write, .jpg or .png.")] = Path("data.jpg"),
    count: Annotated[int, typer.Option(min=1, help="Images on the sheet.")] = 12,
    split: Split = None,
    augment: Annotated[bool, typer.Option("--augment", help="Show what training makes of them, mosaics too.")] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Augmentation setting, with --augment.")
    ] = None,
    size: Annotated[int, typer.Option(min=32, max=2048, help="Width and height of each picture.")] = 320,
    seed: Seed = 0,
    format: Format = None,
    as_json: Json = False,
) -> None:
    """Draw a contact sheet: images with their boxes, as they are or as training sees them."""
    from onelook.datasets.augment import AugmentSettings
    from onelook.datasets.show import choose, contact_sheet, photographs, training_pictures, write_sheet
    from onelook.structures.settings import make_settings, parse_overrides

    if overrides and not augment:
        raise UserError("--set: changes the augmentation, which is shown with --augment only")
    settings = make_settings(AugmentSettings, parse_overrides(overrides or ()), "--set")
    dataset = read_data(data, format, split)
    chosen = choose(dataset, count, seed)
    if augment:
        samples = list(training_pictures(dataset, chosen, size, settings, seed))
    else:
        samples = list(photographs(dataset, chosen, size))
    write_sheet(out, contact_sheet(samples, dataset.names))
    shown = [str(dataset.paths[index]) for index in chosen]
    if as_json:
        print_json({"out": str(out), "images": shown})
    else:
        typer.echo(f"{out}: {len(shown)} images")


def anchors(
    data: Data,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many anchors.")] = 6,
    width: Annotated[int, typer.Option(min=1, help="Width of the network's input.")] = 416,
    height: Annotated[int, typer.Option(min=1, help="Height of the network's input.")] = 416,
    stretch: Annotated[bool, typer.Option("--stretch", help="For a network that stretches images.")] = False,
    split: Split = None,
    seed: Seed = 0,
    format: Format = None,
    as_json: Json = False,
) -> None:
    """Fit anchors to the boxes, in pixels of a network's input, and print them as a .cfg takes them."""
    from onelook.datasets.anchors import box_shapes, fit_anchors

    shapes = box_shapes(read_data(data, format, split), (width, height), not stretch)
    fitted, suits = fit_anchors(shapes, count, seed)
    pairs = [[round(float(side), 2) for side in anchor] for anchor in fitted]
    if as_json:
        print_json({"anchors": pairs, "average_iou": suits, "boxes": len(shapes)})
        return
    typer.echo("anchors = " + ", ".join(f"{wide:.0f},{high:.0f}" for wide, high in pairs))
    typer.echo(f"mean IoU of {len(shapes)} boxes with the nearest: {suits:.4f}")


def read_data(
    data: Path,
    format: str | None,
    split: str | None = None,
    coordinates: str = "continuous",
    unlabelled: bool = False,
    pictures: bool = True,
) -> "Dataset":
    """Return the data set, or one split of it; tell its format and the warnings it came with on stderr.

    With `unlabelled` an image without an annotation is a warning too. Without `pictures` none is opened.
    """
    from onelook.datasets.findings import Finding, strict_keeping
    from onelook.datasets.reading import read

    tell_format(data, format)
    kept: list[Finding] = []
    keeping = strict_keeping(kept)

    def report(finding: Finding) -> None:
        (kept.append if unlabelled and finding.code == "unlabelled" else keeping)(finding)

    dataset = read(data, format, report=report, coordinates=coordinates, pictures=pictures)
    if kept:
        codes = ", ".join(f"{count} {code}" for code, count in Counter(finding.code for finding in kept).items())
        typer.echo(f"{data}: {len(kept)} warnings ({codes}); `onelook data check` tells them", err=True)
    return dataset if split is None else dataset.split(split)


def tell_format(data: Path, format: str | None) -> None:
    """Say on stderr which format was decided on, and why."""
    from onelook.datasets.reading import decide

    name, reason = decide(data, format)
    typer.echo(f"{data}: read as {name}: {reason}", err=True)


def _print_findings(findings: Sequence["Finding"]) -> None:
    """Print findings a line each, of every code the first MOST_LINES."""
    counts = Counter(finding.code for finding in findings)
    printed: Counter[str] = Counter()
    for finding in findings:
        printed[finding.code] += 1
        if printed[finding.code] <= MOST_LINES:
            typer.echo(f"{finding.severity} [{finding.code}] {finding}")
    for code, count in counts.items():
        if count > MOST_LINES:
            typer.echo(f"... and {count - MOST_LINES} more [{code}]; --json tells all")


def class_table(counts: dict[str, Any]) -> list[str]:
    """Return a table, a row a class, of boxes in all and by split, and the images of each split below."""
    splits = list(counts["splits"])
    rows = [["class", "boxes", *splits]]
    for name, boxes in counts["classes"].items():
        rows.append([name, str(boxes), *(str(counts["split_classes"][split][name]) for split in splits)])
    rows.append(["images", str(counts["images"]), *(str(counts["splits"][split]) for split in splits)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
