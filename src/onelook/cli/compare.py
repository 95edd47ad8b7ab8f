"""`onelook compare`: several models on the same labelled images, and whether their difference is more than chance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onelook.cli.output import print_json
from onelook.cli.seeing import labelled_images, look_at
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset
    from onelook.evaluation.paired import Judged

MOST_IMAGES = 10
"""Images that changed which are listed for a reader; `--json` has them all."""


def compare(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL MODEL...", help="Two or more, as `eval` takes them.")],
    data: Annotated[Path, typer.Argument(help="The labelled images; the format is found by looking.")],
    split: Annotated[
        str | None, typer.Option(help="train, val or test; by default val, or all where there is none.")
    ] = None,
    rules: Annotated[str, typer.Option(help="coco, voc07, voc10 or darknet.")] = "coco",
    score: Annotated[
        float | None,
        typer.Option(help="Threshold of precision and recall; by default each model's own with the best F1."),
    ] = None,
    format: Annotated[str | None, typer.Option(help="The data's format, if looking gets it wrong.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with every number.")] = False,
) -> None:
    """Judge every MODEL on DATA and tell how the others differ from the first, with 95 % intervals.

    All are judged on the same drawn images (paired bootstrap), so that what is hard for all of them cancels out.
    """
    from onelook.evaluation.evaluation import judge, match_by_iou
    from onelook.evaluation.paired import Judged
    from onelook.evaluation.problem import lay_out
    from onelook.evaluation.rules import find_rules

    if len(models) < 2:
        raise UserError(f"compare: expected two models or more and then the data, got {len(models)} and {data}")
    chosen = find_rules(rules)
    dataset, split = labelled_images(data, split, format, chosen.name == "darknet")
    truths = [dataset.truth(index) for index in range(len(dataset))]
    paths = [str(path) for path in dataset.paths]
    rows: list[dict[str, Any]] = []
    judged: list[Judged] = []
    for model in models:
        problem = lay_out(
            truths, look_at(model, dataset, data, as_darknet=chosen.name == "darknet").found, dataset.names, paths
        )
        evaluation, matches = judge(problem, chosen, score)
        judged.append(Judged(matches, match_by_iou(problem, chosen), evaluation.score))
        words = evaluation.as_json()
        rows.append({"model": str(model), **{word: words[word] for word in (*_NUMBERS, "score")}})
    against = [_against(judged[0], other, model, dataset) for other, model in zip(judged[1:], models[1:], strict=True)]
    result = {
        "data": str(data),
        "split": split,
        "images": len(dataset),
        "rules": chosen.name,
        "models": rows,
        "first": str(models[0]),
        "differences": against,
        "choices": chosen.choices(),
    }
    if as_json:
        print_json(result)
    else:
        typer.echo(_told(result))


_NUMBERS = ("ap", "ap50", "precision", "recall", "f1")


def _against(first: "Judged", other: "Judged", model: Path, dataset: "Dataset") -> dict[str, Any]:
    """Return the differences of one model to the first, and the images that changed."""
    from onelook.evaluation.paired import changed_images, differences

    told = {word: difference.as_json() for word, difference in differences(first, other).items()}
    images = [
        {"file": str(dataset.paths[image]), "found": found, "wrong": wrong}
        for image, found, wrong in changed_images(first, other)
    ]
    return {"model": str(model), **told, "images": images}


def _told(result: dict[str, Any]) -> str:
    """Return the comparison as lines for a reader."""
    lines = [f"{result['images']} images ({result['split'] or 'all'}), rules {result['rules']}"]
    for row in result["models"]:
        numbers = "  ".join(f"{word} {'-' if row[word] is None else f'{row[word]:.3f}'}" for word in _NUMBERS)
        lines.append(f"{row['model']}: {numbers}  (at score {row['score']:.3f})")
    for row in result["differences"]:
        lines.append(f"{row['model']} against {result['first']}:")
        lines += [f"  {_difference(word, row[word])}" for word in _NUMBERS]
        changed = row["images"]
        lines.append(f"  {len(changed)} of {result['images']} images changed" + (", most of all" if changed else ""))
        lines += [
            f"    {each['file']}: {each['found']:+d} found, {each['wrong']:+d} wrong" for each in changed[:MOST_IMAGES]
        ]
    return "\n".join(lines)


def _difference(word: str, difference: dict[str, Any]) -> str:
    if difference["difference"] is None or difference["low"] is None:
        return f"{word:10} -"
    verdict = "more than chance" if difference["certain"] else "may be chance"
    ends = f"[{difference['low']:+.3f}, {difference['high']:+.3f}]"
    return f"{word:10} {difference['difference']:+.3f}  {ends}  {verdict}"
