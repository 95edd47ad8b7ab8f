"""The commands of `onelook data` that make a new folder: convert, split, subset, repair, get."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onelook.cli.darknet_project import DEFAULT, project_cfg
from onelook.cli.data import Data, Format, Json, Out, Seed, class_table, read_data, tell_format
from onelook.cli.output import print_json
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset

Unlabelled = Annotated[bool, typer.Option("--drop-unlabelled", help="Leave out images that have no annotation.")]


def split(
    data: Data,
    out: Out,
    ratio: Annotated[
        str,
        typer.Option("--ratio", "--ratios", help="Shares of train, val and, with a third, test: 70/15/15, or 0.7,0.3."),
    ] = "70/30",
    group: Annotated[
        str | None,
        typer.Option(
            help="Pattern whose first group in a picture's path keeps pictures together, such as '(scene\\d+)'."
        ),
    ] = None,
    drop_unlabelled: Unlabelled = False,
    seed: Seed = 0,
    format: Format = None,
    as_json: Json = False,
) -> None:
    """Divide the images into train, val and test, every class alike, as a Darknet folder; what was there stays as it is."""
    from onelook.datasets.changes.splitting import split_dataset
    from onelook.datasets.converting import convert as write
    from onelook.datasets.stats import stats as count

    dataset = _labelled(read_data(data, format, unlabelled=drop_unlabelled), drop_unlabelled)
    groups = None if group is None else _groups(dataset.paths, group)
    divided = split_dataset(dataset, _shares(ratio), seed, groups)
    whole = not len(divided.boxes) and (divided.labels >= 0).any()
    lost = write(divided, "folders" if whole else "darknet", out)
    counts = count(divided)
    if as_json:
        told = {word: counts[word] for word in ("images", "boxes", "classes", "splits", "split_classes")}
        print_json({"out": str(out), "seed": seed, **told, "lost": lost})
        return
    for row in [*class_table(counts), "", *lost, f"{out}: {counts['images']} images"]:
        typer.echo(row)


def convert(
    data: Data,
    to: Annotated[
        str, typer.Option("--to", help="Format to write, such as voc, darknet, coco; docs/datasets.md lists them.")
    ],
    out: Out,
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Rename a class; two that get one name are merged.")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="CLASS", help="Leave out the boxes of a class.")] = None,
    add: Annotated[
        list[Path] | None, typer.Option("--with", metavar="DATA", help="Another data set to join, classes met by name.")
    ] = None,
    drop_unlabelled: Unlabelled = False,
    labels_only: Annotated[
        bool,
        typer.Option(
            "--labels-only", help="Neither open nor write pictures; sizes are what VOC's or ImageNet's XML tells."
        ),
    ] = False,
    coordinates: Annotated[
        str, typer.Option(help="continuous, or inclusive for VOC boxes that count pixels from 1.")
    ] = "continuous",
    network: Annotated[
        str | None,
        typer.Option(help="With --to darknet: the .cfg or known name made to fit as obj.cfg; by default yolov3-tiny."),
    ] = None,
    format: Format = None,
    as_json: Json = False,
) -> None:
    """Write the data in another format, and say what that format has no word for.

    --to darknet writes all that the original Darknet trains on: in that folder, `darknet detector train obj.data obj.cfg`.
    """
    from onelook.datasets.changes.class_maps import map_classes, union

    sets = [read_data(data, format, None, coordinates, drop_unlabelled, not labels_only)]
    sets += [read_data(other, None, unlabelled=drop_unlabelled, pictures=not labels_only) for other in add or ()]
    dataset = union(sets) if len(sets) > 1 else sets[0]
    dataset = map_classes(_labelled(dataset, drop_unlabelled), _renames(rename or ()), drop or ())
    lost, changes = _written(dataset, to, out, not labels_only, network)
    if len({one.names for one in sets}) > 1:
        lost.append(
            "the sets have different classes: an object of one set's class on another's image counts as background"
        )
    counts = _counts(dataset, to)
    if as_json:
        told = {"out": str(out), "format": to, **counts, "coordinates": dataset.coordinates, "lost": lost}
        print_json(
            {
                **told,
                **({"cfg": str(out / "obj.cfg"), "changes": changes} if to == "darknet" and not labels_only else {}),
            }
        )
        return
    taken = f"boxes taken as {dataset.coordinates}, written as continuous pixels"
    written = f"{out}: {counts['images']} images, {counts['boxes']} boxes as {to}; {taken}"
    for row in [*lost, *(f"obj.cfg: {change}" for change in changes), written]:
        typer.echo(row)


def _written(
    dataset: "Dataset", to: str, out: Path, pictures: bool, network: str | None
) -> tuple[list[str], list[str]]:
    """Write the data; with --to darknet its cfg too. Return what is lost and what was changed in the cfg, a line each."""
    from onelook.datasets.converting import convert as write
    from onelook.structures.files import write_text
    from onelook.structures.network.cfg import format_cfg

    if network and (to != "darknet" or not pictures):
        got = f"--to {to}" if to != "darknet" else "--labels-only"
        raise UserError(f"--network: expected --to darknet with it, got {got}, which has no cfg")
    if to != "darknet" or not pictures:
        return write(dataset, to, out, pictures), []
    changes: list[str] = []

    def add_cfg(folder: Path) -> None:
        cfg, fitted = project_cfg(network or DEFAULT, dataset)
        write_text(folder / "obj.cfg", format_cfg(cfg))
        changes.extend(fitted)

    key = f"{network} {Path(network).read_bytes()!r}" if network and Path(network).is_file() else network or ""
    return write(dataset, to, out, pictures, add_cfg, key), changes


def subset(
    data: Data,
    out: Out,
    classes: Annotated[list[str] | None, typer.Option("--class", metavar="CLASS", help="A class to keep.")] = None,
    most_frequent: Annotated[int | None, typer.Option(min=1, help="Keep so many of the most frequent classes.")] = None,
    per_class: Annotated[int | None, typer.Option(min=1, help="Draw so many images of every class.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Format to write; that of DATA when not given.")] = None,
    seed: Seed = 0,
    format: Format = None,
    as_json: Json = False,
) -> None:
    """Write a part of the data: some classes, so many images of each."""
    from onelook.datasets.changes.subset import subset as take
    from onelook.datasets.converting import convert as write

    if classes is None and most_frequent is None and per_class is None:
        raise UserError("subset: expected --class, --most-frequent or --per-class, got none of them")
    dataset = take(read_data(data, format, unlabelled=True), classes, most_frequent, per_class, seed)
    lost = write(dataset, to or dataset.format, out)
    if as_json:
        print_json({"out": str(out), "images": len(dataset), "boxes": len(dataset.boxes), "lost": lost})
        return
    for row in [*lost, f"{out}: {len(dataset)} images, {len(dataset.boxes)} boxes, {len(dataset.names)} classes"]:
        typer.echo(row)


def repair(data: Data, out: Out, format: Format = None, as_json: Json = False) -> None:
    """Write a mended copy of the data, with every change in its repairs.log; what was there stays as it is."""
    from onelook.datasets.changes.repair import LOG
    from onelook.datasets.changes.repair import repair as mend

    tell_format(data, format)
    changes = mend(data, out, format)
    if as_json:
        print_json({"out": str(out), "changes": changes})
        return
    for code, count in sorted(Counter(change["code"] for change in changes).items()):
        typer.echo(f"{count} {code}")
    typer.echo(f"{out}: {len(changes)} changes, told in {out / LOG}")


def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="cifar10, cifar100, voc2007 or voc2012.")],
    out: Out,
    as_json: Json = False,
) -> None:
    """Fetch a public data set, check its sum and unpack it; run it again to go on where it broke off."""
    from onelook.datasets.fetching import get as fetch

    folder = fetch(name, out)
    if as_json:
        print_json({"out": str(folder), "name": name})
    else:
        typer.echo(f"{folder}: {name}")


def _counts(dataset: "Dataset", to: str) -> dict[str, int]:
    """Return how many images and boxes of a data set the format has words for."""
    from onelook.datasets.converting import sayable
    from onelook.datasets.formats import FORMATS

    written = dataset.keep(sayable(dataset, to))
    return {"images": len(written), "boxes": len(written.boxes) if "boxes" in FORMATS[to].HOLDS else 0}


def _labelled(dataset: "Dataset", drop: bool) -> "Dataset":
    return dataset.keep(dataset.labelled | (dataset.labels >= 0)) if drop else dataset


def _groups(paths: Iterable[Path], pattern: str) -> list[str]:
    """Return what the pattern's first group finds in every path; a picture in which it finds nothing is a group alone."""
    texts = [str(path) for path in paths]
    try:
        found = [re.search(pattern, text) for text in texts]
        return [match.group(1) if match else text for match, text in zip(found, texts, strict=True)]
    except (re.error, IndexError):
        raise UserError(f"--group: expected a pattern with a group, such as '(scene[0-9]+)', got {pattern!r}") from None


def _renames(words: list[str] | tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for (old, equals, new), word in zip(pairs, words, strict=True):
        if not (old and equals and new):
            raise UserError(f"--rename: expected OLD=NEW, got {word!r}")
    return {old: new for old, _, new in pairs}


def _shares(text: str) -> list[float]:
    """Return shares with the sum 1 from `70/30`, `0.7,0.3` and the like."""
    try:
        shares = [float(word) for word in re.split("[/,:]", text)]
    except ValueError:
        raise UserError(f"--ratio: expected numbers such as 70/30 or 70/15/15, got {text!r}") from None
    return [share / 100 for share in shares] if abs(sum(shares) - 100) < 1e-6 else shares
