"""`onelook eval`: a model's detections on labelled images, judged by stated rules."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onelook.cli.output import print_json
from onelook.cli.seeing import Seen, labelled_images, look_at
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset
    from onelook.evaluation.bootstrap import Interval
    from onelook.evaluation.evaluation import Evaluation
    from onelook.evaluation.matching import Matches
    from onelook.evaluation.problem import Problem
    from onelook.training.explaining.causes import Explanation

    Ranges = Mapping[str, Interval]


MODEL_HELP = (
    "A run, a bundle, a .cfg with its .weights beside it, or stored detections: COCO results, what `predict --json` "
    "prints, Darknet's -out or results/."
)


def evaluate(
    model: Annotated[Path, typer.Argument(help=MODEL_HELP)],
    data: Annotated[Path, typer.Argument(help="The labelled images; the format is found by looking.")],
    split: Annotated[
        str | None, typer.Option(help="train, val or test; by default val, or all where there is none.")
    ] = None,
    rules: Annotated[str, typer.Option(help="coco, voc07, voc10, darknet or ilsvrc.")] = "coco",
    score: Annotated[
        float | None, typer.Option(help="Threshold of precision and recall; by default the one with the best F1.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="The .weights of a .cfg that has none beside it.")] = None,
    names: Annotated[Path | None, typer.Option(help="The class names of a .cfg, one a line.")] = None,
    format: Annotated[str | None, typer.Option(help="The data's format, if looking gets it wrong.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for a page, a sheet of curves and the worst images drawn.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Try what may be wrong, and name the cause and what mends it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with every number.")] = False,
) -> None:
    """Judge MODEL on DATA and print AP, precision, recall and F1, of a classifier top-1 and top-5, for all classes and each.

    --rules darknet does all that Darknet's `detector map` does: its resizing, thresholds 0.005 and 0.45, boxes not clipped.
    With --rules ilsvrc MODEL may be a submission.csv and DATA the challenge's LOC_val_solution.csv.
    """
    from onelook.cli.classify import judged_as_classifier
    from onelook.evaluation.evaluation import headline_intervals, judge
    from onelook.evaluation.problem import lay_out
    from onelook.evaluation.rules import find_rules

    if rules == "ilsvrc":
        _localisation(model, data, split, format, weights, names, as_json)
        return
    chosen = find_rules(rules)
    if judged_as_classifier(model, data, split, format, (weights, names), as_json):
        return
    _check_charts(out)
    as_darknet = chosen.name == "darknet"
    dataset, split = labelled_images(data, split, format, as_darknet)
    seen = look_at(model, dataset, data, weights, names, as_darknet)
    truths = [dataset.truth(index) for index in range(len(dataset))]
    problem = lay_out(truths, seen.found, dataset.names, [str(path) for path in dataset.paths])
    evaluation, matches = judge(problem, chosen, score)
    ranges = headline_intervals(problem, matches, evaluation.score)
    judged = (problem, evaluation, matches)
    result = {"model": str(model), "data": str(data), "split": split, **_everything(judged, ranges, seen)}
    if out is not None:
        _write(out, result, dataset, seen, judged, ranges)
    explanation = _explained(model, data, dataset, score, weights, names) if explain else None
    if explanation is not None:
        result["explanation"] = explanation.as_json()
    if as_json:
        print_json(result)
    else:
        typer.echo(table(result, split))
        if explanation is not None:
            typer.echo("\n" + "\n".join(explanation.lines()))
        if out is not None:
            typer.echo(f"written: {out / 'report.html'}, evaluation.png, evaluation.json and worst/")


def _check_charts(out: Path | None) -> None:
    """Raise UserError at once, not after the pictures, where a sheet of curves is asked for and cannot be drawn."""
    from onelook.structures.figures import require_charts

    if out is not None:
        require_charts()


def _everything(judged: tuple["Problem", "Evaluation", "Matches"], ranges: "Ranges", seen: Seen) -> dict[str, Any]:
    """Return every number of an evaluation under the words that scripts rely on."""
    from onelook.evaluation.breakdown import costs
    from onelook.evaluation.groups import groups

    problem, evaluation, matches = judged
    grouped = groups(problem, matches, evaluation.score)
    return {
        **evaluation.as_json(),
        "intervals": {word: [interval.low, interval.high] for word, interval in ranges.items()},
        "mistakes": [cost.as_json() for cost in costs(problem, matches, evaluation.score)],
        "groups": {kind: [group.as_json() for group in part] for kind, part in grouped.items()},
        "excluded": dict(seen.excluded),
    }


def _write(
    out: Path,
    result: dict[str, Any],
    dataset: "Dataset",
    seen: Seen,
    judged: tuple["Problem", "Evaluation", "Matches"],
    ranges: "Ranges",
) -> None:
    from onelook.training.report.evaluation_page import write_evaluation
    from onelook.training.report.predictions import split_predictions

    about = {word: result[word] for word in ("model", "data", "split", "excluded")}
    title = f"{Path(result['model']).resolve().name} on {Path(result['data']).resolve().name}"
    write_evaluation(out, title, split_predictions(dataset, seen.found), judged, ranges, result, about)


def _explained(
    model: Path, data: Path, dataset: "Dataset", score: float | None, weights: Path | None, names: Path | None
) -> "Explanation":
    """Return why the result is as it is. Raises UserError without torch, and for stored detections, which hide the model."""
    from onelook.datasets.files.stored_detections import is_stored

    if is_stored(model):
        raise UserError(f"--explain: expected a model that can be tried, got stored detections: {model}")
    try:
        import torch  # noqa: F401 - only to say how to get it
    except ImportError:
        raise UserError("--explain needs torch, got none; install it by: pip install 'onelook[train]'") from None
    from onelook.datasets.reading import read
    from onelook.structures.bundle import find_model
    from onelook.training.explaining.case import read_past
    from onelook.training.explaining.explain import explain

    whole = read(data, dataset.format)
    train = whole.split("train") if "train" in whole.splits else None
    bundle = find_model(model, weights, names)
    return explain(bundle, dataset, train, read_past(model), score, str(model), str(data))


def _localisation(
    model: Path,
    data: Path,
    split: str | None,
    format: str | None,
    weights: Path | None,
    names: Path | None,
    as_json: bool,
) -> None:
    """Judge by the rules of ImageNet's localisation challenge."""
    from onelook.evaluation.ilsvrc import best_guesses, localisation

    if model.suffix == ".csv":
        from onelook.datasets.files.localisation_csv import read_submission

        solution = data if data.suffix == ".csv" else data / "LOC_val_solution.csv"
        truths, guesses, excluded = read_submission(model, solution)
        result = localisation(truths, guesses, inclusive=True)
    else:
        dataset, split = labelled_images(data, split, format)
        seen = look_at(model, dataset, data, weights, names)
        excluded = dict(seen.excluded)
        truths = [dataset.truth(index) for index in range(len(dataset))]
        result = localisation(truths, [best_guesses(found) for found in seen.found])
    words = {"model": str(model), "data": str(data), "split": split, **result.as_json(), "excluded": excluded}
    if as_json:
        print_json(words)
        return
    typer.echo(f"{result.images} images, rules ilsvrc" + "".join(f"; {n} {reason}" for reason, n in excluded.items()))
    typer.echo("\n".join(result.lines()))
    typer.echo(_choices(words["choices"]))


def table(result: dict[str, Any], split: str | None) -> str:
    """Return the numbers as lines for a reader."""
    head = f"{result['images']} images ({split or 'all'}), {result['truths']} boxes, rules {result['rules']}"
    rows: list[tuple[str, ...]] = [("class", "boxes", "AP50", "AP", "precision", "recall", "F1")]
    rows += [(row["class"], str(row["truths"]), *map(_cell, _numbers(row))) for row in result["per_class"]]
    rows.append(("all", str(result["truths"]), *map(_cell, _numbers(result))))
    rows.append(("95 % from", "", *(_cell(_end(result, word, 0)) for word in _WORDS)))
    rows.append(("to", "", *(_cell(_end(result, word, 1)) for word in _WORDS)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    foot = f"precision, recall and F1 at score {result['score']:.3f} ({result['score_from']}), IoU 0.5"
    return "\n".join([head, *lines, foot, _mistakes(result["mistakes"]), _choices(result["choices"])])


_WORDS = ("ap50", "ap", "precision", "recall", "f1")


def _numbers(row: dict[str, Any]) -> list[float | None]:
    return [row[word] for word in _WORDS]


def _end(result: dict[str, Any], word: str, end: int) -> float | None:
    ends: list[float | None] = result["intervals"].get(word, [None, None])
    return ends[end]


def _mistakes(costs: list[dict[str, Any]]) -> str:
    """Return what each kind of mistake costs, the dearest first, in one line."""
    told = sorted((cost for cost in costs if cost["costs_ap"]), key=lambda cost: -cost["costs_ap"])
    words = ", ".join(f"{cost['kind']} {cost['costs_ap']:.3f} ({cost['at_score']}x)" for cost in told)
    return f"AP50 lost to mistakes: {words or 'none'}"


def _choices(choices: dict[str, str]) -> str:
    return "; ".join(f"{word}: {what}" for word, what in choices.items())


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
